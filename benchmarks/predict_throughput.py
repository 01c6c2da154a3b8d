"""Images a second in prediction: Eyespot in float32 and in 8-bit integers against stock Keras `predict`, on two networks.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/predict_throughput.py [--tutorial RUN] [--shipped MODEL]

The networks are the tutorial's and the one that ships. RUN is a finished run of the tutorial on `cifar10` (without it, one that
`tutorial_accuracy.py` left), MODEL any model file, run or name (without it, the shipped `cifar10`). Where there is none, the
speed is measured with weights that were never trained, and no accuracy. Every side computes the same network with the same
weights, rebuilt as a stock Keras model for the peers; the integers come from `eyespot.exporting.quantize` with 500 training
pictures.

Each side runs in a process of its own, alone, one after the other, round after round, warm: after two calls that are not
counted. A batch of one is one call of `predict` for each picture. Of larger batches Keras is handed 1,024 pictures in one call,
with `batch_size` set, and Eyespot no more than the batch. Beside `predict` Keras is timed with its model called as a function,
and, on TensorFlow, with XLA turned on, which `predict` leaves off there. The accuracy is that on all CIFAR-10 test pictures.
Takes about 15 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, RUNS, document, finish, parser, peer_environment, peer_python, run_json, say, spread, table
from predict_worker import BATCHES

from eyespot import data
from eyespot.bundle import Description, read_network, write
from eyespot.errors import EyespotError, ModelError
from eyespot.exporting import quantize
from eyespot.prediction import Model
from eyespot.run_folder import find_model, finished

CALIBRATION = 500
"""So many training pictures show the ranges of each layer's numbers."""

EYESPOT = ("Eyespot, float32", "Eyespot, int8")
STOCK = {
    "Keras on torch": ("torch", "stock"),
    "Keras on tensorflow": ("tensorflow", "stock"),
    "Keras on tensorflow, XLA": ("tensorflow", "xla"),
    "Keras on jax": ("jax", "stock"),
}
"""Side -> backend and engine, as `predict_worker.py` takes it."""


@dataclass(frozen=True)
class Subject:
    """One network in all the forms that are timed.

    Attributes:
        network: what the table calls it.
        forms: side -> the file with the model.
        is_trained: whether its weights are worth an accuracy.
    """

    network: str
    forms: Mapping[str, Path]
    is_trained: bool


