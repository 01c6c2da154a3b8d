"""What the peers' scripts run with on the processor: in place of torchvision, of CUDA's clock, and of 200 runs after a warm-up.

Where `peer_patches.py` has changed a script, it imports this as `T`. The script is then called as

    python SCRIPT --seed S --threads N --out FOLDER [--allocator] [--compiled] [--float32-weights] [--smoke]

in a folder in which `cifar10/train.pt` and `cifar10/test.pt` lie, and leaves in FOLDER `logits.npy`, (6 views, n, classes), of
the test pictures, and `figures.json`.
"""

from __future__ import annotations

import argparse
import functools
import json
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

float32 = torch.float32

MEMORY = Path(__file__).parents[1] / "src" / "eyespot" / "training" / "memory.py"
"""Eyespot's way with freed memory; run by itself, as importing the package would take the peer's time."""


@functools.cache
def options() -> argparse.Namespace:
    """What the script was called with."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--threads", type=int, required=True)
    flags.add_argument("--out", type=Path, required=True)
    flags.add_argument("--allocator", action="store_true", help="big blocks of memory are kept, not given back to the system")
    flags.add_argument("--compiled", action="store_true", help="compile what the authors compile, in a warm-up apart")
    flags.add_argument("--float32-weights", action="store_true", help="weights in float32, computing in bfloat16 (autocast)")
    flags.add_argument("--smoke", action="store_true", help="two steps only")
    return flags.parse_args()


# ------------------------------------------------------------------------------- what the scripts call


def weights() -> torch.dtype:
    """The type of the weights and of their momentum."""
    return torch.float32 if options().float32_weights else torch.bfloat16


def compile(function: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """`torch.compile`, as a decorator with or without settings, or nothing."""
    if options().compiled:
        return torch.compile(function, **settings)
    return function if function is not None else lambda decorated: decorated


def steps(run: object, whole: int, short: int) -> int:
    """How many steps to take: `whole`, but only `short` ones where the outcome does not matter."""
    if options().smoke:
        return min(whole, short // 2)
    return short if run == "warmup" else whole


def in_float32(function: Callable[..., None]) -> Callable[..., None]:
    """Keep autocast from a function that asks for float32 itself."""

    @functools.wraps(function)
    def outside(*arguments: Any) -> None:
        with torch.autocast("cpu", enabled=False):
            function(*arguments)

    return outside


class Normalize:
    """torchvision's, to bfloat16: (n, 3, height, width) pixels 0-1."""

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        self.mean = mean.float().view(3, 1, 1)
        self.std = std.float().view(3, 1, 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().sub_(self.mean).div_(self.std).bfloat16()


class Event:
    """A moment, as `torch.cuda.Event` notes it."""

    def __init__(self, enable_timing: bool) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this moment to `end`."""
        return 1e3 * (end.at - self.at)


# ------------------------------------------------------------------------------------------- the one run


def run(network: Callable[[], Any], loader: Callable[..., Any], main: Callable[..., tuple[float, float]]) -> None:
    """Train once, from a seed; then compute the logits of the test pictures, which is not part of what is timed."""
    chosen = options()
    if chosen.allocator and not runpy.run_path(str(MEMORY))["keep_freed_memory"]():
        raise SystemExit("this system's allocator cannot be told to keep freed memory")
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    warm_up_seconds = None
    # Casts are not cached: within one block that spans all steps they would go stale.
    with torch.autocast("cpu", torch.bfloat16, enabled=chosen.float32_weights, cache_enabled=False):
        torch.manual_seed(chosen.seed)
        model = network().to(memory_format=torch.channels_last)
        if chosen.compiled:
            begin = time.perf_counter()
            model.compile(mode="max-autotune")
            main("warmup", model)
            warm_up_seconds = time.perf_counter() - begin
        torch.manual_seed(chosen.seed)
        own_accuracy, train_seconds = main(chosen.seed, model)
        ended = time.perf_counter()
        peak_bytes = _peak_bytes()
        logits = view_logits(model, loader("cifar10", train=False))
    np.save(chosen.out / "logits.npy", logits)
    figures = {
        "train_seconds": train_seconds,
        "warm_up_seconds": warm_up_seconds,
        "own_accuracy": own_accuracy,
        "peak_bytes": peak_bytes,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "seconds_after_the_end": time.perf_counter() - ended,
    }
    (chosen.out / "figures.json").write_text(json.dumps(figures), encoding="utf-8")


def view_logits(model: Any, loader: Any) -> Any:
    """The logits of each test picture in the six views of airbench, in the order of `views.six_views`: (6, n, classes)."""
    model.eval()
    # Called by `forward`, a compiled model computes uncompiled: nothing is compiled anew for these few pictures.
    pictures = loader.normalize(loader.images)
    padded = F.pad(pictures, (1,) * 4, "reflect")
    shifted = (pictures, padded[:, :, 0:32, 0:32], padded[:, :, 2:34, 2:34])
    with torch.no_grad():
        logits = [
            torch.cat(
                [model.forward(batch.contiguous(memory_format=torch.channels_last)).float() for batch in view.split(2000)]
            )
            for pictures_shifted in shifted
            for view in (pictures_shifted, pictures_shifted.flip(-1))
        ]
    return torch.stack(logits).numpy()


def _peak_bytes() -> int:
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
