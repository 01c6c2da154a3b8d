"""The tutorial recipe on CIFAR-10 to its own end: accuracy and loss on the test pictures, against the 77 % and 0.68 it claims.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/tutorial_accuracy.py --seeds 3

Runs `eyespot train cifar10 --recipe tutorial --seed S` for S = 0, 1, 2... and leaves the runs in benchmarks/runs/. Seeds that
are in results.jsonl already are not run again, so that a study that was broken off goes on. About half an hour a seed on 2
cores.

Where a folder `test-lossless` of class folders lies beside the CIFAR-10 folder, the class-balanced accuracy on it is given too:
some copies of CIFAR-10 hold part of the test pictures only as JPEG, and those are in that folder which are exact. The curves,
docs/images/tutorial_curves.png, are drawn anew from all results, stock `fit` beside them where `learning_curves.py` ran it.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import curves
from common import RUNS, document, eyespot, finish_study, parser, record, recorded, run_json, say, table

from eyespot.run_folder import RunFolder

NAME = "tutorial_accuracy"


def exact_test_pictures() -> Path | None:
    """The folder of test pictures known to be exact, where there is one."""
    named = os.environ.get("EYESPOT_CIFAR10")
    if not named:
        return None
    beside = [Path(named) / "test-lossless", Path(named).parent / "test-lossless"]
    return next((folder for folder in beside if folder.is_dir()), None)


def trained(seed: int, quick: bool) -> RunFolder:
    """The finished run of this seed, trained now unless it lies in benchmarks/runs/ already."""
    run = RunFolder(RUNS / f"{'one-epoch' if quick else 'tutorial'}-seed{seed}")
    if not run.is_finished:
        say(f"seed {seed}: training")
        epochs = ["--epochs", "1"] if quick else []
        run_json(eyespot("train", "cifar10", "--recipe", "tutorial", "--seed", seed, "--out", run.path, *epochs, "--json"))
    return run


def figures(run: RunFolder, seed: int) -> dict[str, Any]:
    """One result: the curves, and the figures on all test pictures and on the exact ones."""
    metrics = run.read_metrics()
    exact = exact_test_pictures()
    evaluated = run_json(eyespot("evaluate", run.path, exact, "--json")) if exact else None
    wanted = ("accuracy", "balanced_accuracy", "loss", "ece", "n")
    return document(
        NAME,
        seed=seed,
        epochs=metrics["epochs"],
        stopped_early=metrics["stopped_early"],
        train_seconds=metrics["train_seconds"],
        images_per_second=metrics["images_per_second"],
        all_test_pictures={key: metrics["test"][key] for key in wanted},
        exact_test_pictures={key: evaluated[key] for key in wanted} if evaluated else None,
        history=[{key: _rounded(value) for key, value in asdict(epoch).items()} for epoch in run.read_history()],
    )


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def show(results: Sequence[dict[str, Any]]) -> str:
    """One row a seed, and the mean with the standard deviation over seeds."""
    rows = [
        [
            f"seed {result['seed']}",
            *(f"{value:{shape}}" if value is not None else "" for value, shape in zip(_row(result), _SHAPES, strict=True)),
        ]
        for result in results
    ]
    if len(results) > 1:
        columns = zip(*(_row(result) for result in results), strict=True)
        rows.append(["mean (deviation)", *(_summary(column, shape) for column, shape in zip(columns, _SHAPES, strict=True))])
    heads = ["tutorial recipe", "balanced accuracy, exact", "accuracy, all", "loss, all", "epochs", "minutes"]
    return f"{table(heads, rows)}\n\n![training and test curves](../docs/images/tutorial_curves.png)"


_SHAPES = (".2%", ".2%", ".3f", ".0f", ".1f")


def _row(result: dict[str, Any]) -> tuple[float | None, ...]:
    everything, exact = result["all_test_pictures"], result["exact_test_pictures"]
    balanced = exact["balanced_accuracy"] if exact else None
    return balanced, everything["accuracy"], everything["loss"], result["epochs"], result["train_seconds"] / 60


def _summary(values: Sequence[float | None], shape: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    deviation = f" ({statistics.stdev(known):{shape}})" if len(known) > 1 else ""
    return f"{statistics.mean(known):{shape}}{deviation}"


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, default=3, help="how many seeds, counted from 0 (default: 3)")
    flags.add_argument("--seed", type=int, help="just this one seed")
    arguments = flags.parse_args()
    seeds = [arguments.seed] if arguments.seed is not None else range(1 if arguments.quick else arguments.seeds)
    if arguments.quick:
        finish_study([figures(trained(seed, quick=True), seed) for seed in seeds], show, arguments)
        return
    done = {result["seed"] for result in recorded(NAME)}
    for seed in seeds:
        if seed in done:
            say(f"seed {seed}: in results.jsonl already")
            continue
        record(figures(trained(seed, quick=False), seed))
        curves.draw()
    finish_study(recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
