"""Where and in which precision the training computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from eyespot.errors import InputError
from eyespot.training.memory import keep_freed_memory

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "bfloat16", "float32", "float64")


def choose_device(name: str = "auto") -> torch.device:
    """The device that `name` means: `auto` is the CUDA GPU where there is one, else the processor.

    Errors: InputError, where the device is unknown or not on this machine.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if available["cuda"] else "cpu"
    if name not in available:
        raise InputError(f"unknown device {name!r}; expected one of {', '.join(DEVICES)}")
    if not available[name]:
        raise InputError(
            f"this machine has no {name} device that torch can use; on it are {', '.join(d for d in available if available[d])}"
        )
    return torch.device(name)


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether `device` has instructions for bfloat16, so that it is faster there and not emulated."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        features = torch.cpu.get_capabilities()
        return bool(features.get("amx_bf16") or features.get("avx512_bf16"))
    return False


def choose_precision(name: str, device: torch.device) -> str:
    """The precision that `name` means: `auto` is bfloat16 where the device computes in it, else float32.

    Errors: InputError, where the precision is unknown.
    """
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}; expected one of {', '.join(PRECISIONS)}")
    if name == "auto":
        return "bfloat16" if computes_in_bfloat16(device) else "float32"
    return name


@contextmanager
def torch_set_up(threads: int | None) -> Iterator[None]:
    """Within the block torch uses `threads` threads (None: as it stands) and flushes denormals, which are slow, to zero.

    Freed memory is kept by the process from here on, see `keep_freed_memory`.
    """
    keep_freed_memory()
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
