"""Few pictures: several ways to a classifier are tried, the better is kept, and its figure is an honest one.

Everything that is chosen (the candidate, the strength of the head, temperature, threshold) is chosen on other pictures than
those that the figure comes from: within the folds of a cross-validation, or on a validation part where a test part was given.
After a cross-validation it is chosen once more, for the classifier that is kept, on what was said of all pictures out of fold.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eyespot.backbones import Backbone
from eyespot.data import graphs
from eyespot.data.dataset import WHOLE, Dataset
from eyespot.evaluation.appraisal import appraise, suspects_among
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.recipes.order import Few, Order
from eyespot.run_folder import RunFolder
from eyespot.runs.affordable import Settled, settle
from eyespot.runs.backbone import Ask, Found, features_of_all, how_to_add, obtain
from eyespot.runs.candidate import Learned, Tried, Way, with_temperature
from eyespot.runs.deciding import Decision, by_cross_validation, by_validation
from eyespot.runs.fine_tuned import TUNED, FineTuned, check_can_be_tuned
from eyespot.runs.frozen import FrozenFeatures
from eyespot.runs.impartial import FROZEN, check_is_impartial
from eyespot.runs.outcome import Outcome
from eyespot.runs.pictures import Pictures, Round, gathered, rounds
from eyespot.runs.scratch import SCRATCH, FromScratch
from eyespot.runs.trained import Trainer, lateness_of_several

if TYPE_CHECKING:
    from eyespot.training import Interruption


@dataclass(frozen=True)
class _Result:
    """What came of the rounds.

    Attributes:
        decision: which candidate is used, and what it says of what was held out.
        learned: that candidate, learned from all that it may learn from.
        method: how the figures were come by, in words.
        held_out: the round whose held-out pictures the figures are of; None: they are of all pictures.
        interrupted: the number of the signal that ended a training, or None.
    """

    decision: Decision
    learned: Learned
    method: str
    held_out: Round | None
    interrupted: int | None = None


def learn_few(
    order: Order,
    few: Few,
    dataset: Dataset,
    folder: RunFolder,
    *,
    began: float,
    interruption: Interruption,
    ask: Ask | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Learn from few pictures, by whichever of the ways tried is better, and say how good that is.

    Where a training is interrupted, the classifier is that of the first round, judged on what was held out there.

    Args:
        order: what was asked for.
        few: what it asks for few pictures.
        dataset: as it came.
        folder: of the run: args.yaml is complete before the first step of a training.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
        interruption: notes signals from the first step of a training on.
        ask: is asked before a backbone is downloaded; None: nobody can be.
        progress: is told how far it has come.

    Errors: DataError for pictures that cannot be judged honestly, such as a class of one picture or of one group;
    MissingExtraError, where what belongs together cannot be found out; as `eyespot.runs.backbone.obtain`; as
    `eyespot.runs.fine_tuned.check_can_be_tuned`; as `eyespot.training.learn`.
    """
    graphs.check_is_installed()
    classes = dataset.classes
    counts = ", ".join(f"{len(part):,} {name}" for name, part in dataset.parts.items())
    progress.note(f"{dataset.name}: {len(classes)} classes; pictures: {counts}")
    pictures = gathered(dataset, order.group_by, progress=progress)
    _tell(progress, pictures.group_note, *pictures.notes, *pictures.leaks)
    schedule = rounds(pictures, classes, few.folds)
    found = obtain(few.backbone, dataset, source=order.data, ask=ask, progress=progress)
    few = replace(few, backbone=found.choice)
    if few.fine_tune:
        check_can_be_tuned(found.backbone)
    order = replace(order, recipe=_with_flip_settled(order.recipe, dataset, pictures, progress))
    frozen = None
    if found.backbone is not None:
        is_compared = few.from_scratch is not False or few.fine_tune or len(schedule) == 1
        features = features_of_all(
            found.backbone,
            order.data,
            dataset,
            mirrors=order.recipe.flip == "random",
            keeps_pictures=few.fine_tune,
            threads=order.threads,
            progress=progress,
        )
        check_is_impartial(found.backbone, features.digests, features.fingerprint)
        frozen = FrozenFeatures(features, pictures, len(classes), order.recipe_name, is_compared, progress)
    ways: dict[str, Way] = {} if frozen is None else {FROZEN: frozen}
    tried = {name: _attempts(way, schedule, interruption) for name, way in ways.items()}
    settled = settle(
        order,
        few,
        dataset,
        pictures,
        schedule,
        began=began + found.waited,
        has_backbone=frozen is not None,
        features=frozen.features if frozen is not None and few.fine_tune else None,
        progress=progress,
    )
    _tell(progress, *settled.notes)
    folder.write_args(settled.order.arguments())
    is_refolded = settled.few.folds not in (None, len(schedule))
    if is_refolded:
        schedule = rounds(pictures, classes, settled.few.folds)
    has_rival = bool(settled.few.from_scratch or settled.few.fine_tune)
    if frozen is not None and (is_refolded or (frozen.is_compared and not has_rival and len(schedule) > 1)):
        # Without a rival no pictures are given up for a comparison.
        frozen = replace(frozen, is_compared=has_rival or len(schedule) == 1)
        ways = {FROZEN: frozen}
        tried = {FROZEN: _attempts(frozen, schedule, interruption)}
    planned = time.monotonic()
    trainer = Trainer(settled.order, settled.plan, folder, progress, interruption)
    if settled.few.fine_tune and frozen is not None:
        ways[TUNED] = FineTuned(trainer, dataset, frozen)
    if settled.few.from_scratch:
        ways[SCRATCH] = FromScratch(trainer, dataset, pictures)
    for name in [name for name in ways if name not in tried]:
        tried[name] = _attempts(ways[name], schedule, interruption, settled, progress)
    by_round = [dict(zip(tried, each, strict=True)) for each in zip(*tried.values(), strict=False)]
    result = _result(pictures, schedule, by_round, ways, interruption)
    folder.write_history(result.learned.history)
    return _outcome(settled, dataset, pictures, result, ways, found, planned)


