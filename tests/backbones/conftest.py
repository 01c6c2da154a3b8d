"""What the tests of backbones share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eyespot.backbones import Backbone, find
from eyespot.bundle import Description, write
from eyespot.network import Network


@dataclass
class Listener:
    """A `Progress` that remembers what it was told."""

    notes: list[str] = field(default_factory=list)
    totals: list[int | None] = field(default_factory=list)
    done: int = 0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "pictures") -> Iterator[Listener]:
        self.totals.append(total)
        yield self

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount

    def note(self, line: str) -> None:
        self.notes.append(line)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with no runs, and EYESPOT_HOME in it, which is not made yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EYESPOT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def save() -> Callable[..., Path]:
    """Writes a network as a model file: (path, network, data={}) -> path; folders are made."""

    def saved(path: Path, network: Network, data: dict[str, str] | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        (count,) = network.shapes[network.output]
        height, width, _ = network.input_shape
        description = Description(
            classes=tuple(f"class {number}" for number in range(count)),
            size=(height, width),
            data={"name": "pets", "fingerprint": "0" * 64, **(data or {})},
            recipe={"name": "quick"},
        )
        write(path, network, description)
        return path

    return saved


@pytest.fixture
def backbone(home: Path, tiny_model: Path) -> Backbone:
    """The network of `tiny_model` up to its four features."""
    found = find(str(tiny_model))
    assert found is not None
    return found
