"""`eyespot demo`: the tour, on letters that it draws itself."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from eyespot.cli import evaluate, explain, predict, train
from eyespot.cli.console import answer, answer_json
from eyespot.cli.options import Arguments, Parser, Subparsers, add_verb

if TYPE_CHECKING:
    from eyespot.run_folder import RunFolder

_EXAMPLES = """\
  eyespot demo"""
_NOTES = """\
Trains a classifier for the letters A to Z on pictures drawn from many fonts, tries it on fonts it has
never seen, and shows how it sees. Takes about a minute, and needs no download."""
_WORD = "EYESPOT"
_TRAINING = "40s"
"""The rest of the tour takes the remainder of a minute."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    add_verb(subparsers, "demo", run, help="take the tour: train, evaluate, predict, explain", examples=_EXAMPLES, notes=_NOTES)


def run(arguments: Arguments) -> int:
    """Go through the verbs, one by one."""
    from eyespot.run_folder import create

    folder = create(None, "demo")
    try:
        return _tour(folder, arguments)
    finally:
        # Where the training failed, nothing lies in it, and only then can it be removed.
        with suppress(OSError):
            folder.path.rmdir()


def _tour(folder: RunFolder, arguments: Arguments) -> int:
    examples = folder.path / "examples"
    documents: dict[str, Any] = {}
    for verb, words in _steps(str(folder.path), str(examples)):
        if verb is predict:
            _draw(examples)
        if arguments.json:
            code, documents[words[0]] = _document(verb, [*words, "--json"], arguments)
        else:
            answer(f"\n$ eyespot {' '.join(words)}")
            sys.stdout.flush()
            code = _run(verb, words, arguments)
        if code:
            return code
    if arguments.json:
        answer_json({**documents, "report": str(folder.report)})
    else:
        answer(f"\nThe report of this run, worth opening: {folder.report}")
    return 0


def _steps(folder: str, examples: str) -> list[tuple[ModuleType, list[str]]]:
    return [
        (train, ["train", "letters", "--budget", _TRAINING, "--out", folder]),
        (evaluate, ["evaluate", folder]),
        (predict, ["predict", examples, "--model", folder, "--top-k", "3"]),
        (explain, ["explain", folder]),
    ]


def _run(verb: ModuleType, words: list[str], arguments: Arguments) -> int:
    """Do what the command line `words` would do."""
    parser = Parser(prog="eyespot")
    verb.add_parser(parser.add_subparsers())
    given = parser.parse_args([*words, *(f"--{name}" for name in ("quiet", "debug") if getattr(arguments, name))])
    given.began = arguments.began
    code: int = given.run(given)
    return code


def _document(verb: ModuleType, words: list[str], arguments: Arguments) -> tuple[int, Any]:
    """The exit code and the JSON document of a command line."""
    with redirect_stdout(io.StringIO()) as printed:
        code = _run(verb, words, arguments)
    return code, json.loads(printed.getvalue() or "null")


def _draw(folder: Path) -> None:
    """Save pictures of the letters of a word, in fonts that the training did not use."""
    from PIL import Image

    from eyespot.data import letters

    faces = 6
    part = letters.load(train=len(letters.CLASSES), test=faces * len(letters.CLASSES), seed=2026).parts["test"]
    folder.mkdir(exist_ok=True)
    for place, letter in enumerate(_WORD):
        positions = (part.labels == letters.CLASSES.index(letter)).nonzero()[0]
        Image.fromarray(part.images[positions[place % faces]]).save(folder / f"{place + 1}-{letter}.png")