def pictures_of_cifar10() -> tuple[np.ndarray, data.Part | None]:
    """Pictures to calibrate with, (n, 32, 32, 3) uint8, and the test part; noise and None where there is no copy."""
    try:
        parts = data.load("cifar10").parts
    except EyespotError as error:
        say(f"no CIFAR-10, so no accuracy: {error}")
        return np.random.default_rng(0).integers(0, 256, (CALIBRATION, 32, 32, 3), dtype=np.uint8), None
    train = parts["train"].images
    return train[:: len(train) // CALIBRATION][:CALIBRATION], parts["test"]


def untrained(network: str, pictures: np.ndarray, path: Path) -> Path:
    """A model file of the network as it is before the first step."""
    from eyespot.models.backend import keras
    from eyespot.models.keras_network import read
    from eyespot.models.tutorial import tutorial
    from eyespot.models.whitened import whiten, whitened

    keras.utils.set_random_seed(0)
    if network == "tutorial":
        model = tutorial((32, 32, 3), 10)
    else:
        model = whitened((32, 32, 3), 10)
        whiten(model, pictures)
    description = Description(tuple("0123456789"), (32, 32), {"name": "none", "fingerprint": ""}, {"name": "none"})
    write(path, read(model), description)
    return path


def trained(named: str | None, otherwise: Callable[[], str | Path | None]) -> Path | None:
    """The model file that is named, or the usual one; None where there is none.

    Errors: SystemExit, where the named one is not there.
    """
    try:
        choice = named or otherwise()
        return None if choice is None else find_model(choice).path
    except ModelError as error:
        if named:
            raise SystemExit(str(error)) from None
        return None


def tutorial_run() -> Path | None:
    """A run that `tutorial_accuracy.py` left."""
    return next((run.path for run in finished(RUNS) if run.name.startswith("tutorial-")), None)


def subject(network: str, model: Path | None, pictures: np.ndarray, folder: Path) -> Subject:
    """The network in all forms, written to `folder`."""
    from eyespot.models.keras_network import build

    if model is None:
        say(f"{network}: no trained model, so its speed alone, with weights never trained")
    float32 = model or untrained(network, pictures, folder / f"{network}.onnx")
    int8, stock = folder / f"{network}-int8.onnx", folder / f"{network}.keras"
    quantize(float32, pictures, int8)
    build(read_network(float32)).save(stock)
    forms = {**dict(zip(EYESPOT, (float32, int8), strict=True)), **dict.fromkeys(STOCK, stock)}
    return Subject(network, forms, model is not None)


def accuracies(given: Subject, test: data.Part | None) -> dict[str, Any] | None:
    """What the integers cost in accuracy on the test part, 0-1; None where that cannot be said."""
    if not given.is_trained or test is None:
        return None
    answers = [Model(given.forms[side]).probabilities(test.images).argmax(axis=1) for side in EYESPOT]
    float32, int8 = (float((answer == test.labels).mean()) for answer in answers)
    same = float((answers[0] == answers[1]).mean())
    return {"network": given.network, "float32": float32, "int8": int8, "same_answer": same, "n": len(test.labels)}


def measure(side: str, model: Path, seconds: float) -> Any:
    """Run one side once: images a second by batch, and the versions it ran on."""
    backend, engine = STOCK.get(side, ("torch", "eyespot"))
    python = peer_python(backend)
    if python is None:
        raise SystemExit(f"no environment for Keras on {backend}: run python benchmarks/peers.py first")
    command = [python, HERE / "predict_worker.py", engine, model, "--seconds", str(seconds)]
    return run_json(command, peer_environment(backend))


def compare(speeds: Mapping[tuple[str, str, int], Sequence[float]]) -> list[dict[str, Any]]:
    """One row for each network, side and batch: its speed, and how many times that of the fastest stock `predict` (medians)."""
    rows = []
    for (network, side, batch), values in speeds.items():
        rivals = [statistics.median(speeds[network, rival, batch]) for rival in STOCK if (network, rival, batch) in speeds]
        figures = spread(values)
        times = figures["median"] / max(rivals)
        rows.append({"network": network, "side": side, "batch": batch, **figures, "times_fastest_predict": times})
    return rows


def show(results: Sequence[dict[str, Any]]) -> str:
    """The tables of the latest result: one of speeds for each network, and one of accuracies."""
    latest = results[-1]
    by_network: dict[str, dict[str, dict[int, dict[str, Any]]]] = {}
    for row in latest["rows"]:
        by_network.setdefault(row["network"], {}).setdefault(row["side"], {})[row["batch"]] = row
    tables = [_speeds(network, sides) for network, sides in by_network.items()]
    if latest["accuracy"]:
        tables.append(_accuracy(latest["accuracy"]))
    return "\n\n".join(tables)


def _speeds(network: str, sides: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> str:
    heads = [f"{network}, images/s"]
    for batch in BATCHES:
        heads += [f"batch {batch}", "lowest to highest", "times fastest predict"]
    rows = []
    for side, by_batch in sides.items():
        cells = [side]
        for batch in BATCHES:
            row = by_batch.get(batch)
            cells += _cells(row) if row else ["", "", ""]
        rows.append(cells)
    return table(heads, rows)


def _cells(row: Mapping[str, Any]) -> list[str]:
    between = f"{row['lowest']:.0f} to {row['highest']:.0f}"
    return [f"{row['median']:.0f}", between, f"{row['times_fastest_predict']:.2f}"]


def _accuracy(entries: Sequence[Mapping[str, Any]]) -> str:
    return table(
        ["accuracy", "float32", "int8", "points lost", "same answer", "pictures"],
        [
            [
                entry["network"],
                f"{entry['float32']:.2%}",
                f"{entry['int8']:.2%}",
                f"{100 * (entry['float32'] - entry['int8']):.2f}",
                f"{entry['same_answer']:.2%}",
                str(entry["n"]),
            ]
            for entry in entries
        ],
    )


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--tutorial", help="a finished run of the tutorial on cifar10")
    flags.add_argument("--shipped", help="a model file, run or shipped model on cifar10 (default: the shipped one)")
    flags.add_argument("--rounds", type=int, default=3, help="how often each side runs (default: 3)")
    flags.add_argument("--seconds", type=float, default=3.0, help="how long each batch is measured, at least (default: 3)")
    flags.add_argument("--only", default="", help="run only the sides whose name contains this text, and Keras on jax")
    arguments = flags.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 0.3

    models = {
        "tutorial": trained(arguments.tutorial, tutorial_run),
        "shipped": trained(arguments.shipped, lambda: "cifar10"),
    }
    pictures, test = pictures_of_cifar10()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subjects = [subject(network, model, pictures, folder) for network, model in models.items()]
        accuracy = [entry for entry in (accuracies(given, test) for given in subjects) if entry]
        speeds, installed = rounds(subjects, arguments)
    settings = {"seconds": arguments.seconds, "trained": {given.network: given.is_trained for given in subjects}}
    result = document("predict_throughput", settings=settings, peers=installed, rows=compare(speeds), accuracy=accuracy)
    arguments.quick = arguments.quick or bool(arguments.only)  # an incomplete comparison is not kept
    finish(result, show, arguments)


def rounds(subjects: Sequence[Subject], arguments: argparse.Namespace) -> tuple[dict[tuple[str, str, int], list[float]], Any]:
    """Every side in turn, round after round: (network, side, batch) -> images a second, and the peers' versions."""
    turns = [(given, side) for given in subjects for side in given.forms if arguments.only in side or side == "Keras on jax"]
    speeds: dict[tuple[str, str, int], list[float]] = {}
    installed: dict[str, Any] = {}
    for number in range(arguments.rounds):
        for given, side in turns if number % 2 == 0 else reversed(turns):
            outcome = measure(side, given.forms[side], arguments.seconds)
            installed |= outcome["versions"]
            for name, figures in ((side, outcome["predict"]), (f"{side}, model called", outcome["called"])):
                for batch, figure in figures.items():
                    speeds.setdefault((given.network, name, int(batch)), []).append(figure)
            found = ", ".join(f"{figure:.0f} images/s at {batch}" for batch, figure in outcome["predict"].items())
            say(f"round {number + 1}: {given.network}, {side}: {found}")
    return speeds, installed


if __name__ == "__main__":
    main()
