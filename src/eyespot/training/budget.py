"""The dial: so much time is given, and a training is planned that ends with it.

What a step of the candidates costs is measured on this machine, on these pictures; `choice` does the rest. The steps are fixed
before the first one, whatever the clock says later, so that a run can be repeated bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import torch

from eyespot.data.dataset import Dataset, Part
from eyespot.durations import in_words
from eyespot.recipes import Recipe
from eyespot.recipes.budget import LADDER, Rung, fitted, has_own_widths, lasting, multiply_adds
from eyespot.recipes.budget import recipe as of_ladder
from eyespot.training.by_recipe import most_validations
from eyespot.training.choice import AIM, READY_SECONDS, REFERENCE_BUILD_SECONDS, Choice, Cost, Work, choose
from eyespot.training.compute import choose_device
from eyespot.training.cost import Trial, built
from eyespot.training.memory import release_freed_memory
from eyespot.training.writing import VERIFIED_PICTURES

_MEASURING = (1.5, 0.03, 10.0)
"""Seconds that measuring may take, at least; the share of the budget that it may take; seconds at most."""

_TRIED = 4
"""Measuring is divided among so many trials."""

_GROWTH = 0.6
"""A network with twice the multiply-adds takes 2**0.6 times as long, where nothing better is known: larger ones make more of
each access to memory. Rather too fast than too slow: what looks affordable is measured before it is chosen."""

_MOST_SLOWNESS = 8.0
"""Beyond which, either way, it was chance."""

_FEW = 10_000
"""With fewer pictures than this, what CIFAR-10 reaches with its 50,000 says little."""


@dataclass(frozen=True)
class Plan:
    """A training that is to end on time.

    Attributes:
        recipe: with every field chosen.
        threads: of the processor that were fastest; None: on a GPU, where they do not matter.
        notes: what was chosen, when it will be done and what is to be expected: lines for the user.
        predicted: seconds that pass `before` the training, in `training` and `after` it, to the end of the process.
        measured: what it rests on, as JSON values.
        trainings: how many trainings of that length there is time for, of those that were asked about.
        is_enough: whether they end on time; else what is planned is the least that is worth doing.
    """

    recipe: Recipe
    threads: int | None
    notes: tuple[str, ...]
    predicted: Mapping[str, float]
    measured: Mapping[str, Any]
    trainings: float = 1.0
    is_enough: bool = True


def plan(
    recipe: Recipe,
    given: Collection[str],
    dataset: Dataset,
    *,
    seconds: float,
    began: float,
    device: str = "auto",
    threads: int | None = None,
    trainings: Sequence[float] = (1.0,),
    also_asked: int = 0,
) -> Plan:
    """Choose network, batches, learning rate, epochs and threads, so that all ends `seconds` after `began`.

    Takes 1.5 seconds or 3 % of the time, whichever is longer but about 10 at most, to measure a few candidates.

    Args:
        recipe: what is the same for all networks of the ladder.
        given: the fields of it that are set by hand: they are kept, but for `least_steps`, which the time replaces; of a
            network changed in part, `network.stride` and the like.
        dataset: with all its parts.
        seconds: the budget, from `began` to the end of the process.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
        device: as `fit` takes it.
        threads: of the processor; None: as many as are fastest.
        trainings: how many there are to be, as on each of some folds: what is wished for most comes first. The first of these
            numbers is taken that lets the smallest sensible training end on time, else the last.
        also_asked: about how many pictures the trained network is asked besides those of the test part.

    Errors: as `eyespot.training.learn`.
    """
    least, share, most = _MEASURING
    allowed = min(max(least, share * seconds), most)
    train, watched = dataset.parts["train"], dataset.parts.get(recipe.watch)
    ladder = [rung for rung in LADDER if rung.least_pictures <= len(train)]
    if any(name.partition(".")[0] == "network" for name in given):  # what other networks have reached says nothing of it
        ladder = [replace(rung, reached=()) for rung in ladder[: 1 if has_own_widths(given) else None]]
    candidates = [fitted(recipe, given, rung, len(train)) for rung in ladder]
    bench = _Bench(candidates, dataset, device, threads, allowed)
    work = Work(
        pictures=len(train),
        watched=0 if watched is None else len(watched),
        validations=most_validations(recipe),
        test=len(dataset.parts["test"]) + also_asked,
        verified=min(VERIFIED_PICTURES, len(dataset.parts["test"])),
        slowness=bench.slowness,
    )
    for number in trainings:
        work = replace(work, trainings=number)
        choice, cost = _choose(ladder, bench, work, began + AIM * seconds)
        if choice.is_enough:
            break
    release_freed_memory()
    epochs = round(choice.steps / work.steps_an_epoch(cost.batch_size), 6)
    chosen = replace(lasting(candidates[choice.position], given, epochs), least_steps=0)
    predicted = {
        "before": time.monotonic() - began,
        "training": work.trainings * (bench.ready_seconds + work.training_seconds(choice.steps, cost)),
        "after": work.judging_seconds(cost),
    }
    notes = [
        _what(chosen, work, cost, bench.threads, seconds),
        _when(choice, work, cost, seconds, predicted, has_own_widths(given)),
        *_how_good(ladder[choice.position].expected(choice.steps * cost.batch_size), dataset),
    ]
    measured = {
        "slowness": bench.slowness,
        "ready_seconds": bench.ready_seconds,
        "step_seconds": cost.step,
        "prediction_seconds": cost.prediction,
    }
    return Plan(chosen, bench.threads, tuple(notes), predicted, measured, work.trainings, choice.is_enough)


def slowness(part: Part, classes: int, device: str) -> float:
    """How many times as long as on the reference machine it takes to build the smallest network of the ladder.

    Args:
        part: some of the pictures.
        classes: how many there are.
        device: as `fit` takes it.
    """
    reference = fitted(replace(of_ladder, size=32), (), LADDER[0], len(part))
    # The first network that Keras builds in a process takes longer.
    building = median(built(reference, part, classes, device).build_seconds for _ in range(4))
    return min(max(building / REFERENCE_BUILD_SECONDS, 1 / _MOST_SLOWNESS), _MOST_SLOWNESS)


def fastest_threads(trial: Trial, device: str, seconds: float) -> int | None:
    """How many threads small steps are done fastest with; None: on a GPU, where they do not matter.

    Args:
        trial: the network.
        device: as `fit` takes it.
        seconds: for all that are tried.
    """
    if choose_device(device).type != "cpu":
        return None
    most = torch.get_num_threads()
    options = tuple({most, most - 1, most // 2, most // 4} - {0})
    return trial.fastest_threads(options, seconds / len(options)) if len(options) > 1 else most


def what_line(what: str, recipe: Recipe, pictures: int, cost: Cost, threads: int | None, seconds: float) -> str:
    """What the user is told of a plan: what is trained, for how long, and how fast that goes here.

    Args:
        what: in words.
        recipe: with the epochs that were chosen.
        pictures: that are learned from in an epoch.
        cost: of a step.
        threads: of the processor; None: on a GPU.
        seconds: the budget.
    """
    computing = "" if threads is None else f" on {threads} thread{'' if threads == 1 else 's'}"
    rate = f"{cost.batch_size / cost.step:,.0f} pictures/s{computing}"
    return f"budget {in_words(seconds)}: {what}, {recipe.epochs:.3g} epochs of {pictures:,} pictures at {rate}"


def when_line(predicted: Mapping[str, float]) -> str:
    """What the user is told of when all will be done, from the seconds `before`, in `training` and `after`."""
    total = sum(predicted.values())
    done = datetime.now() + timedelta(seconds=total - predicted["before"])
    return f"done at about {done:%H:%M:%S}, {in_words(total)} after the start"


class _Bench:
    """Where candidates are measured, the smallest first; the others when they are asked for.

    Attributes:
        threads: of the processor, the fastest of those tried.
        slowness: how many times as long as on the reference machine it takes to build the smallest network.
        ready_seconds: what will pass before the first step of the training.
        costs: what each candidate costs that was measured, by its position.
    """

    def __init__(
        self, candidates: Sequence[Recipe], dataset: Dataset, device: str, threads: int | None, allowed: float
    ) -> None:
        self._candidates, self._dataset, self._device = candidates, dataset, device
        self._slice = allowed / _TRIED
        self._end = time.monotonic() + allowed
        self.slowness = slowness(dataset.parts["train"], len(dataset.classes), device)
        trial = self._built(0)
        self.threads = threads or fastest_threads(trial, device, self._slice)
        self.ready_seconds = READY_SECONDS * self.slowness + _preparing_seconds(trial)
        self.costs = {0: trial.cost(self.threads, self._slice)}

    @property
    def has_time(self) -> bool:
        """Whether more may be measured."""
        return time.monotonic() < self._end

    def measure(self, position: int) -> None:
        """Measure one more candidate."""
        self.costs[position] = self._built(position).cost(self.threads, self._slice)

    def estimates(self) -> list[Cost]:
        """What each candidate costs: as measured, or as the nearest cheaper one lets expect."""
        estimated: list[Cost] = []
        adds = [multiply_adds(recipe.network, recipe.size) if len(self._candidates) > 1 else 1 for recipe in self._candidates]
        for position, recipe in enumerate(self._candidates):
            nearest = max(measured for measured in self.costs if measured <= position)
            known, growth = self.costs[nearest], (adds[position] / adds[nearest]) ** _GROWTH
            step = known.step * growth * recipe.batch_size / known.batch_size
            estimated.append(Cost(recipe.batch_size, step, known.prediction * growth))
        return estimated

    def _built(self, position: int) -> Trial:
        dataset = self._dataset
        return built(self._candidates[position], dataset.parts["train"], len(dataset.classes), self._device)


def _preparing_seconds(trial: Trial) -> float:
    begin = time.monotonic()
    if trial.recipe.prepare is not None:
        trial.recipe.prepare(trial.model, trial.part.images)
    return time.monotonic() - begin


def _choose(ladder: Sequence[Rung], bench: _Bench, work: Work, end: float) -> tuple[Choice, Cost]:
    """The choice among the candidates, each measured before it is chosen, and what it costs."""
    ready = work.trainings * bench.ready_seconds
    while True:
        costs = bench.estimates()
        choice = choose(ladder, costs, work, end - time.monotonic() - ready)
        if choice.position in bench.costs:
            return choice, costs[choice.position]
        if not bench.has_time:
            break
        bench.measure(choice.position)
    known = sorted(bench.costs)
    choice = choose([ladder[i] for i in known], [costs[i] for i in known], work, end - time.monotonic() - ready)
    return replace(choice, position=known[choice.position]), costs[known[choice.position]]


def _what(recipe: Recipe, work: Work, cost: Cost, threads: int | None, seconds: float) -> str:
    network = "-".join(map(str, recipe.network.get("widths", ()))) or "the given"
    what = f"network {network}, {recipe.size} x {recipe.size} pixels"
    return what_line(what, recipe, work.pictures, cost, threads, seconds)


def _when(choice: Choice, work: Work, cost: Cost, seconds: float, predicted: Mapping[str, float], is_own_network: bool) -> str:
    line, total = when_line(predicted), sum(predicted.values())
    if not choice.is_enough:
        of_ours, of_theirs = "the smallest training worth doing", "the least that this network, set by hand, is worth training"
        least = of_theirs if is_own_network else of_ours
        return f"{line}: {in_words(seconds)} is too short here, and this is {least}"
    if choice.steps == work.most_steps(cost.batch_size) and total < 0.9 * seconds:
        times = choice.steps // work.steps_an_epoch(cost.batch_size)
        return f"{line}: so few pictures have no use for more, once they were seen {times} times"
    return line


def _how_good(accuracy: float | None, dataset: Dataset) -> list[str]:
    if accuracy is None:
        return []
    if dataset.name == "cifar10":
        return [f"to be expected: about {100 * accuracy:.0f} % of pictures held out right"]
    known = f"as much training reaches about {100 * accuracy:.0f} % on CIFAR-10 (ten classes, 50,000 pictures)"
    pictures = len(dataset.parts["train"])
    if pictures < _FEW:
        return [f"{known}; how far {pictures:,} pictures lead depends on how much the classes differ"]
    return [f"{known}; yours may be easier or harder"]
