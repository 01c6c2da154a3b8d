"""What `eyespot train` says at its end: the figures, where to look, what to do next."""

from __future__ import annotations

import shlex
import signal
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot.cli.console import one_line, percent, say
from eyespot.evaluation.facts import flatters

if TYPE_CHECKING:
    from eyespot.runs import Run

_COLUMNS = 100
"""Sentences are broken to lines of this width; paths and commands are not."""


def summary(done: Run) -> str:
    """The end of a training in a few lines; a few more where metrics.json says how sure the figures of few pictures are."""
    metrics = done.metrics
    few = metrics.get("few")
    lines = [*(_of_few(few, Path(metrics["data"]), metrics.get("budget")) if few else _of_many(metrics))]
    if metrics.get("budget") and not few:
        spent, given = _time(metrics["budget"])
        lines.append(f"time: {spent} from the start to the report, of a budget of {given}")
    if metrics["skipped"]:
        lines.append(f"skipped: {metrics['skipped']} files, named in {done.folder.skipped}")
    pictures = "PICTURES --sort-into SORTED" if few else "IMAGE"
    lines += [f"report: {done.folder.report}", f"next: eyespot predict {pictures} --model {shlex.quote(str(done.folder.path))}"]
    return "\n".join(map(one_line, lines))


def ending(done: Run) -> int:
    """The exit code, once it is said what a signal interrupted, where one did."""
    if done.interrupted is None:
        return 0
    word = "terminated" if done.interrupted == signal.SIGTERM else "interrupted"
    kept = "what was learned until then is" if done.metrics["interrupted"] else "the training was done, and the whole run is"
    say(f"eyespot: {word}; {kept} kept in {done.folder.path}")
    return 128 + done.interrupted


def _of_many(metrics: Mapping[str, Any]) -> Iterator[str]:
    test = metrics["test"]
    accuracy = with_interval({"estimate": test["accuracy"], **test["interval"]}, "95 % interval ")
    others = f"balanced {percent(test['balanced_accuracy'])}, loss {test['loss']:.3f}"
    yield f"accuracy {accuracy}, {others}, on {test['n']:,} test pictures"
    yield f"epochs: {metrics['epochs']}, in {metrics['train_seconds']:.0f} s, at {metrics['images_per_second']:,.0f} pictures/s"


def _time(budget: Mapping[str, float]) -> tuple[str, str]:
    """The time spent, and that given."""
    return f"{budget['spent_seconds']:.0f} s", f"{budget['seconds']:.0f} s"


def _of_few(few: Mapping[str, Any], data: Path, budget: Mapping[str, float] | None) -> Iterator[str]:
    """The same with the intervals of the figures, and what a person needs to know who has few pictures.

    Args:
        few: what `Appraisal.to_json` gives.
        data: what was trained on.
        budget: the seconds that were given and spent; None: there was none.
    """
    recall = few["balanced_accuracy"]
    yield f"accuracy {with_interval(few['accuracy'], '95 % interval ')}, macro recall {with_interval(recall)}"
    if few["accuracy"]["low"] <= few["guessing"]:
        yield from sentence(
            f"no better than guessing, as far as can be shown: the commonest class alone has {percent(few['guessing'])}"
        )
    time = "; done in {} of a budget of {}".format(*_time(budget)) if budget else ""
    yield from sentence(f"measured on {few['measured']}{time}")
    if any(map(flatters, few["leaks"])):
        yield "flattered: the test part shares pictures with another, which the report names"
    elif few["leaks"]:
        yield from sentence(
            "choices rest on pictures that were learned from: train and validation share some, which the report names"
        )
    if len(few["candidates"]) > 1:
        kept_first = sorted(few["candidates"], key=lambda one: not one["is_chosen"])
        tried = (f"{one['name']} {percent(one['accuracy']['estimate'])}" for one in kept_first)
        n = kept_first[0]["n"]
        where = "" if n == few["n"] else f", compared on {n:,} other pictures"
        yield from sentence(f"kept: {'; not kept: '.join(tried)}{where}")
    yield from sentence(f"classifier: {few['origin']}")
    if worst := few["worst_confusion"]:
        share = f"{worst['count']:,} of {worst['n']:,}"
        yield f"worst confusion: takes {share} pictures of {worst['true']} for {worst['predicted']}"
    for suspect in few["suspects"]:
        yield f"label to check: {_place(data, suspect['name'])}: {suspect['given']}, or {suspect['likelier']}?"
    yield from sentence(f"unsure: {few['unsure']}")


def with_interval(figure: Mapping[str, float], before: str = "") -> str:
    """`83.8 % (80.1 to 86.9 %)`."""
    return f"{percent(figure['estimate'])} ({before}{100 * figure['low']:.1f} to {percent(figure['high'])})"


def sentence(text: str) -> list[str]:
    """The text in as many lines as it needs, of which all but the first are indented."""
    return textwrap.wrap(one_line(text), _COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _place(data: Path, name: str) -> str:
    """The path that opens the picture, where it lies in a folder or beside the CSV that lists it; else its name in the data."""
    paths = (data / name, data.parent / name)
    return next((str(path) for path in paths if path.is_file()), name)
