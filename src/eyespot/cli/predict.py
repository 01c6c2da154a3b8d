"""`eyespot predict`: what pictures show."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot.cli.console import answer, bar, one_line, percent, say
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb, positive
from eyespot.cli.terminal import progress
from eyespot.errors import EyespotError, UsageError

if TYPE_CHECKING:
    from eyespot.cli.pictures import Entry
    from eyespot.prediction import Model, Prediction

_FORMATS = ("text", "json", "csv")
_EXAMPLES = """\
  eyespot predict cat.jpg
  eyespot predict holiday/ --format csv --out holiday.csv
  eyespot predict "shots/*.png" https://example.org/dog.jpg --top-k 3
  cat cat.jpg | eyespot predict - --json --model runs/letters"""
_NOTES = """\
A picture that cannot be read is named with the reason, and the exit code is then 3.
An answer is unsure where its probability is below the model's threshold; without one, none is.
The csv format has the columns path, label, probability, unsure, error, and for --top-k above 1
label_2, probability_2 and so on."""

_MANY = 50
"""With this many pictures, how far the work has come is worth showing."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(subparsers, "predict", run, help="say what pictures show", examples=_EXAMPLES, notes=_NOTES)
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a file, a folder (with its subfolders), a pattern such as *.png, an http address, or -",
    )
    parser.add_argument("--model", metavar="M", help=MODEL_HELP)
    parser.add_argument(
        "--top-k", type=positive, default=5, metavar="K", help="how many classes to list for each picture (default 5)"
    )
    parser.add_argument("--format", choices=_FORMATS, help="how to print: text (default), json (the same as --json) or csv")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the answer to FILE, whole or not at all, instead of printing it"
    )


def run(arguments: Arguments) -> int:
    """Predict and print."""
    layout = _layout(arguments)
    model = open_model(arguments.model, quiet=arguments.quiet)
    from eyespot.cli.pictures import expand
    from eyespot.data.layout import kinds_line

    expanded = expand(arguments.images)
    entries = expanded.entries
    if expanded.left_out and not arguments.quiet:
        say(one_line(f"left out: {kinds_line(expanded.left_out)}: not pictures of a kind that is read"))
    top_k = min(arguments.top_k, len(model.classes))
    # Bars and an answer that scrolls by do not go together.
    hidden = arguments.quiet or len(entries) < _MANY or (arguments.out is None and sys.stdout.isatty())
    failed = 0
    with _destination(arguments.out) as write, progress(hidden).task("predicting", len(entries)) as task:

        def outcomes() -> Iterator[tuple[Entry, Prediction | str]]:
            nonlocal failed
            for entry, outcome in _outcomes(model, entries, top_k):
                failed += isinstance(outcome, str)
                yield entry, outcome
                task.advance()

        for line in layout(outcomes(), entries, top_k):
            write(line)
    if failed and not arguments.quiet:
        say(f"{failed} of {len(entries)} pictures could not be read")
    return 3 if failed else 0


def _layout(arguments: Arguments) -> Callable[..., Iterator[str]]:
    if arguments.json and arguments.format not in (None, "json"):
        raise UsageError(f"--json and --format {arguments.format} exclude each other")
    return _LAYOUTS["json" if arguments.json else arguments.format or "text"]


def _outcomes(model: Model, entries: Sequence[Entry], top_k: int) -> Iterator[tuple[Entry, Prediction | str]]:
    """Each entry, in order, with what the picture shows, or why that is not known."""
    predictions = model.predict_each((entry.source for entry in entries if entry.source is not None), top_k)
    for entry in entries:
        if entry.source is None:
            yield entry, entry.error or ""
            continue
        outcome = next(predictions)
        if isinstance(outcome, EyespotError):
            # What is wrong, without the name, which the answer states already.
            yield entry, getattr(outcome, "reason", str(outcome))
        else:
            yield entry, outcome


@contextmanager
def _destination(out: Path | None) -> Iterator[Callable[[str], None]]:
    """Takes the lines of the answer: standard output, or a file that appears when all is written.

    Errors: EyespotError, where the file cannot be written.
    """
    if out is None:
        yield answer
        return
    from eyespot.files import atomic_path

    try:
        with (
            atomic_path(out) as temporary,
            temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file,
        ):
            yield lambda line: print(line, file=file)
    except OSError as error:
        raise EyespotError(f"{out} cannot be written: {error.strerror or error}") from error


def _as_json(outcomes: Iterator[tuple[Entry, Prediction | str]], entries: Sequence[Entry], top_k: int) -> Iterator[str]:
    """One document, so that nothing is printed unless all is well."""
    yield json.dumps([_to_json(entry.path, outcome) for entry, outcome in outcomes], indent=2)


def _to_json(path: str, outcome: Prediction | str) -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"path": path, "error": outcome}
    predictions = [{"label": label, "probability": probability} for label, probability in outcome.top]
    return {"path": path, "predictions": predictions, "unsure": outcome.unsure}


def _as_csv(outcomes: Iterator[tuple[Entry, Prediction | str]], entries: Sequence[Entry], top_k: int) -> Iterator[str]:
    others = [f"{column}_{place}" for place in range(2, top_k + 1) for column in ("label", "probability")]
    yield _csv_row(["path", "label", "probability", "unsure", "error", *others])
    for entry, outcome in outcomes:
        if isinstance(outcome, str):
            yield _csv_row([entry.path, "", "", "", outcome, *("" for _ in others)])
            continue
        rest = [cell for label, probability in outcome.top[1:] for cell in (label, f"{probability:.6f}")]
        yield _csv_row([entry.path, outcome.label, f"{outcome.probability:.6f}", str(outcome.unsure).lower(), "", *rest])


def _csv_row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _as_text(outcomes: Iterator[tuple[Entry, Prediction | str]], entries: Sequence[Entry], top_k: int) -> Iterator[str]:
    """For one picture a line for each class; for several a line for each picture."""
    width = min(max((len(entry.path) for entry in entries), default=0), 40)
    for entry, outcome in outcomes:
        path = one_line(entry.path)
        if isinstance(outcome, str):
            yield f"{path.ljust(width)}  cannot be read: {one_line(outcome)}"
        elif len(entries) == 1:
            yield from _block(path, outcome)
        else:
            yield f"{path.ljust(width)}  {_row(outcome)}"


def _block(path: str, prediction: Prediction) -> Iterator[str]:
    yield f"{path}{_doubt(prediction)}"
    top = [(one_line(label), probability) for label, probability in prediction.top]
    width = max(len(label) for label, _ in top)
    for label, probability in top:
        yield f"  {label.ljust(width)}  {bar(probability)}  {percent(probability).rjust(7)}"


def _row(prediction: Prediction) -> str:
    others = [
        f"{one_line(label)} {percent(probability)}" for label, probability in prediction.top[1:] if probability >= _WORTH_NAMING
    ]
    best = f"{bar(prediction.probability, 10)} {percent(prediction.probability).rjust(7)}  {one_line(prediction.label)}"
    return best + (f"  (or {', '.join(others)})" if others else "") + _doubt(prediction)


def _doubt(prediction: Prediction) -> str:
    return "  unsure" if prediction.unsure else ""


_WORTH_NAMING = 0.001
_LAYOUTS: dict[str, Callable[..., Iterator[str]]] = {"text": _as_text, "json": _as_json, "csv": _as_csv}
