"""`eyespot evaluate`: how good a model is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from eyespot.cli.console import answer, answer_json, bar, one_line, percent, say, table
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb
from eyespot.cli.summary import with_interval
from eyespot.cli.terminal import progress
from eyespot.errors import DataError, UsageError

if TYPE_CHECKING:
    from eyespot.evaluation.metrics import Evaluation
    from eyespot.evaluation.model_on_data import Choice
    from eyespot.prediction import Model

_EXAMPLES = """\
  eyespot evaluate
  eyespot evaluate letters
  eyespot evaluate runs/photos NEW_PHOTOS/
  eyespot evaluate latest cifar10 --flip --json"""
_NOTES = """\
One word alone is the data, unless it is `latest`, ends in .onnx, is a run's folder, or is a run's name
and not the name of a file or folder here: then it is the model. DATA left out is what the model was
trained on. Of data with a test part that part is used, other data is used whole. Classes are matched by
name. Where the model has learned from the pictures, a line says so, and what it did on others. Nothing is
written."""
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


def run(arguments: Arguments) -> int:
    """Evaluate and print the figures."""
    name, source = _model_and_data(arguments.model, arguments.data)
    model = open_model(name, quiet=arguments.quiet)
    shown = progress(arguments.quiet)
    from eyespot import data
    from eyespot.evaluation.model_on_data import choose, judge, positions

    told = source or _trained_on(model)
    positions(model.classes, data.known_classes(told) or ())  # before the pictures are drawn or read
    dataset = data.load(told, model.size, minimum_classes=1, progress=shown)
    chosen = choose(model, dataset, arguments.split, held_out=source is None)
    origin = "" if source else " (what the model was trained on, left out on the command line)"
    shown.note(f"data: {one_line(dataset.name)}{origin}; {len(chosen.part):,} pictures, part: {chosen.name}")
    if chosen.known:
        shown.note(f"the model has learned from these pictures: the figures flatter it; {_honest_figure(model, chosen)}")
    evaluation = judge(model, chosen.part, dataset.classes, progress=shown)
    flipped = judge(model, chosen.part, dataset.classes, flip=True, progress=shown) if arguments.flip else None
    if arguments.json:
        answer_json({**evaluation.to_json(), **({"flip": flipped.to_json()} if flipped else {})})
    else:
        answer(_summary(evaluation, flipped))
    for skipped in dataset.skipped:
        say(f"skipped {one_line(skipped.path)}: {one_line(skipped.reason)}")
    return 3 if dataset.skipped else 0


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


def _summary(evaluation: Evaluation, flipped: Evaluation | None) -> str:
    lines = [_headline(evaluation)]
    if flipped:
        lines.append(f"with mirror images: {_headline(flipped)}")
    rows = [
        (
            one_line(name),
            bar(figures.recall or 0.0, 16),
            percent(figures.recall),
            percent(figures.precision),
            percent(figures.f1),
            f"{figures.n:,}",
        )
        for name, figures in evaluation.per_class.items()
    ]
    head = ("class", "", "recall", "precision", "f1", "pictures")
    return "\n".join([*lines, "", table([head, *rows], numbers={2, 3, 4, 5})])


def _headline(evaluation: Evaluation) -> str:
    return (
        f"accuracy {percent(evaluation.accuracy)} (balanced {percent(evaluation.balanced_accuracy)}, top 5 "
        f"{percent(evaluation.top5_accuracy)}), loss {evaluation.loss:.3f}, calibration error {percent(evaluation.ece)}, "
        f"{evaluation.n:,} pictures"
    )
