"""Temperature and threshold of "unsure" of the CIFAR-10 classifier that ships, from the pictures held out of its training.

    EYESPOT_CIFAR10=FOLDER python benchmarks/calibrate_shipped.py           says what comes out
    EYESPOT_CIFAR10=FOLDER python benchmarks/calibrate_shipped.py --write   writes it into the model, no weight of which changes

The pictures held out are known by the fingerprint in the model file. The figures are those of the test pictures before and
after; of those that are exact, where `test-lossless` lies beside the data, and of the others, apart.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np
from common import say
from numpy.typing import NDArray
from tutorial_accuracy import exact_test_pictures
from views import exact_flags

from eyespot import bundle, data
from eyespot.bundle import read_network
from eyespot.data.dataset import Part
from eyespot.data.splits import for_training
from eyespot.evaluation.calibration import calibrate, confidence_on
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.temperature import tempered
from eyespot.network import Network
from eyespot.prediction import Model
from eyespot.recipes.order import DEFAULT_ERROR_RATE
from eyespot.run_folder import shipped
from eyespot.runs.candidate import with_temperature
from eyespot.runs.trained import says


def held_out(model: Model) -> tuple[Part, Part]:
    """The part held out of the training of `model`, and the test part.

    Errors: SystemExit, where the pictures at hand are not those that it was trained on.
    """
    said = model.description
    parted = for_training(data.load(said.data["name"], model.size), said.recipe["validation_fraction"])
    if parted.fingerprint() != said.data["fingerprint"]:
        raise SystemExit("these are not the pictures that the model was trained on: their fingerprint is another")
    return parted.parts["validation"], parted.parts["test"]


def same_weights(one: Network, other: Network) -> bool:
    """Whether two networks have the same weights, to the bit."""
    pairs = zip(one.layers, other.layers, strict=True)
    return all(
        a.name == b.name
        and a.weights.keys() == b.weights.keys()
        and all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights)
        for a, b in pairs
    )


def judged(probabilities: NDArray[np.float64], labels: NDArray[np.int64], classes: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy, loss and calibration error, with their intervals."""
    figures = evaluate(probabilities, labels, classes)
    known = figures.intervals
    return {
        "n": figures.n,
        **{name: getattr(known, name).to_json() for name in ("accuracy", "balanced_accuracy", "loss", "ece")},
    }


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--write", action="store_true", help="write temperature and threshold into the model file")
    arguments = flags.parse_args()
    path = shipped()["cifar10"]
    model, network = Model(path), read_network(path)
    plain = with_temperature(network, 1.0)
    validation, test = held_out(model)
    say(f"asking about {len(validation):,} pictures held out and {len(test):,} test pictures")
    found = calibrate(says(plain, validation.images, None), validation.labels, DEFAULT_ERROR_RATE)
    before = says(plain, test.images, None)
    after = tempered(before, found.temperature)
    exact = exact_flags(test.images, exact_test_pictures())
    parts = {"all": np.ones(len(test), bool)} | ({} if exact is None else {"exact": exact, "others": ~exact})
    figures = {
        name: {
            "before": judged(before[taken], test.labels[taken], model.classes),
            "after": judged(after[taken], test.labels[taken], model.classes)
            | confidence_on(after[taken], test.labels[taken], found.temperature, found.unsure_threshold).to_json(),
        }
        for name, taken in parts.items()
    }
    if arguments.write:
        description = replace(
            model.description, temperature=found.temperature, unsure_threshold=found.unsure_threshold, golden=()
        )
        bundle.write(path, with_temperature(network, found.temperature), description)
        if not same_weights(read_network(path), network):
            raise SystemExit(f"{path} has other weights now: restore it")
        bundle.verify(path, test.images[:256], tempered(before[:256], found.temperature))
        say(f"written: {path}")
    print(json.dumps({"calibration": found.to_json(), "test": figures}, indent=2))


if __name__ == "__main__":
    main()
