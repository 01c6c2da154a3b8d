"""Few pictures: frozen features of a network that learned seven CIFAR-10 classes against training from scratch on the others.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/few_pictures.py

The backbone is what `eyespot train` makes of the seven classes in five minutes; it has never seen the three others. Of each of
these, 20, 50 or 130 training pictures are drawn, ten times; within a draw the smaller choice is part of the larger. Both sides
learn from the same draw, each in a process of its own and with nothing cached: `eyespot train DRAW --backbone none` with a
budget of a minute, and `--backbone BACKBONE`, kept by an args.yaml from training a network from scratch as well, which takes as
long as it takes. Both are judged by the same 3,000 test pictures.

Held out are airplane, ship and truck. Their test pictures are exact in those copies of CIFAR-10, too, that hold some of the
others only as JPEG (see `tutorial_accuracy.py`), so that all of them count. And the seven that remain are six animals and one
vehicle: the backbone has seen both kinds of things, as any pretrained one has, but mostly the other kind. They were chosen
before anything was measured.

What is shown is the mean over the draws of the difference in accuracy within a draw, with its 95 % interval by Student's t: it
says how much the figures owe to which pictures were drawn, not to the choice of classes or test pictures. Results that are in
results.jsonl from this machine and this backbone are not measured again, so that a study that was broken off goes on. The
backbone takes 6 minutes, a draw at most 4 for all sizes and both sides, all of it about three quarters of an hour on 2 cores.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    HERE,
    RUNS,
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

from eyespot.files import sha256
from eyespot.run_folder import RunFolder

NAME = "few_pictures"
HELD_OUT = ("airplane", "ship", "truck")
LEARNED = ("automobile", "bird", "cat", "deer", "dog", "frog", "horse")
SIZES = (20, 50, 130)
"""Pictures of each held-out class to learn from."""
SCRATCH, FROZEN = "from scratch", "frozen features"
BUDGET, BACKBONE_BUDGET = "1m", "5m"
SMOKE = ("--train", "2000", "--test", "300")
"""Of a smoke check: the pictures of either kind."""

Pair = tuple[Document, Document]


# ------------------------------------------------------------------------------------------------ tables


def show(results: Sequence[Document]) -> str:
    """Both sides at every size, and the paired difference with its interval."""
    heads = ["pictures of each class", "draws", SCRATCH, FROZEN, "points ahead (95 % interval)", "draws ahead"]
    lines = []
    for size in SIZES:
        found = pairs(results, size)
        if not found:
            lines.append([str(size), "not measured", "", "", "", "", "", ""])
            continue
        sides = list(zip(*found, strict=True))
        differences = [frozen["accuracy"] - scratch["accuracy"] for scratch, frozen in found]
        accuracies, seconds = ([[result[key] for result in side] for side in sides] for key in ("accuracy", "seconds"))
        lines.append(
            [
                str(size),
                str(len(found)),
                *(f"{statistics.mean(values):.1%}" for values in accuracies),
                _points(differences),
                f"{sum(difference > 0 for difference in differences)}",
                *(f"{statistics.median(values):.0f}" for values in seconds),
            ]
        )
    parts = [table([*heads, f"s, {SCRATCH}", f"s, {FROZEN}"], lines)]
    latest = _latest_backbone(results)
    if latest is not None:
        parts.append(
            f"Accuracy on the test pictures of {', '.join(HELD_OUT)}: means. Seconds from process start to end: medians. The "
            f"backbone tells {', '.join(LEARNED)} apart, {latest['accuracy']:.1%} of their test pictures rightly, after "
            f"{latest['train_seconds']:.0f} s of training."
        )
    return "\n\n".join(parts)


def pairs(results: Sequence[Document], size: int) -> list[Pair]:
    """The results of both sides on each draw of that size that has both; of frozen features, with the latest backbone."""
    latest = _latest_backbone(results)
    rows = by_row([result for result in results if result["backbone"] in (None, latest)])
    scratch, frozen = ({result["seed"]: result for result in rows.get(row_name(size, side), [])} for side in (SCRATCH, FROZEN))
    return [(scratch[draw], frozen[draw]) for draw in sorted(scratch.keys() & frozen.keys())]


def row_name(size: int, side: str) -> str:
    """As the results file has it."""
    return f"{size} of each class, {side}"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of at least two values, by Student's t."""
    from scipy import stats

    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / sqrt(len(values))
    return statistics.mean(values) - half, statistics.mean(values) + half


def _points(differences: Sequence[float]) -> str:
    mean = f"{100 * statistics.mean(differences):+.1f}"
    if len(differences) < 2:
        return mean
    low, high = interval(differences)
    return f"{mean} ({100 * low:+.1f} to {100 * high:+.1f})"


