"""Seconds that `eyespot evaluate --report` takes on CIFAR-10's 10,000 test pictures, against ONNX Runtime alone on the same.

    python benchmarks/evaluate_speed.py

Both run the classifier that ships. `eyespot evaluate` is timed from process start to end: it finds and reads all of CIFAR-10,
predicts, takes every figure with its interval, and writes the page. Of ONNX Runtime alone, as it comes, only the pictures are
timed that it is handed in batches of 256: no start, no file. Aimed at is no more than 1.3 times that, and 5 seconds. The two
take turns, after one turn that is not counted. Takes about 4 minutes on 2 cores, and CIFAR-10 has to be on the machine.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, Document, document, eyespot, finish, measure, parser, say, spread, table

OURS = "eyespot evaluate --report"
AIM_TIMES, AIM_SECONDS = 1.3, 5.0


def aim(bare: float) -> float:
    """How long `evaluate` may take at most where ONNX Runtime alone takes `bare` seconds."""
    return AIM_TIMES * bare + AIM_SECONDS


def times(scratch: Path, repeats: int) -> tuple[list[float], list[float], int]:
    """The seconds of `evaluate` and of ONNX Runtime alone, turn by turn, and the bytes of the report."""
    from eyespot import data
    from eyespot.run_folder import shipped

    np.save(scratch / "pictures.npy", data.load("cifar10").parts["test"].images)
    report = scratch / "report.html"
    command = eyespot("evaluate", "cifar10", "cifar10", "--report", report, "--quiet")
    peer = [sys.executable, str(HERE / "bare_onnxruntime.py"), str(shipped()["cifar10"]), str(scratch / "pictures.npy")]
    ours, bare = [], []
    for turn in range(repeats + 1):
        seconds, alone = measure(command).seconds, float(measure(peer).output)
        if turn:
            ours.append(seconds)
            bare.append(alone)
        say(f"turn {turn} of {repeats}: {seconds:.1f} s, ONNX Runtime alone {alone:.1f} s")
    return ours, bare, report.stat().st_size


def show(results: Sequence[Document]) -> str:
    """The table of the latest result."""
    rows: list[dict[str, Any]] = results[-1]["rows"]
    bare = next(row["median"] for row in rows if row["side"] != OURS)
    shown = table(
        ["10,000 pictures of CIFAR-10", "seconds", "lowest to highest", "n"],
        [[row["side"], f"{row['median']:.1f}", f"{row['lowest']:.1f} to {row['highest']:.1f}", str(row["n"])] for row in rows],
    )
    return f"{shown}\n\nAimed at: {aim(bare):.1f} s. The page has {results[-1]['report_bytes'] / 1e6:.1f} MB."


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--repeats", type=int, default=5, help="how often each is timed (default: 5)")
    arguments = flags.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        ours, bare, size = times(Path(scratch), 1 if arguments.quick else arguments.repeats)
    rows = [
        {"side": OURS, **spread(ours)},
        {"side": "ONNX Runtime alone, without start", **spread(bare)},
    ]
    finish(document("evaluate_speed", rows=rows, report_bytes=size), show, arguments)


if __name__ == "__main__":
    main()
