"""Ctrl-C and SIGTERM while training: finish the step, keep what was learned, then stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from eyespot.progress import SILENT, Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training ended early on a signal; the weights learned until then are in the model.

    Attributes:
        signal: the signal's number: SIGINT (Ctrl-C) or SIGTERM.
        at_once: whether it was the second one, which breaks off the step: the weights may be half changed.
    """

    def __init__(self, signal_number: int, *, at_once: bool = False) -> None:
        super().__init__(f"training interrupted by {signal.Signals(signal_number).name}")
        self.signal = signal_number
        self.at_once = at_once


class Interruption:
    """Whether a signal asked to stop: from the training on, until the `with` block of this object ends.

    Signals reach only the main thread; elsewhere nothing changes.

    Args:
        progress: gets a line as soon as the signal comes, within its handler.

    Attributes:
        signal: the signal's number, or None while there was none.
    """

    def __init__(self, progress: Progress = SILENT) -> None:
        self.signal: int | None = None
        self._progress = progress
        self._is_training = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def while_training(self) -> Iterator[None]:
        """From here on the first SIGINT or SIGTERM is noted and a second one raises `Interrupted`: after the block too."""
        if threading.current_thread() is threading.main_thread() and not self._before:
            self._before = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        self._is_training = True
        try:
            yield
        finally:
            self._is_training = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise Interrupted(number, at_once=True)
        self.signal = number
        self._progress.at_once(_what_follows(number, self._is_training))


@contextmanager
def noticed(interruption: Interruption | None = None) -> Iterator[Interruption]:
    """Within the block the first SIGINT or SIGTERM is noted and a second one raises `Interrupted`.

    Args:
        interruption: of a longer piece of work, whose signals are noted on after the block; None: there is none.
    """
    if interruption is not None:
        with interruption.while_training():
            yield interruption
        return
    with Interruption() as own, own.while_training():
        yield own


def _what_follows(number: int, is_training: bool) -> str:
    word, again = ("terminated", "a second signal") if number == signal.SIGTERM else ("interrupted", "Ctrl-C again")
    rest = "finishing this step and saving what was learned" if is_training else "finishing the report"
    return f"{word}: {rest} ({again} stops at once)"
