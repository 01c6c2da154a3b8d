"""Data and a recipe in, a run folder out: load, split, plan, train, bundle, evaluate, report. It is what `eyespot.train` is."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot import bundle, environment, recipes
from eyespot import data as sources
from eyespot.data.dataset import Dataset
from eyespot.data.splits import for_training
from eyespot.errors import DataError, EyespotError
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.judgement import judge
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress
from eyespot.recipes.order import Order, ordered
from eyespot.run_folder import RunFolder, create, create_at, discard, run_name

if TYPE_CHECKING:
    from eyespot.evaluation.metrics import Evaluation
    from eyespot.training import Interruption, Plan, Trained

_TOLERATED = 0.1
"""The share of a budget by which a run may be late before that is worth a line."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where its files lie.
        metrics: the document that `eyespot train --json` prints.
        interrupted: the number of the signal that came once the training had begun, or None; whether it ended the training
            early is said by the metrics.
    """

    folder: RunFolder
    metrics: Mapping[str, Any]
    interrupted: int | None = None

    @cached_property
    def model(self) -> Model:
        """The trained classifier."""
        return Model(self.folder.model)


@dataclass(frozen=True)
class _Clock:
    """When the parts of a run began, on the clock of `time.monotonic`."""

    began: float
    planned: float
    learned: float

    def spent(self) -> dict[str, float]:
        """The seconds `before` the training, in `training`, and `after` it until now."""
        return {
            "before": self.planned - self.began,
            "training": self.learned - self.planned,
            "after": time.monotonic() - self.learned,
        }


def train(
    data: str | Path,
    recipe: str | Path | None = None,
    *,
    budget: float | str | None = None,
    began: float | None = None,
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
        recipe: a recipe's name or the path of a .py file that defines one; None: `budget`.
        budget: the time that all of it may take, in seconds or as in `1m30s`: network and epochs are chosen so that it ends on
            time. None: a minute where neither another recipe nor epochs are given.
        began: when that time began, on the clock of `time.monotonic`; None: now.
        seed: from which initial weights, order and dropout follow; at least 0.
        settings: fields of the recipe to change, such as `{"epochs": 3}`.
        out: the run's folder; None: a new one in `./runs`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: processor threads to compute with; None: as torch and ONNX Runtime have it, usually one a core.
        strict: whether a picture that cannot be read is an error.
        progress: is told how far the work has come.

    Ctrl-C (or SIGTERM) ends the training after the step under way; what was learned is bundled and evaluated all the same,
    and `Run.interrupted` says so. Where it comes later, the run is finished too. A second one stops at once.

    Errors: UsageError for an unknown recipe or setting, and for a budget where the training is settled otherwise; DataError;
    InputError for a seed or a setting that cannot be; TrainingError where the training came to nothing; RunError where the
    folder cannot be written; VerificationError where the written model does not compute what was trained.
    """
    began = time.monotonic() if began is None else began
    order = ordered(str(data), recipe, budget=budget, settings=settings or {}, seed=seed, device=device, threads=threads)
    with _new_folder(out, order) as folder, ExitStack() as until_done:
        folder.write_args(order.arguments())
        dataset = _load(order, folder, strict, progress)
        order, plan = _settle(order, dataset, began, progress)
        folder.write_args(order.arguments())
        planned = time.monotonic()
        interruption = until_done.enter_context(_interruption(progress))
        trained = _learn(order, dataset, folder, progress, interruption, plan)
        clock = _Clock(began, planned, time.monotonic())
        facts = _facts(order, dataset, trained, folder)
        difference = _write_model(order, dataset, facts, trained, folder)
        evaluation = judge(
            folder,
            Model(folder.model, threads=order.threads),
            facts=facts,
            data=dataset,
            part=dataset.parts["test"],
            history=trained.history,
            progress=progress,
        )
        metrics = {
            **_metrics(order, dataset, facts, trained, folder, evaluation),
            "largest_probability_difference": difference,
            "budget": _spent(order, plan, clock),
        }
        folder.write_metrics(metrics)
        return Run(folder, metrics, interruption.signal)


