"""`eyespot evaluate`: how good a model is."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eyespot.cli.console import answer, answer_json, one_line, say
from eyespot.cli.figures import figures, lost
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb
from eyespot.cli.summary import with_interval
from eyespot.cli.terminal import progress
from eyespot.errors import DataError, UsageError

if TYPE_CHECKING:
    from eyespot.data.dataset import Dataset
    from eyespot.evaluation.model_on_data import Choice, Judged
    from eyespot.evaluation.robustness import Robustness
    from eyespot.prediction import Model

_EXAMPLES = """\
  eyespot evaluate
  eyespot evaluate letters
  eyespot evaluate runs/photos NEW_PHOTOS/ --report new_photos.html
  eyespot evaluate latest --robustness
  eyespot evaluate latest cifar10 --flip --json"""
_NOTES = """\
One word alone is the data, unless it is `latest`, ends in .onnx, is a run's folder, or is a run's name
and not the name of a file or folder here: then it is the model. DATA left out is what the model was
trained on. Of data with a test part that part is used, other data is used whole. Classes are matched by
name. Where the model has learned from the pictures, a line says so, and what it did on others. Every
figure comes with its 95 % interval. Nothing is written without --report."""
_PARTS = ("train", "validation", "test", "all")


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(
        subparsers, "evaluate", run, help="say how good a model is", examples=_EXAMPLES, notes=_NOTES, aliases=("val",)
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("data", nargs="?", metavar="DATA", help="labelled pictures, as `eyespot train` takes them")
    parser.add_argument(
        "--split", choices=_PARTS, help="the part of the data to use (default: test where there is one, else all)"
    )
    parser.add_argument("--flip", action="store_true", help="judge also the mean over each picture and its mirror image")
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="say also what is lost on pictures that are blurred, noisy, saved as small JPEGs, too dark or bright, or turned",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a page with the pictures behind the figures to FILE, such as new.html",
    )


def run(arguments: Arguments) -> int:
    """Evaluate and print the figures."""
    _check_can_be_written(arguments.report)
    name, source = _model_and_data(arguments.model, arguments.data)
    model = open_model(name, quiet=arguments.quiet)
    shown = progress(arguments.quiet)
    from eyespot import data
    from eyespot.evaluation.model_on_data import choose, in_order_of, judge, positions

    told = source or _trained_on(model)
    positions(model.classes, data.known_classes(told) or ())  # before the pictures are drawn or read
    dataset = data.load(told, model.size, minimum_classes=1, progress=shown)
    chosen = choose(model, dataset, arguments.split, held_out=source is None)
    origin = "" if source else " (what the model was trained on, left out on the command line)"
    shown.note(f"data: {one_line(dataset.name)}{origin}; {len(chosen.part):,} pictures, part: {chosen.name}")
    if chosen.known:
        of_them = "these pictures" if chosen.known == len(chosen.part) else f"{chosen.known:,} of these pictures"
        shown.note(f"the model has learned from {of_them}: the figures flatter it; {_honest_figure(model, chosen)}")
    part = in_order_of(model, chosen.part, dataset.classes)
    judged = judge(model, part, progress=shown)
    flipped = judge(model, part, flip=True, progress=shown).evaluation if arguments.flip else None
    worse = None
    if arguments.robustness:
        from eyespot.evaluation.robustness import robustness

        worse = robustness(model, part, progress=shown)
    if arguments.report is not None:
        _write_report(arguments, model, told, replace(chosen, part=part), dataset, judged, worse)
    if arguments.json:
        more = {"flip": flipped and flipped.to_json(), "robustness": worse and worse.to_json()}
        answer_json(
            {
                **judged.evaluation.to_json(),
                "learned_from": chosen.known,
                **{key: value for key, value in more.items() if value},
            }
        )
    else:
        answer(figures(judged.evaluation, flipped))
        if worse is not None:
            answer(f"\n{lost(worse)}")
    if arguments.report is not None:
        shown.note(f"report: {one_line(str(arguments.report))}")
    for skipped in dataset.skipped:
        say(f"skipped {one_line(skipped.path)}: {one_line(skipped.reason)}")
    return 3 if dataset.skipped else 0


def _check_can_be_written(report: Path | None) -> None:
    """Refuse a report that cannot be written before all the work, not after it."""
    if report is None:
        return
    if report.is_dir():
        raise UsageError(f"--report takes a file to write, such as {report / 'report.html'}; {report} is a folder")
    if not report.parent.is_dir():
        raise UsageError(f"--report {report}: there is no folder {report.parent}")


def _write_report(
    arguments: Arguments, model: Model, told: str, chosen: Choice, dataset: Dataset, judged: Judged, worse: Robustness | None
) -> None:
    from datetime import datetime

    from eyespot import environment
    from eyespot.evaluation.facts import Facts
    from eyespot.evaluation.report import write_report
    from eyespot.run_folder import RunFolder

    run = RunFolder(model.path.parent)
    options = [
        *(["--split", arguments.split] if arguments.split else []),
        *(["--robustness"] if worse is not None else []),
        *("--report", str(arguments.report)),
    ]
    facts = Facts(
        run=run.name if run.is_run else model.path.stem,
        command=shlex.join(["eyespot", "evaluate", arguments.model or str(model.path), told, *options]),
        fingerprint=dataset.fingerprint(),
        tested=chosen.name,
        known=bool(chosen.known),
        date=f"{datetime.now():%Y-%m-%d %H:%M}",
        arguments={"model": model.path, "recipe": model.description.recipe.get("name")},
        environment=environment.summary(),
    )
    write_report(
        arguments.report,
        facts=facts,
        data=replace(dataset, classes=model.classes, parts={chosen.name: chosen.part}),
        part=chosen.part,
        probabilities=judged.probabilities,
        evaluation=judged.evaluation,
        robustness=worse,
    )


def _honest_figure(model: Model, chosen: Choice) -> str:
    """Where one is to be had: on what was held out, or, where nothing was, from the run that the model was trained in."""
    from eyespot.run_folder import RunFolder

    if chosen.has_others:
        return "--split test takes those held out"
    run = RunFolder(model.path.parent)
    few = run.read_metrics().get("few") if run.is_finished else None
    if few:
        return f"its run found {with_interval(few['accuracy'], '95 % interval ')}, measured on {one_line(few['measured'])}"
    return "how good it is, only other pictures can tell"


def _model_and_data(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Which of the words is the model and which the data; None for one that was left out.

    Errors: DataError, where the only word is neither.
    """
    if first is None or second is not None:
        return first, second
    if _names_a_model(first):
        return first, None
    from eyespot.data import NAMES

    if first not in NAMES and not os.path.exists(first):
        raise DataError(_neither(first, NAMES))
    return None, first


