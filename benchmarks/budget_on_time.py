"""Does `eyespot train --budget` end on time? Seconds from process start to exit, against the budget and what was predicted.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/budget_on_time.py

On CIFAR-10, and on five of its classes enlarged to 96 x 96 pixels (600 pictures each, in class folders); each on a machine
that does nothing else, and beside a process that keeps one core busy throughout. The budgets take turns, every run is a process
of its own. About 15 minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from common import HERE, Document, document, eyespot, finish, measure, parser, say, spread, table

BUDGETS = {"20s": 20.0, "1m": 60.0}
DATA = ("CIFAR-10", "five classes at 96 pixels")
ENLARGED = ("--train", "3000", "--test", "500", "--classes", "5", "--size", "96")


def show(results: Sequence[Document]) -> str:
    """Each budget with what was predicted, and what it took."""
    heads = ["data, machine", "budget", "predicted", "took", "lowest to highest", "n", "share of the budget", "trained"]
    lines = [
        [
            f"{row['data']}, {'one core busy' if row['is_busy'] else 'quiet'}",
            row["budget"],
            f"{row['predicted_seconds']['median']:.1f}",
            f"{row['seconds']['median']:.1f}",
            f"{row['seconds']['lowest']:.1f} to {row['seconds']['highest']:.1f}",
            str(row["seconds"]["n"]),
            f"{row['seconds']['median'] / BUDGETS[row['budget']]:.2f}",
            row["trained"],
        ]
        for row in results[-1]["rows"]
    ]
    return table(heads, lines)


@contextmanager
def one_core_busy(is_busy: bool) -> Iterator[None]:
    """Within it, a process keeps the last core busy, where it is asked for."""
    if not is_busy:
        yield
        return
    last = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    pinned = "" if last is None else f"import os; os.sched_setaffinity(0, {{{last}}})\n"
    with subprocess.Popen([sys.executable, "-c", f"{pinned}while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def run(pictures: str | Path, budget: str, seed: int) -> Document:
    """Train once."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["train", str(pictures), "--budget", budget, "--seed", str(seed)]
        measured = measure(eyespot(*command, "--out", Path(scratch) / "run", "--json"))
    outcome = json.loads(measured.output)
    trained = f"{outcome['parameters']:,} weights, {outcome['steps']:,} steps"
    return {**outcome["budget"], "seconds": measured.seconds, "trained": trained}


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--repeats", type=int, default=3)
    arguments = flags.parse_args()
    budgets = ["20s"] if arguments.quick else list(BUDGETS)
    with tempfile.TemporaryDirectory() as scratch:
        enlarged = Path(scratch) / "enlarged"
        measure([sys.executable, HERE / "cifar10_copy.py", "folders", enlarged, *ENLARGED])
        where = dict(zip(DATA, ("cifar10", enlarged), strict=True))
        cases = list(product(DATA[1:] if arguments.quick else DATA, budgets, (False, True)))
        found: dict[tuple[str, str, bool], list[Document]] = {case: [] for case in cases}
        for repeat in range(1 if arguments.quick else arguments.repeats):
            for data, budget, is_busy in cases:
                with one_core_busy(is_busy):
                    outcome = run(where[data], budget, repeat)
                say(f"{data}, {budget}, {'one core busy' if is_busy else 'quiet'}: {outcome['seconds']:.1f} s")
                found[data, budget, is_busy].append(outcome)
    rows = [
        {
            "data": data,
            "budget": budget,
            "is_busy": is_busy,
            "seconds": spread([outcome["seconds"] for outcome in outcomes]),
            "predicted_seconds": spread([outcome["predicted_seconds"] for outcome in outcomes]),
            "trained": outcomes[-1]["trained"],
            "runs": outcomes,
        }
        for (data, budget, is_busy), outcomes in found.items()
    ]
    finish(document("budget_on_time", rows=rows), show, arguments)


if __name__ == "__main__":
    main()
