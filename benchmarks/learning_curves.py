"""Eyespot and stock Keras `fit` learn alike: the tutorial's first three epochs from the same initial weights, dropout on.

    python benchmarks/learning_curves.py --seeds 3

Both sides train the same compiled Keras model on CIFAR-10, as the tutorial says, once for each seed, from which shuffling and
dropout follow; the initial weights are the same throughout. Compared are loss and accuracy after each epoch: how far the means
lie apart, in standard errors of that difference (with three seeds a side, chance gives up to about 3). Stock `fit` runs on
torch in float32, Eyespot in the precision it chooses itself. Seeds that are in results.jsonl already are not run again. About 8
minutes a seed on 2 cores.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from itertools import product
from typing import Any

import curves
from common import HERE, document, finish_study, parser, peer_environment, record, recorded, run_json, say, table

NAME = "learning_curves"
ENGINES = ("stock", "eyespot")
FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")


def trained(engine: str, seed: int, quick: bool) -> dict[str, Any]:
    """Train once: one result, with the figures of every epoch."""
    few = ["--pictures", "512"] if quick else []
    outcome = run_json([sys.executable, HERE / "learning_worker.py", engine, str(seed), *few], peer_environment("torch"))
    return document(NAME, engine=engine, seed=seed, **outcome)


def show(results: Sequence[dict[str, Any]]) -> str:
    """One row a figure and epoch: both sides' mean and deviation over seeds, and how far they lie apart."""
    sides = {engine: [result for result in results if result["engine"] == engine] for engine in ENGINES}
    if not all(sides.values()):
        return "One side is not measured yet."
    rows = []
    for name in FIGURES:
        for epoch in range(len(results[0]["history"][name])):
            stock, own = ([result["history"][name][epoch] for result in sides[engine]] for engine in ENGINES)
            rows.append([f"{name}, epoch {epoch + 1}", _summary(stock), _summary(own), _distance(stock, own)])
    counts = [f"{name}, n={len(sides[engine])}" for name, engine in (("stock fit", "stock"), ("Eyespot", "eyespot"))]
    return table(["mean (deviation)", *counts, "apart, standard errors"], rows)


def _summary(values: Sequence[float]) -> str:
    deviation = f" ({statistics.stdev(values):.4f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"


def _distance(stock: Sequence[float], own: Sequence[float]) -> str:
    """The difference of the means over its standard error, as in Welch's t-test."""
    if min(len(stock), len(own)) < 2:
        return ""
    error = math.sqrt(statistics.variance(stock) / len(stock) + statistics.variance(own) / len(own))
    return f"{(statistics.mean(own) - statistics.mean(stock)) / error:+.1f}" if error else ""


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, default=3, help="how many seeds a side, counted from 0 (default: 3)")
    arguments = flags.parse_args()
    if arguments.quick:
        finish_study([trained(engine, 0, quick=True) for engine in ENGINES], show, arguments)
        return
    done = {(result["engine"], result["seed"]) for result in recorded(NAME)}
    for seed, engine in product(range(arguments.seeds), ENGINES):
        if (engine, seed) in done:
            say(f"{engine}, seed {seed}: in results.jsonl already")
            continue
        say(f"{engine}, seed {seed}: training")
        record(trained(engine, seed, quick=False))
        curves.draw()
    finish_study(recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
