"""How far the work has come, on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eyespot.cli.console import one_line, say, say_at_once
from eyespot.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_WORTH_A_LINE = 1.0
"""Seconds after which work without figures of its own gets a line once it is done."""

_ERASED_LINE = "\r\x1b[2K"


def progress(quiet: bool) -> Progress:
    """The progress that suits standard error: silent, bars, or lines."""
    if quiet:
        return SILENT
    return _BarsAndLines() if sys.stderr.isatty() else _Lines()


def figure(name: str, value: float) -> str:
    """A figure with its name, such as `accuracy 93.4 %`."""
    shown = f"{100 * value:.1f} %" if "accuracy" in name else f"{value:.3f}"
    return f"{name.replace('val_', 'validation ')} {shown}"


class _LineTask:
    """Work that says one line when it is done."""

    def __init__(self, description: str, unit: str) -> None:
        self.description = description
        self.unit = unit
        self.done = 0
        self.figures: dict[str, float] = {}
        self.began = time.perf_counter()

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount
        self.figures.update(figures)

    def summary(self) -> str | None:
        """The line; None where the work is too small for one."""
        seconds = time.perf_counter() - self.began
        if self.figures:
            shown = ", ".join(figure(name, value) for name, value in self.figures.items())
        elif seconds >= _WORTH_A_LINE:
            shown = f"{self.done:,} {self.unit}"
        else:
            return None
        return f"{self.description}: {shown}, {seconds:.1f} s"


class _Lines:
    """A `Progress` that says one plain line a task."""

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "pictures") -> Iterator[Task]:
        if unit == "bytes" and total:
            say(f"{description} ({total // 1_000_000} MB)")
        task = _LineTask(description, unit)
        yield task
        line = task.summary()
        if line:
            say(line)

    def note(self, line: str) -> None:
        say(one_line(line))

    def at_once(self, line: str) -> None:
        say_at_once(one_line(line))


class _BarTask(_LineTask):
    """Work with a bar that moves while it lasts."""

    def __init__(self, bars: Bars, description: str, total: int | None, unit: str) -> None:
        super().__init__(description, unit)
        self._bars = bars
        self.bar = bars.add_task(description, total=total, figures="")

    def advance(self, amount: int = 1, **figures: float) -> None:
        super().advance(amount, **figures)
        shown = ", ".join(figure(name, value) for name, value in self.figures.items())
        self._bars.update(self.bar, advance=amount, figures=shown)


class _BarsAndLines:
    """A `Progress` that draws a bar while a task lasts, and leaves its line behind."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._open = 0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "pictures") -> Iterator[Task]:
        if self._bars is None:
            self._bars = _bars()
        if self._open == 0:
            self._bars.start()
        self._open += 1
        task = _BarTask(self._bars, description, total, unit)
        line = None
        try:
            yield task
            line = task.summary()
        finally:
            self._bars.remove_task(task.bar)
            self._open -= 1
            if self._open == 0:
                self._bars.stop()
            if line:
                self.note(line)

    def note(self, line: str) -> None:
        if self._bars is not None and self._open:
            self._bars.console.print(one_line(line), markup=False, highlight=False, soft_wrap=True)
        else:
            say(one_line(line))

    def at_once(self, line: str) -> None:
        # In place of the bar, which is soon drawn anew below it.
        is_drawn = self._bars is not None and self._open and not self._bars.console.is_dumb_terminal
        say_at_once((_ERASED_LINE if is_drawn else "") + one_line(line))


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
