"""What the tests of the native form share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Recorder(TorchDispatchMode):
    """The operations that torch carries out, with their arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Sequence[Any]]] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.calls.append((operation, args))
        return operation(*args, **(kwargs or {}))

    @property
    def convolution_gradients(self) -> list[list[bool]]:
        """Of each convolution whose gradients torch itself computes: whether that of its input, its kernel, its bias."""
        backward = torch.ops.aten.convolution_backward.default
        return [list(args[-1]) for operation, args in self.calls if operation == backward]

    def count(self, operation: Any) -> int:
        return sum(called == operation for called, _ in self.calls)


@pytest.fixture
def record() -> Callable[[], Recorder]:
    """Records the operations within a `with` block."""
    return Recorder
