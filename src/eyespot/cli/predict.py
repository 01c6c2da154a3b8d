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

from eyespot.cli.console import answer, bar, listed, one_line, percent, say, table
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb, positive
from eyespot.cli.terminal import progress
from eyespot.errors import EyespotError, UsageError

if TYPE_CHECKING:
    from eyespot.cli.pictures import Entry, Expanded
    from eyespot.prediction import Model, Prediction
    from eyespot.sorting import Sorter

    Outcome = tuple[Entry, Prediction | str, Path | None]
    """A picture asked for; what it shows, or why that is not known; and where its copy lies, if there is one."""

_FORMATS = ("text", "json", "csv")
_EXAMPLES = """\
  eyespot predict cat.jpg
  eyespot predict holiday/ --format csv --out holiday.csv
  eyespot predict holiday/ --sort-into sorted/
  eyespot predict "shots/*.png" https://example.org/dog.jpg --top-k 3
  cat cat.jpg | eyespot predict - --json --model runs/letters"""
_NOTES = """\
A picture that cannot be read is named with the reason, and the exit code is then 3.
An answer is unsure where its probability is below the model's threshold; without one, none is.
The csv format has the columns path, label, probability, unsure, error, and for --top-k above 1
label_2, probability_2 and so on; with --sort-into also copied_to.
--sort-into copies; it never moves, overwrites or removes. DIR gets a folder for each class, and `unsure` for
what the model is unsure of. Where another picture has a name already, the picture's folder is put in front,
then a number behind. What was copied before is left as it is, so the same command again goes on where one was
broken off; for another model, start with a new DIR."""

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
    parser.add_argument(
        "--sort-into", type=Path, metavar="DIR", help="copy each picture that is a file into the folder of its class in DIR"
    )


def run(arguments: Arguments) -> int:
    """Predict and print."""
    layout = _layout(arguments)
    model = open_model(arguments.model, quiet=arguments.quiet)
    from eyespot.cli.pictures import expand

    expanded = expand(arguments.images, passing_by=arguments.sort_into)
    entries = expanded.entries
    sorter = _sorter(arguments.sort_into, model)
    if not arguments.quiet:
        for note in _remarks(expanded, sorter, model):
            say(one_line(note))
    top_k = min(arguments.top_k, len(model.classes))
    # Bars and an answer that scrolls by do not go together.
    hidden = arguments.quiet or len(entries) < _MANY or (arguments.out is None and sys.stdout.isatty())
    failed = 0
    with _destination(arguments.out) as write, progress(hidden).task("predicting", len(entries)) as task:

        def outcomes() -> Iterator[Outcome]:
            nonlocal failed
            for entry, outcome in _outcomes(model, entries, top_k):
                failed += isinstance(outcome, str)
                yield entry, outcome, _copied(sorter, entry, outcome)
                task.advance()

        for line in layout(outcomes(), entries, top_k, sorter):
            write(line)
    if sorter is not None and layout is not _as_text and not arguments.quiet:
        for line in _summary(sorter):
            say(line)
    if failed and not arguments.quiet:
        say(f"{failed} of {len(entries)} pictures could not be read")
    return 3 if failed else 0


def _layout(arguments: Arguments) -> Callable[..., Iterator[str]]:
    if arguments.json and arguments.format not in (None, "json"):
        raise UsageError(f"--json and --format {arguments.format} exclude each other")
    return _LAYOUTS["json" if arguments.json else arguments.format or "text"]


def _sorter(target: Path | None, model: Model) -> Sorter | None:
    if target is None:
        return None
    from eyespot.sorting import Sorter

    return Sorter(target, model.classes)


def _remarks(expanded: Expanded, sorter: Sorter | None, model: Model) -> Iterator[str]:
    """What there is to say before the first answer."""
    from eyespot.data.layout import kinds_line

    if expanded.left_out:
        yield f"left out: {kinds_line(expanded.left_out)}: not pictures of a kind that is read"
    if sorter is None:
        return
    if expanded.passed_by:
        yield f"left out: what lies in {sorter.target}, where the copies go"
    if sorter.renamed:
        folders = [f"{folder} for {name}" for name, folder in sorter.renamed.items()]
        yield f"folders that cannot have the names of their classes: {listed(folders)}"
    if model.description.unsure_threshold is None:
        yield "this model has no threshold under which it is unsure, so every picture goes to a class"


