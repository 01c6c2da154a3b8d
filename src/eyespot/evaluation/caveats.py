"""What flatters a run that is compared, and what makes runs of one side more, or less, than one recipe with several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from eyespot.evaluation.facts import flatters
from eyespot.evaluation.judged import JudgedRun, Side


def caveats(sides: Sequence[Side]) -> tuple[str, ...]:
    """A line each, in plain words; none where there is nothing to say."""
    runs = [run for side in sides for run in side.runs]
    return (*_of_data(runs), *(line for run in runs for line in _of_run(run)), *(line for s in sides for line in _of_side(s)))


def _of_data(runs: Sequence[JudgedRun]) -> Iterator[str]:
    data = list(dict.fromkeys(str(run.metrics.get("data")) for run in runs))
    if len(data) > 1:
        yield f"the data were called {', '.join(data)}: pictures with the same name and label are taken for the same"
    ways = {run.is_cross_validated for run in runs}
    if True in ways:
        yield (
            "cross-validated answers come from the classifiers of the folds, not from the one that is kept"
            f"{'; other runs were judged on pictures held out' if False in ways else ''}; the interval is widened for that"
        )


def _of_run(run: JudgedRun) -> Iterator[str]:
    settings = run.arguments.get("set")
    if run.metrics.get("interrupted") is True:
        yield f"{run.name} was interrupted: longer trained, it may be better"
    if isinstance(settings, Mapping) and settings.get("watch") == "test":
        yield f"{run.name} watched the test pictures while it was trained, which may flatter it"
    if any(map(flatters, run.few.get("leaks", ()))):
        yield f"{run.name} learned from some of the test pictures, which flatters it; its report names them"


def _of_side(side: Side) -> Iterator[str]:
    if len(side.runs) == 1:
        return
    differing = _differing([run.arguments for run in side.runs])
    if differing:
        names = f"{side.runs[0].name} and its fellows"
        yield f"{names} differ in more than their seeds ({', '.join(differing)}): the claim is about such a mixture"
    same = [
        f"{one.name} and {other.name}"
        for (i, one), (j, other) in combinations(enumerate(side.runs), 2)
        if one.seed is not None and one.seed == other.seed and np.array_equal(side.predicted[i], side.predicted[j])
    ]
    if same:
        yield f"{', '.join(same)} are one training done twice: they tell as much as one run, and the interval is too narrow"


def _differing(arguments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings, seeds aside, in which runs differ."""
    flat = [_flat(each) for each in arguments]
    names = dict.fromkeys(name for each in flat for name in each)
    return [name for name in names if any(each.get(name) != flat[0].get(name) for each in flat[1:])]


def _flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    settings = arguments.get("set")
    return {
        **{name: value for name, value in arguments.items() if name not in ("seed", "set")},
        **(settings if isinstance(settings, Mapping) else {}),
    }
