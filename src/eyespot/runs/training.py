"""Data and a recipe in, a run folder out: load, learn, bundle, evaluate, report. It is what `eyespot.train` is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot import bundle
from eyespot import data as sources
from eyespot.data.dataset import Dataset
from eyespot.errors import DataError, EyespotError
from eyespot.evaluation.judgement import judge
from eyespot.evaluation.temperature import softmax
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress
from eyespot.recipes.order import Few, Order, ordered
from eyespot.run_folder import RunFolder, create, create_at, discard, run_name
from eyespot.runs import documents
from eyespot.runs.backbone import Ask
from eyespot.runs.few_pictures import learn_few
from eyespot.runs.impartial import facts_of_data
from eyespot.runs.many_pictures import learn_many
from eyespot.runs.outcome import Outcome
from eyespot.runs.pictures import FEW, are_few

if TYPE_CHECKING:
    from eyespot.training import Interruption


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where its files lie.
        metrics: the document that `eyespot train --json` prints.
        interrupted: the number of the signal that came once a training had begun, or None; whether it ended the training
            early is said by the metrics.
    """

    folder: RunFolder
    metrics: Mapping[str, Any]
    interrupted: int | None = None

    @cached_property
    def model(self) -> Model:
        """The trained classifier."""
        return Model(self.folder.model)


def train(
    data: str | Path,
    recipe: str | Path | None = None,
    *,
    budget: float | str | None = None,
    began: float | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    backbone: str | Path | None = None,
    group_by: str | None = None,
    error_rate: float | None = None,
    folds: int | None = None,
    from_scratch: bool | None = None,
    fine_tune: bool | None = None,
    ask: Ask | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
) -> Run:
    """Train a classifier on `data` and write everything about it into a run folder.

    With fewer than 5,000 pictures to learn from, and a budget, a head on the frozen features of a backbone is tried beside a
    network from scratch, the better is kept, and its figures come from cross-validation where there is no test part.

    Args:
        data: `cifar10`, `letters`, a folder, a zip or a CSV of pictures; see `eyespot.data.load`.
        recipe: a recipe's name or the path of a .py file that defines one; None: `budget`.
        budget: the time that all of it may take, in seconds or as in `1m30s`: network and epochs are chosen so that it ends on
            time. None: a minute where neither another recipe nor epochs are given.
        began: when that time began, on the clock of `time.monotonic`; None: now.
        seed: from which initial weights, order and dropout follow; at least 0.
        settings: fields of the recipe to change, such as `{"epochs": 3}`.
        backbone: what few pictures are seen through: `auto`, `none`, `keras:NAME` or a model that Eyespot wrote; see
            `eyespot.backbones.find`. None: `auto` where there is a budget; with epochs set by hand, it has to be named.
        group_by: the rule of which pictures belong together and are not to be split; see `eyespot.data.grouping`.
        error_rate: the share of wrong answers, among those that the classifier is not to call unsure, that is asked for; None:
            0.05.
        folds: how many there are to cross-validate few pictures on; 1: a fifth is held out instead. None: five, or fewer where
            classes are tiny or the time is short.
        from_scratch: whether few pictures are learned from scratch too, beside a backbone; None: where there is time.
        fine_tune: whether the backbone of few pictures is trained further too, in place of a network from scratch, as long as
            the time allows; None: it is not.
        ask: is asked before a backbone is downloaded; None: what is named is downloaded, and else nothing.
        out: the run's folder; None: a new one in `./runs`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: processor threads to compute with; None: as torch and ONNX Runtime have it, usually one a core.
        strict: whether a picture that cannot be read is an error.
        progress: is told how far the work has come.

    Ctrl-C (or SIGTERM) ends the training after the step under way; what was learned is bundled and evaluated all the same,
    and `Run.interrupted` says so. Where it comes later, the run is finished too. A second one stops at once.

    Errors: UsageError for an unknown recipe or setting, a rule of grouping or a backbone that means nothing, and for a budget
    where the training is settled otherwise; DataError; ModelError for a file that is no backbone; UnsupportedError for one
    whose layers cannot be trained further; RunError where the folder
    cannot be written; VerificationError where the written model does not compute what was trained.
    """
    began = time.monotonic() if began is None else began
    order = ordered(
        str(data),
        recipe,
        budget=budget,
        settings=settings or {},
        seed=seed,
        device=device,
        threads=threads,
        backbone=backbone,
        group_by=group_by,
        error_rate=error_rate,
        folds=folds,
        from_scratch=from_scratch,
        fine_tune=fine_tune,
    )
    with _new_folder(out, order) as folder, ExitStack() as until_done:
        folder.write_args(order.arguments())
        dataset = _load(order, folder, strict, progress)
        interruption = until_done.enter_context(_interruption(progress))
        outcome = _learn(order, dataset, folder, began, interruption, ask, progress)
        facts = documents.facts(outcome, folder)
        difference = _write_model(outcome, folder)
        evaluation = judge(
            folder,
            Model(folder.model, threads=outcome.order.threads),
            facts=facts,
            data=outcome.dataset,
            part=outcome.part,
            history=outcome.learned.history,
            probabilities=outcome.probabilities,
            appraisal=outcome.appraisal,
            calibration=outcome.calibration,
            groups=outcome.groups,
            progress=progress,
        )
        metrics = documents.metrics(outcome, facts, folder, evaluation, difference=difference, began=began)
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
    """The data set as it comes; what had to be left out is in skipped.csv."""
    loaded = sources.load(order.data, order.size, progress=progress)
    folder.write_skipped((file.path, file.reason) for file in loaded.skipped)
    if loaded.skipped:
        first, skipped = loaded.skipped[0], len(loaded.skipped)
        what = f"{skipped} of {len(loaded) + skipped} pictures cannot be read, such as {first.path}: {first.reason}"
        if strict:
            raise DataError(what)
        progress.note(what)
    for note in loaded.notes:
        progress.note(f"{loaded.name}: {note}")
    return loaded


def _interruption(progress: Progress) -> Interruption:
    from eyespot.training import Interruption

    return Interruption(progress)


def _learn(
    order: Order,
    dataset: Dataset,
    folder: RunFolder,
    began: float,
    interruption: Interruption,
    ask: Ask | None,
    progress: Progress,
) -> Outcome:
    """By the way that suits the number of pictures."""
    few = order.few
    if few is not None and are_few(dataset):
        return learn_few(order, few, dataset, folder, began=began, interruption=interruption, ask=ask, progress=progress)
    is_usual = few is None or (
        few.backbone in ("auto", "none") and few == Few(few.backbone, from_scratch=few.from_scratch or None)
    )
    if not is_usual:
        what = "a backbone, folds, and to leave out a network from scratch,"
        progress.note(f"{what} are for fewer than {FEW:,} pictures, and play no part here")
    return learn_many(order, dataset, folder, began=began, interruption=interruption, progress=progress)


def _write_model(outcome: Outcome, folder: RunFolder) -> float:
    from eyespot.training import write_model

    learned, calibration = outcome.learned, outcome.calibration
    temperature = 1.0 if calibration is None else calibration.temperature
    height, width, _ = learned.network.input_shape
    description = bundle.Description(
        classes=outcome.dataset.classes,
        size=(height, width),
        data=facts_of_data(outcome.dataset, learned),
        recipe=learned.recipe,
        temperature=temperature,
        unsure_threshold=None if calibration is None else calibration.unsure_threshold,
    )
    expected = None if learned.logits is None else softmax(learned.logits / temperature)
    return write_model(folder, outcome.model, description, learned.sample, expected)
