"""The largest difference in any probability between model.onnx and model.keras of one run, on 1,000 CIFAR-10 test pictures.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/onnx_equality.py [--run RUN]

RUN is a run trained on `cifar10`; without it, one that `tutorial_accuracy.py` left, else one trained here for an epoch. The
Keras file is opened in stock Keras on all three backends, in float32. It is the first 1,000 test pictures that are taken. Takes
under a minute, and a minute or two more where a run has to be trained.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, RUNS, document, eyespot, finish, parser, peer_python, run_json, say, table

from eyespot import data
from eyespot.prediction import load
from eyespot.run_folder import RunFolder, finished


def trained_run(named: Path | None) -> RunFolder:
    """The run to look at, trained now where there is none."""
    if named is not None:
        return RunFolder(named)
    tutorial = [run for run in finished(RUNS) if run.name.startswith("tutorial-")]
    if tutorial:
        return tutorial[0]
    say("no trained run yet: training the tutorial for one epoch")
    run = RUNS / "one-epoch-seed0"
    if not RunFolder(run).is_finished:
        run_json(eyespot("train", "cifar10", "--recipe", "tutorial", "--epochs", "1", "--seed", "0", "--out", run, "--json"))
    return RunFolder(run)


def stock(run: RunFolder, pictures: np.ndarray, backend: str) -> np.ndarray:
    """The probabilities that stock Keras gives on `backend`, (n, classes)."""
    python = peer_python(backend)
    if python is None:
        raise SystemExit(f"no environment for Keras on {backend}: run python benchmarks/peers.py first")
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as scratch:
        given, found = Path(scratch) / "pictures.npy", Path(scratch) / "probabilities.npy"
        np.save(given, pictures)
        script = [python, HERE / "stock_probabilities.py", run.keras_model, given, found]
        subprocess.run([str(part) for part in script], env=environment, check=True, stdout=subprocess.DEVNULL)
        return np.asarray(np.load(found))


def show(results: Sequence[dict[str, Any]]) -> str:
    """The table of the latest result."""
    latest = results[-1]
    return table(
        ["model.onnx against model.keras", "largest difference", "mean difference", "same answer", "pictures"],
        [
            [
                f"stock Keras on {row['backend']}",
                f"{row['largest']:.1e}",
                f"{row['mean']:.1e}",
                f"{row['same_answer']} of {latest['n']}",
                str(latest["n"]),
            ]
            for row in latest["rows"]
        ],
    )


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--run", type=Path, help="a finished run on cifar10")
    arguments = flags.parse_args()
    run = trained_run(arguments.run)
    pictures = data.load("cifar10").parts["test"].images[: 50 if arguments.quick else 1000]
    own = load(run.path).probabilities(pictures)
    rows = []
    for backend in ("torch", "tensorflow", "jax"):
        difference = np.abs(own - (reference := stock(run, pictures, backend)))
        same = int((own.argmax(axis=1) == reference.argmax(axis=1)).sum())
        rows.append(
            {"backend": backend, "largest": float(difference.max()), "mean": float(difference.mean()), "same_answer": same}
        )
    metrics = run.read_metrics()
    trained = {"epochs": metrics["epochs"], "seed": metrics["seed"]}
    finish(document("onnx_equality", n=len(pictures), trained=trained, rows=rows), show, arguments)


if __name__ == "__main__":
    main()
