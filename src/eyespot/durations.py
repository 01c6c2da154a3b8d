"""Lengths of time as people write them: `20s`, `1m30s`, `0.5h`."""

from __future__ import annotations

import re

from eyespot.errors import InputError

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_FORM = re.compile(rf"(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m(?:in)?)?\s*(?:{_NUMBER}\s*s?)?", re.IGNORECASE | re.ASCII)
_EXPECTED = "a length of time, such as 20s, 1m, 1m30s or 0.5h"

LONGEST = 7 * 24 * 3600.0
"""Seconds, a week: whatever is longer was surely not meant."""


def seconds(duration: str | float) -> float:
    """How many seconds a duration is.

    Args:
        duration: hours, minutes and seconds with `h`, `m` (or `min`) and `s` after them, in this order, any of them left out;
            a number alone is seconds.

    Errors: InputError (a ValueError) for anything else, and for what is not above zero or longer than a week.
    """
    if isinstance(duration, bool) or not isinstance(duration, str | int | float):
        raise InputError(f"expected {_EXPECTED}, got {duration!r}")
    if isinstance(duration, str):
        found = _FORM.fullmatch(duration.strip())
        if found is None or not any(found.groups()):
            raise InputError(f"expected {_EXPECTED}, got {duration!r}")
        hours, minutes, rest = (float(part or 0) for part in found.groups())
        total = 3600 * hours + 60 * minutes + rest
    else:
        total = float(duration)
    if not 0 < total <= LONGEST:
        raise InputError(f"expected {_EXPECTED}, above zero and at most a week, got {duration!r}")
    return total


def in_words(total: float) -> str:
    """Seconds in the units that people use: `20 s`, `1 min 30 s`, `2 h 5 min`."""
    whole = round(total)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        rest = 0
    parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(parts) or "0 s"
