"""What pretrained features give on few photographs: networks of `keras.applications`, and the one that ships, against scratch.

    python benchmarks/pretrained.py --photographs FOLDER

FOLDER holds photographs of your own in class folders, with or without the parts train and test; without, accuracies are
cross-validated. From scratch is `eyespot train FOLDER --backbone none` with a budget of a minute; the other rows are
`--backbone cifar10` and `--backbone keras:NAME`, kept by an args.yaml from training a network from scratch as well: a head on
frozen features, which takes as long as it takes. From scratch there are several seeds; nothing of a head follows from a seed,
so of these rows there is one run each, compared with every seed from scratch. Every run has a process of its own. The published
weights are downloaded beforehand, which is not timed; what is made of them, the features of all photographs included, is made
anew in every run and counts. A row whose weights cannot be had is not measured; the rest is.

Runs that are in results.jsonl from this machine and these photographs are not done again. About 5 minutes on 2 cores, and
downloads of 235 MB.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import (
    Document,
    document,
    eyespot,
    finish_study,
    frozen_alone,
    machine,
    measure,
    parser,
    record,
    recorded,
    say,
    table,
)
from speed_results import by_row

from eyespot.errors import DownloadError
from eyespot.images import SUFFIXES
from eyespot.models.applications import fetch_weights

NAME = "pretrained"
SCRATCH = "from scratch"
NETWORKS = ("MobileNetV3Small", "EfficientNetV2B0", "ResNet50V2", "ConvNeXtTiny")
SHIPPED = "cifar10"
ROWS = (SCRATCH, SHIPPED, *(f"keras:{network}" for network in NETWORKS))
BUDGET = "1m"


def show(results: Sequence[Document]) -> str:
    """Every row, measured or not: seconds, accuracies, and how far ahead of training from scratch."""
    photographs = results[-1]["photographs"] if results else {"name": "no folder yet", "pictures": 0}
    rows = by_row([result for result in results if result["photographs"] == photographs])
    heads = ["mean (deviation)", "n", "seconds", "accuracy", "balanced accuracy", "points ahead"]
    lines = [_line(row, rows.get(row, []), rows.get(SCRATCH, [])) for row in ROWS]
    what = f"{photographs['pictures']:,} photographs ({photographs['name']}); seconds from process start to end"
    return f"{what}; points of accuracy ahead of training from scratch:\n\n{table(heads, lines)}"


def _line(row: str, results: Sequence[Document], scratch: Sequence[Document]) -> list[str]:
    if not results:
        return [row, "not measured", "", "", "", ""]
    without = [result["accuracy"] for result in scratch if row != SCRATCH]
    ahead = [100 * (result["accuracy"] - one) for result in results for one in without]
    return [
        row,
        str(len(results)),
        _summary([result["seconds"] for result in results], ".1f"),
        _summary([result["accuracy"] for result in results], ".1%"),
        _summary([result["balanced_accuracy"] for result in results], ".1%"),
        _summary(ahead, ".1f", sign="+"),
    ]


def _summary(values: Sequence[float], shape: str, sign: str = "") -> str:
    if not values:
        return ""
    deviation = f" ({statistics.stdev(values):{shape}})" if len(values) > 1 else ""
    return f"{statistics.mean(values):{sign}{shape}}{deviation}"


def described(folder: Path) -> Document:
    """By what results on other photographs are told apart: the folder's name, how many pictures it holds, and which.

    Which, is a checksum of their names and sizes, in order.
    """
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    lines = [f"{path.relative_to(folder).as_posix()}\t{path.stat().st_size}\n" for path in pictures]
    listing = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    return {"name": folder.resolve().name, "pictures": len(pictures), "listing": listing}


def weights(row: str) -> Path | None:
    """The published weights of a row's network, downloaded now unless they are here; None where it needs none.

    Errors: DownloadError, where they cannot be had.
    """
    return fetch_weights(row.removeprefix("keras:")) if row.startswith("keras:") else None


def run(row: str, folder: Path, seed: int, published: Path | None) -> Document:
    """Train once: one result."""
    with tempfile.TemporaryDirectory() as scratch:
        # A home with nothing in it but the weights: no backbone and no features from the run before.
        home = Path(scratch) / "home"
        if published is not None:
            (home / "backbones").mkdir(parents=True)
            shutil.copyfile(published, home / "backbones" / published.name)
        way = ["--backbone", "none", "--budget", BUDGET] if row == SCRATCH else frozen_alone(row, Path(scratch))
        command = ["train", folder, *way, "--seed", seed, "--out", Path(scratch) / "run", "--json"]
        measured = measure(eyespot(*map(str, command)), {**os.environ, "EYESPOT_HOME": str(home)})
    outcome: Any = json.loads(measured.output)
    return document(
        NAME,
        row=row,
        seed=seed,
        photographs=described(folder),
        seconds=measured.seconds,
        parameters=outcome["parameters"],
        accuracy=outcome["test"]["accuracy"],
        balanced_accuracy=outcome["test"]["balanced_accuracy"],
        n=outcome["test"]["n"],
    )


def due(rows: Sequence[str], seeds: int) -> list[tuple[str, int]]:
    """Each row with the seeds that it is run with: all of them from scratch, one where nothing follows from it."""
    return [(row, seed) for row in rows for seed in range(seeds if row == SCRATCH else 1)]


def at_hand(rows: Sequence[str]) -> dict[str, Path | None]:
    """The rows that can be measured, with their weights; why the others cannot is said."""
    found: dict[str, Path | None] = {}
    for row in rows:
        try:
            found[row] = weights(row)
        except DownloadError as error:
            say(f"{row}: not measured: {error}")
    return found


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--photographs", type=Path, required=True, metavar="FOLDER", help="photographs in class folders")
    flags.add_argument("--seeds", type=int, default=3, help="how many seeds from scratch, counted from 0 (default: 3)")
    arguments = flags.parse_args()
    here, photographs = machine(), described(arguments.photographs)
    earlier = [] if arguments.quick else recorded(NAME)
    of_these = [result for result in earlier if result["machine"] == here and result["photographs"] == photographs]
    done = {(result["row"], result["seed"]) for result in of_these}
    rows = at_hand(ROWS[:2] if arguments.quick else ROWS)
    results = []
    for row, seed in due(list(rows), 1 if arguments.quick else arguments.seeds):
        if (row, seed) in done:
            say(f"{row}, seed {seed}: in results.jsonl already")
            continue
        results.append(run(row, arguments.photographs, seed, rows[row]))
        say(f"{row}, seed {seed}: {results[-1]['accuracy']:.1%} in {results[-1]['seconds']:.0f} s")
        if not arguments.quick:
            record(results[-1])
    finish_study(results if arguments.quick else recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
