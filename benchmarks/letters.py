"""What `eyespot train letters` takes, and how well it then reads letters drawn in fonts it never saw: at most 60 s, over 95 %.

    python benchmarks/letters.py

Runs the command once for each seed and keeps its own figures: seconds of training, seconds from process start to end (drawing
the pictures, the report and all else included), and accuracy on the test part. About 4 minutes on 2 cores.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import document, eyespot, finish, parser, run_json, say, spread, table


def show(results: Sequence[dict[str, Any]]) -> str:
    """The table of the latest result."""
    latest = results[-1]
    rows = [
        [name, f"{latest[key]['median']:{shape}}", f"{latest[key]['lowest']:{shape}} to {latest[key]['highest']:{shape}}"]
        for name, key, shape in (
            ("accuracy on fonts never trained on", "accuracy", ".2%"),
            ("seconds of training", "train_seconds", ".1f"),
            ("seconds, process start to end", "total_seconds", ".1f"),
        )
    ]
    return table([f"eyespot train letters, {latest['accuracy']['n']} seeds", "median", "lowest to highest"], rows)


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, default=3, help="how many seeds, counted from 0 (default: 3)")
    arguments = flags.parse_args()
    kept: dict[str, list[float]] = {"accuracy": [], "train_seconds": [], "total_seconds": []}
    for seed in range(1 if arguments.quick else arguments.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            epochs = ["--epochs", "1"] if arguments.quick else []
            started = time.perf_counter()
            outcome = run_json(eyespot("train", "letters", "--seed", seed, "--out", Path(scratch) / "run", *epochs, "--json"))
        kept["accuracy"].append(outcome["test"]["accuracy"])
        kept["train_seconds"].append(outcome["train_seconds"])
        kept["total_seconds"].append(time.perf_counter() - started)
        say(f"seed {seed}: {outcome['test']['accuracy']:.2%} after {outcome['train_seconds']:.1f} s")
    finish(document("letters", **{name: spread(values) for name, values in kept.items()}), show, arguments)


if __name__ == "__main__":
    main()