@contextmanager
def _new_folder(out: str | Path | None, order: Order) -> Iterator[RunFolder]:
    """A new run folder; where the block fails it is removed again, unless a trained model is in it: then the error says so."""
    name = run_name(order.data, order.recipe_name, datetime.now())
    folder = create(None, name) if out is None else create_at(Path(out))
    try:
        yield folder
    except BaseException as error:
        kept = [path for path in (folder.model, folder.keras_model) if path.exists()]
        if not kept:
            discard(folder)
        elif isinstance(error, EyespotError):
            error.args = (*error.args, f"the trained model is kept: {kept[0]}")
        elif not isinstance(error, Exception):
            error.add_note(f"the run is not finished, but its trained model is kept: {kept[0]}")
        raise


def _load(order: Order, folder: RunFolder, strict: bool, progress: Progress) -> Dataset:
    """The data set in the parts that the recipe needs; what had to be left out is in skipped.csv."""
    recipe = order.recipe
    loaded = sources.load(order.data, order.size, progress=progress)
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


def _settle(order: Order, dataset: Dataset, began: float, progress: Progress) -> tuple[Order, Plan | None]:
    """The order with what it leaves to the pictures and to the time there is settled; and the plan, where there is a budget."""
    from eyespot import training

    recipe = replace(order.recipe, size=dataset.parts["train"].images.shape[1])
    recipe = training.with_flip_settled(recipe, dataset, progress)
    if not order.fits_the_data:
        return replace(order, recipe=recipe), None
    if order.budget is None:
        return replace(order, recipe=training.without_budget(recipe, order.given, dataset)), None
    plan = training.plan(
        recipe,
        order.given,
        dataset,
        seconds=order.budget,
        began=began,
        device=order.device,
        threads=order.threads,
    )
    for line in plan.notes:
        progress.note(line)
    return replace(order, recipe=plan.recipe, threads=plan.threads), plan


def _interruption(progress: Progress) -> Interruption:
    from eyespot.training import Interruption

    return Interruption(progress)


def _learn(
    order: Order, dataset: Dataset, folder: RunFolder, progress: Progress, interruption: Interruption, plan: Plan | None
) -> Trained:
    from eyespot.training import learn

    return learn(
        order.recipe,
        dataset,
        folder,
        seed=order.seed,
        device=order.device,
        threads=order.threads,
        progress=progress,
        interruption=interruption,
        planned_seconds=inf if plan is None else plan.predicted["training"],
        tolerated_seconds=_TOLERATED * (order.budget or inf),
    )


def _write_model(order: Order, dataset: Dataset, facts: Facts, trained: Trained, folder: RunFolder) -> float:
    from eyespot.training import write_model

    description = bundle.Description(
        classes=dataset.classes,
        size=(order.recipe.size, order.recipe.size),
        data={"name": dataset.name, "fingerprint": facts.fingerprint},
        recipe={"name": order.recipe_name, **recipes.settings(order.recipe)},
    )
    return write_model(folder, trained.model, description, dataset.parts["test"].images)


def _metrics(
    order: Order, dataset: Dataset, facts: Facts, trained: Trained, folder: RunFolder, evaluation: Evaluation
) -> dict[str, Any]:
    return {
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
        "pictures": {name: len(part) for name, part in dataset.parts.items()},
        "data_facts": dict(dataset.facts),
        "environment": dict(facts.environment),
    }


def _spent(order: Order, plan: Plan | None, clock: _Clock) -> dict[str, Any] | None:
    """The budget, the seconds that were predicted, to the end of the process, and those spent so far; None without a budget."""
    if plan is None:
        return None
    spent = clock.spent()
    return {
        "seconds": order.budget,
        "predicted_seconds": sum(plan.predicted.values()),
        "spent_seconds": sum(spent.values()),
        "predicted": dict(plan.predicted),
        "spent": spent,
        "measured": dict(plan.measured),
    }


def _facts(order: Order, dataset: Dataset, trained: Trained, folder: RunFolder) -> Facts:
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
