"""Images a second of training on the tutorial network: Eyespot against stock Keras `fit` on torch, TensorFlow and JAX.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/training_throughput.py

Every variant compiles the same Keras model with the same Adam and trains it on the same random 32x32 pictures in batches of
128. Each runs in a process of its own, alone, one after the other, round after round. Counted is the time from the end of the
first epoch to the end of the last: imports, compilation and the first 8 steps are left out, shuffling and whatever else an
epoch takes is not. `bfloat16` is Eyespot's `precision=` and Keras' `mixed_bfloat16` policy. Takes about 9 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from common import HERE, document, finish, parser, peer_environment, peer_python, run_json, say, spread, table

VARIANTS = (
    ("eyespot", "torch", "bfloat16"),
    ("eyespot", "torch", "float32"),
    ("stock", "torch", "float32"),
    ("stock", "torch", "bfloat16"),
    ("stock", "tensorflow", "float32"),
    ("stock", "tensorflow", "bfloat16"),
    ("stock", "jax", "float32"),
    ("stock", "jax", "bfloat16"),
)
BASELINE = "Keras on torch, float32"


def name_of(engine: str, backend: str, precision: str) -> str:
    """What a variant is called in the table."""
    return f"Eyespot, {precision}" if engine == "eyespot" else f"Keras on {backend}, {precision}"


def measure(engine: str, backend: str, precision: str, arguments: argparse.Namespace) -> Any:
    """Run one variant once: images a second, and the versions it ran on."""
    python = peer_python(backend)
    if python is None:
        raise SystemExit(f"no environment for Keras on {backend}: run python benchmarks/peers.py first")
    limits = ["--steps", str(arguments.steps), "--seconds", str(arguments.seconds)]
    command = [python, HERE / "throughput_worker.py", engine, precision, *limits]
    return run_json(command, peer_environment(backend))


def compare(speeds: dict[str, list[float]]) -> list[dict[str, Any]]:
    """One row a variant: its speed, and how many times that of the baseline and of the fastest peer (medians)."""
    rows = [{"variant": name, **spread(values)} for name, values in speeds.items()]
    medians = {row["variant"]: row["median"] for row in rows}
    fastest = max((name for name in medians if not name.startswith("Eyespot")), key=medians.__getitem__)
    for row in rows:
        row["times_baseline"] = row["median"] / medians[BASELINE]
        row["times_fastest_peer"] = row["median"] / medians[fastest]
    return rows


def show(results: Sequence[dict[str, Any]]) -> str:
    """The table of the latest result."""
    return table(
        ["training the tutorial network", "images/s", "lowest to highest", "n", "times stock torch", "times the fastest peer"],
        [
            [
                row["variant"],
                f"{row['median']:.0f}",
                f"{row['lowest']:.0f} to {row['highest']:.0f}",
                str(row["n"]),
                f"{row['times_baseline']:.2f}",
                f"{row['times_fastest_peer']:.2f}",
            ]
            for row in results[-1]["rows"]
        ],
    )


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--rounds", type=int, default=3, help="how often each variant runs (default: 3)")
    flags.add_argument("--steps", type=int, default=8, help="steps of 128 pictures in an epoch (default: 8)")
    flags.add_argument("--seconds", type=float, default=10.0, help="how long each run measures, at least (default: 10)")
    flags.add_argument("--only", default="", help="run only the variants whose name contains this text, and Keras on torch")
    arguments = flags.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.steps, arguments.seconds = 1, 2, 0.5

    chosen = [v for v in VARIANTS if arguments.only in name_of(*v) or name_of(*v) == BASELINE]
    speeds: dict[str, list[float]] = {name_of(*variant): [] for variant in chosen}
    installed: dict[str, Any] = {}
    for turn in range(arguments.rounds):
        for variant in chosen if turn % 2 == 0 else reversed(chosen):
            outcome = measure(*variant, arguments)
            speeds[name_of(*variant)].append(outcome["images_per_second"])
            installed |= outcome["versions"]
            say(f"round {turn + 1}: {name_of(*variant)}: {outcome['images_per_second']:.0f} images/s")

    settings = {"batch_size": 128, "steps_per_epoch": arguments.steps, "seconds": arguments.seconds}
    result = document("training_throughput", settings=settings, peers=installed, rows=compare(speeds))
    arguments.quick = arguments.quick or bool(arguments.only)  # an incomplete comparison is not kept
    finish(result, show, arguments)


if __name__ == "__main__":
    main()
