"""How far a long piece of work has come, told to whoever wants to know.

The library reports to a `Progress`; it never prints. `SILENT` tells nobody; `eyespot.cli` passes one that draws bars.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int = 1, **figures: float) -> None:
        """`amount` more units are done; `figures` (such as loss and accuracy) replace those shown beside the bar."""


class Progress(Protocol):
    """Receives the progress of work and the lines worth reading."""

    def task(self, description: str, total: int | None, unit: str = "pictures") -> AbstractContextManager[Task]:
        """Open a task of `total` units (None: not known) that closes with the `with` block."""

    def note(self, line: str) -> None:
        """One line for the reader."""

    def at_once(self, line: str) -> None:
        """The same from within a signal's handler: it may have broken in on anything, `note` and `advance` too."""


class _SilentTask:
    def advance(self, amount: int = 1, **figures: float) -> None:
        pass


class _Silent:
    def task(self, description: str, total: int | None, unit: str = "pictures") -> AbstractContextManager[Task]:
        return nullcontext(_SilentTask())

    def note(self, line: str) -> None:
        pass

    def at_once(self, line: str) -> None:
        pass


SILENT: Progress = _Silent()
"""A `Progress` that tells nobody."""
