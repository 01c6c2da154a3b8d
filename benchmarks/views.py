"""Accuracy on CIFAR-10's test pictures from one, two or six views of each, by one formula for whoever computed the logits.

    python benchmarks/views.py MODEL.onnx|LOGITS.npy [--test N]

Prints one JSON document: `n` pictures, `n_exact` of them known to be exact, and under `views`, for 1, 2 and 6 of them, the
plain accuracy on all pictures (`all`) and the mean of the recalls of the ten classes on the exact ones (`balanced_exact`; null
where none are known). The views are those of cifar10-airbench: the picture, moved by one pixel down and right, moved up and
left, the edge reflected, each with its mirror image. Two views are the picture and its mirror image; of six, these two count as
much as the four others together.

Averaged are logits. A model.onnx gives probabilities: their logarithms differ from the logits by one number a view and
picture, which is the same for all classes, so the answer is the same.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tutorial_accuracy import exact_test_pictures

from eyespot import data
from eyespot.prediction import load

COUNTS = (1, 2, 6)

Accuracies = dict[str, dict[str, float | None]]


def six_views(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The views of pictures (n, height, width, 3), each of that shape; the mirror image follows each of three."""
    height, width = pictures.shape[1:3]
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    for shifted in (pictures, padded[:, :height, :width], padded[:, 2:, 2:]):
        yield np.ascontiguousarray(shifted)
        yield np.ascontiguousarray(shifted[:, :, ::-1])


def averaged(logits: NDArray[np.floating[Any]], count: int) -> NDArray[np.floating[Any]]:
    """The weighted mean over the first `count` views of logits (6, n, classes): (n, classes)."""
    weights = {1: [1], 2: [1 / 2] * 2, 6: [1 / 4] * 2 + [1 / 8] * 4}[count]
    mean: NDArray[np.floating[Any]] = np.tensordot(weights, logits[:count], axes=1)
    return mean


def accuracies(
    logits: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], exact: NDArray[np.bool_] | None
) -> Accuracies:
    """For each number of views the accuracy on all pictures, and the mean recall on those flagged as exact.

    Args:
        logits: (6, n, classes).
        labels: (n,).
        exact: (n,), or None where it is not known.
    """
    found: Accuracies = {}
    for count in COUNTS:
        right = averaged(logits, count).argmax(axis=1) == labels
        recalls = [right[exact & (labels == label)].mean() for label in np.unique(labels[exact])] if exact is not None else []
        found[str(count)] = {"balanced_exact": float(np.mean(recalls)) if recalls else None, "all": float(right.mean())}
    return found


def exact_flags(pictures: NDArray[np.uint8], folder: Path | None) -> NDArray[np.bool_] | None:
    """Which of the pictures lie in `folder`, pixel for pixel: (n,); None where there is no such folder."""
    if folder is None:
        return None
    known = {np.asarray(Image.open(path).convert("RGB")).tobytes() for path in folder.rglob("*.png")}
    return np.array([picture.tobytes() in known for picture in pictures])


def logits_of(model: Path, pictures: NDArray[np.uint8]) -> NDArray[np.floating[Any]]:
    """What a model.onnx gives for the six views, as logarithms of probabilities: (6, n, classes)."""
    classifier = load(model)
    smallest = np.finfo(np.float32).tiny  # a probability may round to 0
    return np.stack([np.log(np.maximum(classifier.probabilities(view), smallest)) for view in six_views(pictures)])


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("file", type=Path, metavar="MODEL.onnx|LOGITS.npy")
    flags.add_argument("--test", type=int, metavar="N", help="only the first N test pictures")
    arguments = flags.parse_args()
    test = data.load("cifar10").parts["test"]
    pictures, labels = test.images[: arguments.test], test.labels[: arguments.test]
    logits = np.load(arguments.file) if arguments.file.suffix == ".npy" else logits_of(arguments.file, pictures)
    exact = exact_flags(pictures, exact_test_pictures())
    n_exact = None if exact is None else int(exact.sum())
    print(json.dumps({"n": len(pictures), "n_exact": n_exact, "views": accuracies(logits, labels, exact)}))


if __name__ == "__main__":
    main()
