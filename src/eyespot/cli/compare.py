"""`eyespot compare`: which run is better, and whether the difference is real."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eyespot.cli.comparison import comparison, ranking
from eyespot.cli.console import answer, answer_json
from eyespot.cli.options import Arguments, Subparsers, add_verb
from eyespot.cli.terminal import progress
from eyespot.errors import UsageError

if TYPE_CHECKING:
    from eyespot.evaluation.cost import Cost, Speed
    from eyespot.evaluation.judged import JudgedRun
    from eyespot.progress import Progress
    from eyespot.run_folder import RunFolder

_EXAMPLES = """\
  eyespot compare runs/new --against runs/old
  eyespot compare runs/photos-quick-*-seed* --against runs/photos-budget-*-seed*
  eyespot compare runs/*
  eyespot compare latest --against photos --json"""
_NOTES = """\
A RUN is a run's folder, a run's name, or `latest`. With one run on each side, the answer is about these two
models; with several, which are to differ only in their seeds (`eyespot train --seeds N`), it is about their
recipes. Two runs alone are the one against the other; more of them are put in order, the best first.
What is compared is how the runs did on their test pictures, matched by name: no picture is read. The speed is
measured on this machine with both models in turn, without decoding. Nothing is written."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(
        subparsers, "compare", run, help="say which run is better, and whether it is luck", examples=_EXAMPLES, notes=_NOTES
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="what to compare")
    parser.add_argument("--against", nargs="+", metavar="RUN", default=[], help="what to compare it with")
    parser.add_argument("--shared", action="store_true", help="leave out pictures that not all of the runs were judged on")
    parser.add_argument("--no-speed", action="store_true", help="leave out measuring how fast the models are")


def run(arguments: Arguments) -> int:
    """Compare and print."""
    first, second = _folders(arguments.runs), _folders(arguments.against)
    if not second and len(first) == 2:
        first, second = first[:1], first[1:]
    _check(first, second)
    shown = progress(arguments.quiet)
    from eyespot.evaluation.compare import compare, rank
    from eyespot.evaluation.judged import read_run

    with shown.task("reading", len(first) + len(second), "runs") as task:
        runs = []
        for folder in (*first, *second):
            runs.append(read_run(folder))
            task.advance()
    if second:
        found = compare(runs[: len(first)], runs[len(first) :], shared_only=arguments.shared)
        costs = _costs([found.first.runs[0], found.second.runs[0]], arguments, shown)
        if arguments.json:
            answer_json({**found.to_json(), "cost": {"first": _document(*costs[0]), "second": _document(*costs[1])}})
        else:
            answer(comparison(found, costs))
        return 0
    ranked = rank(runs, shared_only=arguments.shared)
    costs = _costs([place.run for place in ranked.places], arguments, shown)
    if arguments.json:
        document = ranked.to_json()
        for place, cost in zip(document["ranking"], costs, strict=True):
            place["cost"] = _document(*cost)
        answer_json(document)
    else:
        answer(ranking(ranked, costs))
    return 0


def _folders(words: Sequence[str]) -> list[RunFolder]:
    """The runs that the words name; where the shell has left a pattern as it is, those that it matches."""
    from eyespot.run_folder import find_run

    folders = []
    for word in words:
        is_pattern = glob.has_magic(word) and not os.path.exists(word)
        folders += [find_run(name) for name in (sorted(glob.glob(word)) or [word] if is_pattern else [word])]
    return folders


def _check(first: Sequence[RunFolder], second: Sequence[RunFolder]) -> None:
    if len(first) + len(second) < 2:
        raise UsageError("a comparison needs at least two runs, such as: eyespot compare runs/new --against runs/old")
    seen: set[str] = set()
    for folder in (*first, *second):
        path = os.path.realpath(folder.path)
        if path in seen:
            raise UsageError(f"{folder.path} is named twice; a run can be compared with other runs only")
        seen.add(path)


def _costs(runs: Sequence[JudgedRun], arguments: Arguments, shown: Progress) -> list[tuple[Cost | None, Speed | None]]:
    """What each run's model costs, and how fast it is, unless that is not to be measured."""
    from eyespot.evaluation.cost import cost, speeds
    from eyespot.prediction import Model

    costs = [cost(run.folder) for run in runs]
    measured: list[Speed | None] = [None] * len(runs)
    there = [i for i, found in enumerate(costs) if found is not None and not arguments.no_speed]
    if there:
        for i, speed in zip(there, speeds([Model(runs[i].folder.model) for i in there], progress=shown), strict=True):
            measured[i] = speed
    return list(zip(costs, measured, strict=True))


def _document(cost: Cost | None, speed: Speed | None) -> dict[str, Any] | None:
    return None if cost is None else {**cost.to_json(), "speed": speed and speed.to_json()}
