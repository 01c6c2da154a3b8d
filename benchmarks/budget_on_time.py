"""Does `eyespot train --budget` end on time, and is more time never worse? Seconds are from process start to exit.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/budget_on_time.py [--photographs FOLDER] [--only PATTERN]

On CIFAR-10; on five of its classes enlarged to 96 x 96 pixels, 600 pictures each in class folders; and on a folder of
photographs of your own, with parts train and test. The first two also beside a process that keeps one core busy throughout.
Every run is a process of its own; rows take turns, seed after seed. `accuracy_speed.py` has CIFAR-10 with longer budgets. About
15 minutes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from common import HERE, Document, document, eyespot, finish_study, measure, parser, record, recorded, say, table
from speed_results import by_row, mean_of
from speed_runs import held_out_accuracy

from eyespot.run_folder import RunFolder

NAME = "budget_on_time"
ENLARGED = ("--train", "3000", "--test", "500", "--classes", "5", "--size", "96")
SECONDS = {"20s": 20.0, "1m": 60.0, "5m": 300.0}


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        data: what is learned from.
        budget: as the flag takes it.
        is_busy: whether a process keeps one core busy meanwhile.
    """

    data: str
    budget: str
    is_busy: bool = False

    @property
    def name(self) -> str:
        """As the table and `--only` have it."""
        return f"{self.data}, {self.budget}{', one core busy' if self.is_busy else ''}"


ROWS = (
    *(Row(data, budget, busy) for data in ("CIFAR-10", "96 pixels") for budget in ("20s", "1m") for busy in (False, True)),
    *(Row("photographs", budget) for budget in SECONDS),
)


def show(results: Sequence[Document]) -> str:
    """Each budget with what was predicted, what it took and what it came to: means over the seeds."""
    rows = by_row(results)
    heads = [
        "",
        "n",
        "predicted, s",
        "took, s",
        "lowest to highest",
        "share of the budget",
        "held-out pictures",
        "test pictures",
    ]
    lines = []
    for row in (row for row in ROWS if row.name in rows):
        found = rows[row.name]
        seconds = [result["seconds"] for result in found]
        lines.append(
            [
                row.name,
                str(len(found)),
                f"{mean_of(found, 'predicted_seconds'):.1f}",
                f"{statistics.mean(seconds):.1f}",
                f"{min(seconds):.1f} to {max(seconds):.1f}",
                f"{statistics.mean(seconds) / SECONDS[row.budget]:.2f}",
                f"{mean_of(found, 'held_out_accuracy'):.1%}",
                f"{mean_of(found, 'test_accuracy'):.1%}",
            ]
        )
    return table(heads, lines)


@contextmanager
def one_core_busy(is_busy: bool) -> Iterator[None]:
    """Within it, a process keeps the last core busy, where that is asked for."""
    if not is_busy:
        yield
        return
    pinned = f"import os; os.sched_setaffinity(0, {{{max(os.sched_getaffinity(0))}}})\n" if sys.platform == "linux" else ""
    with subprocess.Popen([sys.executable, "-c", f"{pinned}while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def run(row: Row, pictures: str | Path, seed: int) -> Document:
    """Train once: one result."""
    with tempfile.TemporaryDirectory() as scratch, one_core_busy(row.is_busy):
        folder = Path(scratch) / "run"
        command = ["train", str(pictures), "--budget", row.budget, "--seed", str(seed), "--out", folder, "--json"]
        measured = measure(eyespot(*command))
        outcome = json.loads(measured.output)
        return document(
            NAME,
            row=row.name,
            seed=seed,
            seconds=measured.seconds,
            predicted_seconds=outcome["budget"]["predicted_seconds"],
            parameters=outcome["parameters"],
            steps=outcome["steps"],
            budget=outcome["budget"],
            held_out_accuracy=held_out_accuracy(RunFolder(folder)),
            test_accuracy=outcome["test"]["accuracy"],
        )


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--photographs", type=Path, metavar="FOLDER", help="photographs of your own, in class folders")
    flags.add_argument("--only", default="*", metavar="PATTERN", help="only rows with such a name, as in '96*'")
    flags.add_argument("--seeds", type=int, default=3, help="how many seeds of each row (default: 3)")
    arguments = flags.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        where = {"CIFAR-10": "cifar10", "96 pixels": Path(scratch), "photographs": arguments.photographs}
        measure([sys.executable, HERE / "cifar10_copy.py", "folders", scratch, *ENLARGED])
        rows = [row for row in ROWS if where[row.data] is not None and fnmatch(row.name, arguments.only)]
        results = []
        for seed in range(1 if arguments.quick else arguments.seeds):
            for row in rows[:1] if arguments.quick else rows:
                results.append(run(row, where[row.data] or "", seed))
                say(f"{row.name}: {results[-1]['seconds']:.1f} s")
                if not arguments.quick:
                    record(results[-1])
    finish_study(results if arguments.quick else recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
