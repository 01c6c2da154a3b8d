"""A model judged on a data set: which of its pictures, and which of the model's classes they show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import WHOLE, Dataset, Part
from eyespot.data.digests import short_digests
from eyespot.data.splits import for_training
from eyespot.errors import DataError, ModelError
from eyespot.evaluation.calibration import confidence_on
from eyespot.evaluation.learned_from import learned_from
from eyespot.evaluation.metrics import Evaluation, evaluate
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress


@dataclass(frozen=True)
class Choice:
    """The pictures to judge a model on.

    Attributes:
        part: the pictures.
        name: what they are, such as `test` or `all`.
        known: from how many of them the model has learned, as far as its file says: the figures flatter it.
        has_others: whether the same data have a test part, from which the model has not learned.
    """

    part: Part
    name: str
    known: int
    has_others: bool = False


@dataclass(frozen=True)
class Judged:
    """What a model says of pictures, and how good that is.

    Attributes:
        part: the pictures; the labels are positions in the model's classes.
        probabilities: (n, classes), 0-1.
        evaluation: the figures.
    """

    part: Part = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    evaluation: Evaluation


def choose(model: Model, dataset: Dataset, split: str | None, *, held_out: bool = False) -> Choice:
    """The part of a data set to judge a model on.

    Args:
        split: `train`, `validation`, `test`, or `all` for everything; None: the test part, or everything where the data has
            none.
        held_out: where the data has no test part, but is what the model was trained on, None means the pictures that the
            training had split off to test on.

    Errors: DataError, where there is no such part; ModelError for a file that does not say rightly what it has learned from.
    """
    has_parts = WHOLE not in dataset.parts
    name = split or ("test" if has_parts or held_out else WHOLE)
    if name != WHOLE and name not in dataset.parts:
        dataset = _as_trained_on(model, dataset) or dataset
    if name not in dataset.parts and split is None:
        name = WHOLE
    if name != WHOLE and name not in dataset.parts:
        raise DataError(_no_such_part(name, dataset))
    part = _joined(dataset) if name == WHOLE else dataset.parts[name]
    trained_on = _as_trained_on(model, dataset) if name in (WHOLE, "train") else None
    if trained_on is None:
        return Choice(part, name, known=_known(model, part))
    return Choice(part, name, known=len(part), has_others="test" in trained_on.parts)


def judge(model: Model, part: Part, *, flip: bool = False, progress: Progress = SILENT) -> Judged:
    """What a model says of labelled pictures, and how good that is.

    Args:
        part: pictures at the model's input size, labels as positions in its classes, as `in_order_of` numbers them.
        flip: average each picture's probabilities with its mirror image's.
    """
    begin = time.perf_counter()
    probabilities = model.probabilities(part.images, flip=flip, progress=progress)
    speed = len(part) / (time.perf_counter() - begin)
    evaluation = evaluate(probabilities, part.labels, model.classes, images_per_second=speed)
    said = model.description
    confidence = confidence_on(probabilities, part.labels, said.temperature, said.unsure_threshold)
    return Judged(part, probabilities, replace(evaluation, confidence=confidence))


def in_order_of(model: Model, part: Part, classes: tuple[str, ...]) -> Part:
    """The part with its labels, positions in `classes`, as positions in the model's: they are matched by name.

    Errors: DataError, where the model does not know a class.
    """
    return replace(part, labels=positions(model.classes, classes)[part.labels])


def positions(known: tuple[str, ...], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Where each of the data set's `classes` stands among those that the model knows: (len(classes),).

    Errors: DataError, where the model does not know one, lists both sets.
    """
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise DataError(
            f"the model does not know {'any class of the data' if len(unknown) == len(classes) else ', '.join(unknown)}; "
            f"the data has {', '.join(classes)}; the model knows {', '.join(known)}"
        )
    return np.array([known.index(name) for name in classes], np.int64)


def _as_trained_on(model: Model, dataset: Dataset) -> Dataset | None:
    """The data set with the parts it had when the model was trained on it; None where it was trained on other pictures."""
    recipe, fingerprint = model.description.recipe, model.description.data.get("fingerprint")
    if dataset.fingerprint() == fingerprint:  # of few pictures it is that of the data set as it came
        return dataset
    fraction = recipe.get("validation_fraction", 0.0) if recipe.get("watch") == "validation" else 0.0
    try:
        parted = for_training(dataset, fraction)
    except DataError:  # too few pictures to have been trained on
        return None
    return parted if parted.fingerprint() == fingerprint else None


def _known(model: Model, part: Part) -> int:
    try:
        known = learned_from(model.description)
    except ValueError as error:
        raise ModelError(f"{model.path} does not say rightly which pictures it was trained on: {error}") from error
    return sum(digest in known for digest in short_digests(part.images)) if known else 0


def _joined(dataset: Dataset) -> Part:
    parts = list(dataset.parts.values())
    return Part(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(name for part in parts for name in part.names),
    )


def _no_such_part(name: str, dataset: Dataset) -> str:
    if WHOLE in dataset.parts:
        return f"{dataset.name} has no parts, and is not what the model was trained on; without a part it is used whole"
    return f"{dataset.name} has no part {name}; it has {', '.join(dataset.parts)}"