def _copied(sorter: Sorter | None, entry: Entry, outcome: Prediction | str) -> Path | None:
    """Where the picture was copied to; None where it is not to be copied, or cannot be read, or is no file."""
    if sorter is None or isinstance(outcome, str):
        return None
    return sorter.add(entry.source, outcome.label, unsure=outcome.unsure, within=entry.within)


def _summary(sorter: Sorter) -> Iterator[str]:
    """How many pictures were sorted into which folder."""
    from eyespot.sorting import UNSURE

    before = f", of which {sorter.there_already:,} lay there before" if sorter.there_already else ""
    yield one_line(f"pictures sorted into {sorter.target}: {sorter.counts.total():,}{before}")
    if sorter.counts:
        folders = sorted(sorter.counts, key=lambda folder: (folder == UNSURE, folder))
        yield table([[f"  {one_line(folder)}", f"{sorter.counts[folder]:,}"] for folder in folders], numbers={1})
    if sorter.not_files:
        yield f"not copied, from an address or standard input: {sorter.not_files:,}"


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


def _as_json(outcomes: Iterator[Outcome], entries: Sequence[Entry], top_k: int, sorter: Sorter | None) -> Iterator[str]:
    """One document, so that nothing is printed unless all is well."""
    documents = [_to_json(entry.path, outcome) | _copy_to_json(outcome, copy, sorter) for entry, outcome, copy in outcomes]
    yield json.dumps(documents, indent=2)


def _to_json(path: str, outcome: Prediction | str) -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"path": path, "error": outcome}
    predictions = [{"label": label, "probability": probability} for label, probability in outcome.top]
    return {"path": path, "predictions": predictions, "unsure": outcome.unsure}


def _copy_to_json(outcome: Prediction | str, copy: Path | None, sorter: Sorter | None) -> dict[str, Any]:
    """What is added for a picture that was predicted where pictures are sorted."""
    if sorter is None or isinstance(outcome, str):
        return {}
    return {"copied_to": None if copy is None else str(copy)}


def _as_csv(outcomes: Iterator[Outcome], entries: Sequence[Entry], top_k: int, sorter: Sorter | None) -> Iterator[str]:
    others = [f"{column}_{place}" for place in range(2, top_k + 1) for column in ("label", "probability")]
    last = [] if sorter is None else ["copied_to"]
    yield _csv_row(["path", "label", "probability", "unsure", "error", *others, *last])
    for entry, outcome, copy in outcomes:
        if isinstance(outcome, str):
            yield _csv_row([entry.path, "", "", "", outcome, *("" for _ in (*others, *last))])
            continue
        rest = [cell for label, probability in outcome.top[1:] for cell in (label, f"{probability:.6f}")]
        best = [outcome.label, f"{outcome.probability:.6f}", str(outcome.unsure).lower()]
        yield _csv_row([entry.path, *best, "", *rest, *(str(copy or "") for _ in last)])


def _csv_row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _as_text(outcomes: Iterator[Outcome], entries: Sequence[Entry], top_k: int, sorter: Sorter | None) -> Iterator[str]:
    """For one picture a line for each class; for several a line for each picture. In the end, what was sorted."""
    width = min(max((len(entry.path) for entry in entries), default=0), 40)
    for entry, outcome, _ in outcomes:
        path = one_line(entry.path)
        if isinstance(outcome, str):
            yield f"{path.ljust(width)}  cannot be read: {one_line(outcome)}"
        elif len(entries) == 1:
            yield from _block(path, outcome)
        else:
            yield f"{path.ljust(width)}  {_row(outcome)}"
    if sorter is not None:
        yield from _summary(sorter)


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