def _neither(word: str, data_names: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    from eyespot.run_folder import LATEST, runs

    path = Path(word)
    beside = os.listdir(path.parent) if os.path.isdir(path.parent) else []  # unlike Path's, False for names that cannot be
    known = {name: str(path.parent / name) for name in beside}
    known |= {name: name for name in (LATEST, *data_names, *(run.name for run in runs()))}
    near = get_close_matches(path.name, known, n=1)
    hint = f"did you mean {known[near[0]]}? A" if near else "a"
    return (
        f"there is neither a model nor data called {word}; {hint} model is a run's folder or name, an .onnx file or {LATEST}; "
        f"data is {', '.join(data_names)}, or a folder, .zip or .csv of pictures"
    )


def _names_a_model(word: str) -> bool:
    from eyespot.run_folder import LATEST, RUNS, RunFolder

    if word == LATEST or word.lower().endswith(".onnx"):
        return True
    run = RunFolder(Path(word) if Path(word).exists() else RUNS / word)
    return run.is_run or run.model.is_file()


def _trained_on(model: Model) -> str:
    """The data that the model was trained on, as `eyespot.data.load` takes it.

    Errors: UsageError, where neither the run nor the model says where it lies.
    """
    from eyespot.run_folder import RunFolder

    run = RunFolder(model.path.parent)
    told = run.read_args().get("data") if run.args.is_file() else None
    name = told or model.description.data.get("name")
    if isinstance(name, str) and (told or name in ("cifar10", "letters")):
        return name
    raise UsageError(
        "the model does not say where the data lies that it was trained on; name some: eyespot evaluate MODEL DATA"
    )