def _latest_backbone(results: Sequence[Document]) -> Document | None:
    return next((result["backbone"] for result in reversed(results) if result["backbone"] is not None), None)


# ------------------------------------------------------------------------------------------------- study


def trained_backbone(quick: bool) -> RunFolder:
    """The run that learned the seven classes, trained now unless it lies in benchmarks/runs/ already."""
    run = RunFolder(RUNS / f"{'smoke-' if quick else ''}{NAME}-backbone")
    if run.is_finished:
        return run
    shutil.rmtree(run.path, ignore_errors=True)  # of a training that broke off
    say("the backbone: training")
    with tempfile.TemporaryDirectory() as scratch:
        write_pictures(Path(scratch), LEARNED, quick)
        budget = "20s" if quick else BACKBONE_BUDGET
        measure(eyespot("train", scratch, "--budget", budget, "--backbone", "none", "--out", run.path, "--json"))
    return run


def backbone_facts(run: RunFolder) -> Document:
    """What the results keep of the backbone, and are told apart by."""
    metrics = run.read_metrics()
    return {
        "sha256": sha256(run.model),
        "accuracy": metrics["test"]["accuracy"],
        "train_seconds": metrics["train_seconds"],
        "parameters": metrics["parameters"],
    }


def write_pictures(folder: Path, classes: Sequence[str], quick: bool) -> None:
    """The pictures of these classes as class folders in train/ and test/."""
    few = SMOKE if quick else ()
    measure([sys.executable, HERE / "cifar10_copy.py", "folders", folder, "--classes", ",".join(classes), *few])


def write_draw(pictures: Path, size: int, draw: int) -> Path:
    """A table, beside train/ and test/, of `size` pictures of each held-out class to learn from and of all to be tested on."""
    rows = []
    for number, name in enumerate(HELD_OUT):
        training, test = (sorted((pictures / part / name).iterdir()) for part in ("train", "test"))
        order = np.random.default_rng((draw, number)).permutation(len(training))
        rows += [(training[i], name, "train") for i in order[:size]]
        rows += [(path, name, "test") for path in test]
    path = pictures / f"draw-{draw}-of-{size}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "split"])
        lines.writerows((picture.relative_to(pictures).as_posix(), name, part) for picture, name, part in rows)
    return path


def run(drawn: Path, size: int, draw: int, backbone: RunFolder | None) -> Document:
    """Learn from one draw, by frozen features or, without a backbone, from scratch: one result."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["train", drawn, "--seed", draw, "--out", Path(scratch) / "run", "--json"]
        if backbone is None:
            command += ["--backbone", "none", "--budget", BUDGET]
        else:
            command += frozen_alone(backbone.model, Path(scratch))
        # An empty home: no features from the draw before.
        measured = measure(eyespot(*map(str, command)), {**os.environ, "EYESPOT_HOME": str(Path(scratch) / "home")})
    test: Any = json.loads(measured.output)["test"]
    return document(
        NAME,
        row=row_name(size, SCRATCH if backbone is None else FROZEN),
        seed=draw,
        backbone=None if backbone is None else backbone_facts(backbone),
        seconds=measured.seconds,
        accuracy=test["accuracy"],
        n=test["n"],
    )


def due(results: Sequence[Document], facts: Document, draws: int) -> Iterator[tuple[int, int, str]]:
    """Each draw, size and side that has no result yet from this machine and this backbone; all sizes of a draw together."""
    here = machine()
    done = {
        (result["row"], result["seed"])
        for result in results
        if result["machine"] == here and result["backbone"] in (None, facts)
    }
    for draw in range(draws):
        for size in SIZES:
            for side in (SCRATCH, FROZEN):
                if (row_name(size, side), draw) not in done:
                    yield draw, size, side


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--draws", type=int, default=10, help="how many draws of each size (default: 10)")
    arguments = flags.parse_args()
    backbone = trained_backbone(arguments.quick)
    if arguments.quick:
        todo = [(0, SIZES[0], side) for side in (SCRATCH, FROZEN)]
    else:
        todo = list(due(recorded(NAME), backbone_facts(backbone), arguments.draws))
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        if todo:
            write_pictures(Path(scratch), HELD_OUT, arguments.quick)
        for draw, size, side in todo:
            drawn = write_draw(Path(scratch), size, draw)
            results.append(run(drawn, size, draw, backbone if side == FROZEN else None))
            say(f"draw {draw}, {results[-1]['row']}: {results[-1]['accuracy']:.1%} in {results[-1]['seconds']:.0f} s")
            if not arguments.quick:
                record(results[-1])
    finish_study(results if arguments.quick else recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
