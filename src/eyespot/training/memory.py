"""Memory that a training step frees is kept by the process, for the next step; and given back after the last."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from functools import cache

# The numbers of mallopt's parameters, from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4


@cache
def keep_freed_memory() -> bool:
    """Have the C library hand freed blocks out again rather than back to the system; whether that is so now.

    glibc maps each block of more than 32 MiB anew and unmaps it when it is freed, so that every page of every large tensor
    of every step is cleared and faulted in by the system: that takes several times as long as a ReLU over it. Afterwards
    blocks up to 1 GiB come from the heap, and what is free at its end, up to 2 GiB, stays there.

    This holds for the whole process, other libraries in it included, until it ends; it cannot be read back, so neither can it
    be undone: the process stays as large as it once was, until `release_freed_memory`. It helps the main thread most, as the
    heaps of other threads end at 64 MiB. Elsewhere than on Linux with glibc (musl, macOS, Windows) nothing happens. Only the
    first call does anything.

    Source: mallopt(3).
    """
    if not _runs_on_glibc():
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Before 2.35 glibc refuses a threshold above 32 MiB; there the heap has to serve blocks of any size.
    maps_less = mallopt(_MMAP_THRESHOLD, 1 << 30) or mallopt(_MMAP_MAX, 0)
    return bool(maps_less and mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def release_freed_memory() -> bool:
    """Give the freed memory that the process has kept back to the system, once; whether any was.

    After a training, before something else asks for memory of its own kind: ONNX Runtime has an allocator of its own.
    """
    if not _runs_on_glibc():
        return False
    gc.collect()  # callbacks and their model hold each other
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _runs_on_glibc() -> bool:
    if sys.platform != "linux":
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):  # musl does not know the name
        return False
