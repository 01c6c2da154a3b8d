"""Where the command prints: the answer to standard output, all else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TextIO

_EIGHTHS = " ▏▎▍▌▋▊▉"


def answer(text: str) -> None:
    """Print one line, or several, of the answer."""
    _write(sys.stdout, text)


def answer_json(document: Any) -> None:
    """Print the answer as one JSON document."""
    answer(json.dumps(document, indent=2, allow_nan=False))


def say(text: str) -> None:
    """Print a line that is not part of the answer."""
    _write(sys.stderr, text)
    sys.stderr.flush()


def say_at_once(text: str) -> None:
    """Print a line of ASCII that is not part of the answer, from a signal's handler: past the stream, which may be in use."""
    with suppress(OSError, ValueError):  # standard error is closed, or no file
        os.write(sys.stderr.fileno(), f"{text}\n".encode("ascii", "replace"))


def bar(share: float, width: int = 24, stream: TextIO | None = None) -> str:
    """A bar of `width` characters of which `share`, 0-1, is filled, in characters that the stream can show."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    blocks = "█" * full + (_EIGHTHS[rest] if rest else "")
    if not _shows(stream or sys.stdout, "█" + _EIGHTHS):
        blocks = "#" * round(eighths / 8)
    return blocks.ljust(width)


def percent(share: float | None) -> str:
    """A share, 0-1, as text; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def table(rows: Iterable[Sequence[str]], numbers: frozenset[int] | set[int] = frozenset()) -> str:
    """Rows in aligned columns; those of the columns `numbers` to the right."""
    lines = [list(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    aligned = (
        (
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in lines
    )
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def listed(names: Sequence[str], limit: int = 12) -> str:
    """Names in a row; of many, the first ones and the last."""
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[: limit - 2])}, ... {names[-1]}"


def one_line(text: str) -> str:
    """Text as one line without control characters, so that a file's name cannot steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _write(stream: TextIO, text: str) -> None:
    if not _shows(stream, text):
        encoding = stream.encoding or "ascii"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text + "\n")


def _shows(stream: TextIO, text: str) -> bool:
    """Whether the stream's encoding has all these characters."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
