"""Data and a recipe in, a run folder out: load, split, train, bundle, evaluate, report. It is what `eyespot.train` is."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyespot import bundle, environment, recipes
from eyespot import data as sources
from eyespot.data.dataset import Dataset
from eyespot.data.splits import for_training
from eyespot.errors import DataError, InputError, RunError, VerificationError
from eyespot.evaluation.card import write_card
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.figures import write_confusion_matrix, write_curves
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.report import write_report
from eyespot.files import atomic_path
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.run_folder import RunFolder, create, create_at, run_name

if TYPE_CHECKING:
    from eyespot.training import Trained

MAX_SEED = 2**32 - 1
MAX_THREADS = 1024

VERIFIED_PICTURES = 256
"""So many real pictures are put through the trained network and the written model, and must come out alike."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where its files lie.
        metrics: the document that `eyespot train --json` prints.
        interrupted: the number of the signal that ended the training early, or None.
    """

    folder: RunFolder
    metrics: Mapping[str, Any]
    interrupted: int | None = None

    @cached_property
    def model(self) -> Model:
        """The trained classifier."""
        return Model(self.folder.model)


@dataclass(frozen=True)
class _Order:
    """What was asked for, every default filled in."""

    data: str
    recipe_name: str
    recipe: Recipe
    seed: int
    device: str
    threads: int | None

    def arguments(self) -> dict[str, Any]:
        """What args.yaml holds."""
        return {
            "data": self.data,
            "recipe": self.recipe_name,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "set": recipes.settings(self.recipe),
        }


def train(
    data: str | Path,
    recipe: str | Path = recipes.DEFAULT,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
) -> Run:
    """Train a classifier on `data` and write everything about it into a run folder.

    Args:
        data: `cifar10`, `letters`, a folder, a zip or a CSV of pictures; see `eyespot.data.load`.
        recipe: a recipe's name or the path of a .py file that defines one.
        seed: from which initial weights, order and dropout follow; at least 0.
        settings: fields of the recipe to change, such as `{"epochs": 3}`.
        out: the run's folder; None: a new one in `./runs`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: processor threads to compute with; None: as torch and ONNX Runtime have it, usually one a core.
        strict: whether a picture that cannot be read is an error.
        progress: is told how far the work has come.

    Ctrl-C (or SIGTERM) ends the training after the step under way; what was learned is bundled and evaluated all the same,
    and `Run.interrupted` says so.

    Errors: UsageError for an unknown recipe or setting; DataError; RunError where the folder cannot be written;
    VerificationError where the written model does not compute what was trained.
    """
    _check_count("the seed", seed, 0, MAX_SEED)
    if threads is not None:
        _check_count("threads", threads, 1, MAX_THREADS)
    chosen = recipes.with_settings(recipes.load(str(recipe)), settings or {})
    order = _Order(str(data), str(recipe), chosen, seed, device, threads)
    with _new_folder(out, order) as folder:
        folder.write_args(order.arguments())
        dataset = _load(order, folder, strict, progress)
        trained = _learn(order, dataset, folder, progress)
        return _judge(order, dataset, trained, folder, _write_model(order, dataset, trained, folder), progress)


def _check_count(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}; got {value!r}")


@contextmanager
def _new_folder(out: str | Path | None, order: _Order) -> Iterator[RunFolder]:
    """A new run folder; where the block fails it is removed again, unless a trained model is in it: then the error says so."""
    name = run_name(order.data, order.recipe_name, datetime.now())
    folder = create(None, name) if out is None else create_at(Path(out))
    try:
        yield folder
    except BaseException as error:
        kept = [path for path in (folder.model, folder.keras_model) if path.exists()]
        if not kept:
            shutil.rmtree(folder.path, ignore_errors=True)
        elif isinstance(error, RunError):
            raise RunError(f"{error}; the trained model is kept: {kept[0]}") from error
        raise


def _load(order: _Order, folder: RunFolder, strict: bool, progress: Progress) -> Dataset:
    """The data set in the parts that the recipe needs; what had to be left out is in skipped.csv."""
    recipe = order.recipe
    loaded = sources.load(order.data, (recipe.size, recipe.size), progress=progress)
    folder.write_skipped((file.path, file.reason) for file in loaded.skipped)
    if loaded.skipped:
        first, skipped = loaded.skipped[0], len(loaded.skipped)
        what = f"{skipped} of {len(loaded) + skipped} pictures cannot be read, such as {first.path}: {first.reason}"
        if strict:
            raise DataError(what)
        progress.note(what)
    dataset = for_training(loaded, recipe.validation_fraction if recipe.watch == "validation" else 0.0)
    counts = ", ".join(f"{len(part):,} {name}" for name, part in dataset.parts.items())
    progress.note(f"{dataset.name}: {len(dataset.classes)} classes; pictures: {counts}")
    for note in dataset.notes:
        progress.note(f"{dataset.name}: {note}")
    if recipe.watch == "test":
        progress.note(
            f"the recipe {order.recipe_name} watches the test part while training, so its test figure is a little flattered"
        )
    return dataset


def _learn(order: _Order, dataset: Dataset, folder: RunFolder, progress: Progress) -> Trained:
    from eyespot.training import learn

    return learn(order.recipe, dataset, folder, seed=order.seed, device=order.device, threads=order.threads, progress=progress)


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """The path, with a disk that is full or not writable turned into a RunError that names it."""
    try:
        yield path
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def _write_model(order: _Order, dataset: Dataset, trained: Trained, folder: RunFolder) -> float:
    """Write model.keras and model.onnx, and return by how much, at most, the latter's probabilities differ from Keras' own."""
    from eyespot.models.keras_network import read, uncompiled

    with _writing(folder.keras_model) as path, atomic_path(path) as temporary:
        uncompiled(trained.model).save(temporary)
    description = bundle.Description(
        classes=dataset.classes,
        size=(order.recipe.size, order.recipe.size),
        data={"name": dataset.name, "fingerprint": dataset.fingerprint()},
        recipe={"name": order.recipe_name, **recipes.settings(order.recipe)},
    )
    with _writing(folder.model) as path:
        bundle.write(path, read(trained.model), description)
    pictures = dataset.parts["test"].images[:VERIFIED_PICTURES]
    expected = trained.model.predict(pictures.astype(np.float32), batch_size=VERIFIED_PICTURES, verbose=0)
    try:
        return bundle.verify(folder.model, pictures, expected)
    except VerificationError:
        folder.model.unlink()  # nobody is to predict with it
        raise


def _judge(order: _Order, dataset: Dataset, trained: Trained, folder: RunFolder, difference: float, progress: Progress) -> Run:
    """Evaluate the written model on the test part and write all that is said about it; metrics.json comes last."""
    test = dataset.parts["test"]
    begin = time.perf_counter()
    probabilities = Model(folder.model, threads=order.threads).probabilities(test.images, progress=progress)
    evaluation = evaluate(
        probabilities, test.labels, dataset.classes, images_per_second=len(test) / (time.perf_counter() - begin)
    )
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    folder.write_predictions(
        (name, dataset.classes[label], dataset.classes[guess], float(probability))
        for name, label, guess, probability in zip(test.names, test.labels, predicted, confidence, strict=True)
    )
    facts = _facts(order, dataset, trained, folder)
    write_curves(folder.curves, trained.history, facts.watched)
    write_confusion_matrix(folder.confusion_matrix, evaluation.confusion_matrix, dataset.classes)
    write_report(
        folder.report,
        facts=facts,
        data=dataset,
        part=test,
        probabilities=probabilities,
        evaluation=evaluation,
        history=trained.history,
    )
    write_card(folder, facts=facts, data=dataset, evaluation=evaluation)
    metrics = {
        "run": str(folder.path),
        "recipe": order.recipe_name,
        "data": order.data,
        "seed": order.seed,
        "epochs": len(trained.history),
        "steps": trained.steps,
        "parameters": facts.parameters,
        "train_seconds": trained.seconds,
        "images_per_second": trained.pictures / trained.seconds,
        "stopped_early": facts.stopped_early,
        "resumed_from_step": None,
        "skipped": len(dataset.skipped),
        "test": evaluation.to_json(),
        "interrupted": trained.interrupted is not None,
        "largest_probability_difference": difference,
        "pictures": {name: len(part) for name, part in dataset.parts.items()},
        "data_facts": dict(dataset.facts),
        "environment": dict(facts.environment),
    }
    folder.write_metrics(metrics)
    return Run(folder, metrics, trained.interrupted)


def _facts(order: _Order, dataset: Dataset, trained: Trained, folder: RunFolder) -> Facts:
    return Facts(
        run=folder.name,
        command=f"eyespot train --config {shlex.quote(str(folder.args))}",
        fingerprint=dataset.fingerprint(),
        tested="test",
        recipe=order.recipe_name,
        watched=order.recipe.watch if order.recipe.watch in dataset.parts else None,
        parameters=trained.model.count_params(),
        epochs=len(trained.history),
        stopped_early=trained.stopped_early,
        interrupted=trained.interrupted is not None,
        train_seconds=trained.seconds,
        seed=order.seed,
        date=f"{datetime.now():%Y-%m-%d %H:%M}",
        arguments=order.arguments(),
        environment=environment.summary(),
    )