def _with_flip_settled(recipe: Recipe, dataset: Dataset, pictures: Pictures, progress: Progress) -> Recipe:
    """Of all pictures to learn from this one bit is asked: whether their mirror images keep their class.

    One of each group is looked at: beside its copy any picture is told right as it is, and the mirrored one is not.
    """
    from eyespot.training import with_flip_settled

    learnable = np.concatenate([positions for name, positions in pictures.places.items() if name != "test"])
    _, first = np.unique(pictures.groups[learnable], return_index=True)
    return with_flip_settled(recipe, dataset.with_parts(train=pictures.part.take(learnable[np.sort(first)])), progress)


def _tell(progress: Progress, *lines: str | None) -> None:
    for line in lines:
        if line is not None:
            progress.note(line)


def _attempts(
    way: Way,
    schedule: Sequence[Round],
    interruption: Interruption,
    planned: Settled | None = None,
    progress: Progress = SILENT,
) -> list[Tried]:
    """A way gone in every round, up to one that was interrupted, or before which a signal came.

    Args:
        way: the way.
        schedule: the rounds.
        interruption: notes signals.
        planned: what says how long its trainings may take; None: it trains nothing. After the first it is known whether they
            will be late.
        progress: is told so.
    """
    tried: list[Tried] = []
    for number, each in enumerate(schedule, 1):
        if tried and interruption.signal is not None:
            break
        tried.append(way.attempt(each, f"fold {number} of {len(schedule)}" if len(schedule) > 1 else ""))
        if tried[-1].learned.interrupted is not None:
            break
        if planned is not None and number == 1 < len(schedule):
            _tell(progress, lateness_of_several(planned.order, planned.plan, tried[0].learned.seconds))
    return tried


def _result(
    pictures: Pictures,
    schedule: Sequence[Round],
    by_round: Sequence[Mapping[str, Tried]],
    ways: Mapping[str, Way],
    interruption: Interruption,
) -> _Result:
    """The better candidate: over all folds, or on the one part that is held out."""
    labels, count = pictures.part.labels, len(schedule)
    signal = next((tried.learned.interrupted for tried in by_round[-1].values() if tried.learned.interrupted), None)
    if count > 1 and signal is None:
        signal = interruption.signal  # it came between two trainings: there is another one to come
    if count > 1 and signal is None:
        decision = by_cross_validation(by_round, labels)
        learned = ways[decision.chosen].on_all()
        if learned.interrupted is None:
            return _Result(decision, learned, f"{count}-fold cross-validation", None)
        signal = learned.interrupted
    decision = by_validation(by_round[0], labels)
    method = "the test part" if "test" in pictures.places else "a fifth of the pictures, held out"
    if count > 1:
        method = f"the first of {count} folds, since the training was interrupted"
    return _Result(decision, by_round[0][decision.chosen].learned, method, schedule[0], signal)


def _outcome(
    settled: Settled,
    dataset: Dataset,
    pictures: Pictures,
    result: _Result,
    ways: Mapping[str, Way],
    found: Found,
    planned: float,
) -> Outcome:
    from eyespot.models.keras_network import build  # imports Keras

    finished = time.monotonic()
    decision, learned, order = result.decision, result.learned, settled.order
    labels, groups, answers = pictures.part.labels, pictures.groups, decision.answers
    parts, tested = {WHOLE: pictures.part}, WHOLE
    if result.held_out is not None:
        parts, tested = pictures.parts(result.held_out), "test"
    temperature = decision.unseen.temperature(labels)
    unlearned = decision.of_all_unlearned(labels)
    appraisal = appraise(
        answers.probabilities,
        parts[tested],
        dataset.classes,
        groups[answers.positions],
        method=result.method,
        candidates=decision.candidates(labels, groups, {name: way.title for name, way in ways.items()}),
        temperature=temperature,
        threshold=decision.threshold(labels, groups, settled.order.error_rate),
        threshold_check=decision.threshold_check(labels, groups, settled.order.error_rate),
        error_rate=settled.order.error_rate,
        worth=decision.worth,
        origin=_origin(ways[decision.chosen], len(parts.get("train", pictures.part)), found.backbone),
        suspects=suspects_among(unlearned.probabilities, pictures.part.take(unlearned.positions), dataset.classes),
        group_note=pictures.group_note,
        leaks=pictures.leaks,
    )
    return Outcome(
        order=order,
        dataset=dataset.with_parts(**parts),
        tested=tested,
        watched="validation" if "validation" in parts and any(row.val_loss is not None for row in learned.history) else None,
        learned=learned,
        model=build(with_temperature(learned.network, temperature)),
        interrupted=result.interrupted,
        planned=planned,
        finished=finished,
        plan=settled.plan,
        waited=found.waited,
        probabilities=answers.probabilities,
        appraisal=appraisal,
    )


def _origin(way: Way, count: int, backbone: Backbone | None) -> str:
    """Where the classifier came from, and how a better one could be come by."""
    if backbone is not None and not backbone.is_shipped:
        return way.origin(count)
    return f"{way.origin(count)}; {how_to_add(has_one=backbone is not None)}"
