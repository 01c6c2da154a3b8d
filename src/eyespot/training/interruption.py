"""Ctrl-C and SIGTERM while training: finish the step, keep what was learned, then stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
    """Whether a signal asked the training to stop.

    Attributes:
        signal: the signal's number, or None while there was none.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise Interrupted(number, at_once=True)
        self.signal = number


@contextmanager
def noticed() -> Iterator[Interruption]:
    """Within the block the first SIGINT or SIGTERM is noted and a second one raises `Interrupted`.

    Signals reach only the main thread; elsewhere nothing changes.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption._receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
