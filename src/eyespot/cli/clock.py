"""When this process began: what a budget counts from."""

from __future__ import annotations

import os
import time

_LONGEST_START = 5.0
"""Seconds between the start of a process and its first line: an older one was something else first, such as a shell."""


def process_began() -> float:
    """When this process began, on the clock of `time.monotonic`; where the system does not tell it cheaply, now."""
    now = time.monotonic()
    try:
        # The 22nd field, in ticks since the machine started; the second, the program's name, may hold spaces and brackets.
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, LookupError, AttributeError):  # the clock and `sysconf` are not everywhere
        return now
    return now - age if 0 <= age <= _LONGEST_START else now
