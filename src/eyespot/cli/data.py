"""`eyespot data`: fetch and look at data sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eyespot.cli.console import answer, answer_json, one_line, say, table
from eyespot.cli.options import Arguments, Subparsers, add_verb
from eyespot.cli.terminal import progress

_FETCH_EXAMPLES = """\
  eyespot data fetch cifar10"""
_INFO_EXAMPLES = """\
  eyespot data info letters
  eyespot data info PHOTOS/ --json"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "data", help="fetch a data set, or show what is in one", description="Fetch a data set, or show what is in one."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    fetch = add_verb(
        actions, "fetch", _fetch, help="download a data set, unless it is on this machine", examples=_FETCH_EXAMPLES
    )
    fetch.add_argument("name", choices=["cifar10"], metavar="NAME", help="cifar10")
    info = add_verb(actions, "info", _info, help="show what is in a data set", examples=_INFO_EXAMPLES)
    info.add_argument("data", metavar="DATA", help="pictures, as `eyespot train` takes them")


def _fetch(arguments: Arguments) -> int:
    """Download, and say where it lies."""
    from eyespot.data import cifar10

    here = next(cifar10.copies(), None)
    path = here or cifar10.fetch(progress=progress(arguments.quiet))
    if arguments.json:
        answer_json({"name": arguments.name, "path": str(path), "downloaded": here is None})
    else:
        answer(f"{arguments.name} lies in {path}")
    return 0


def _info(arguments: Arguments) -> int:
    """Read the whole data set and say what is in it."""
    from eyespot import data

    dataset = data.load(arguments.data, minimum_classes=1, progress=progress(arguments.quiet))
    described = data.describe(dataset)
    if arguments.json:
        answer_json(described)
        return 0
    answer(_summary(described))
    for skipped in dataset.skipped:
        say(f"skipped {one_line(skipped.path)}: {one_line(skipped.reason)}")
    return 0


def _summary(described: Mapping[str, Any]) -> str:
    parts: Mapping[str, Mapping[str, int]] = described["parts"]
    rows = [(one_line(name), *(f"{counts[name]:,}" for counts in parts.values())) for name in described["classes"]]
    total = ("in all", *(f"{sum(counts.values()):,}" for counts in parts.values()))
    left_out = [f"{len(described['skipped'])} skipped"] if described["skipped"] else []
    left_out += [f"{count} files {ending or 'without an ending'} ignored" for ending, count in described["ignored"].items()]
    lines = [
        one_line(", ".join([f"{described['name']}: {described['pictures']:,} pictures", f"{len(rows)} classes", *left_out])),
        *map(one_line, described["notes"]),
        "",
        table([("class", *parts), *rows, total], numbers=set(range(1, len(parts) + 1))),
    ]
    return "\n".join(lines)
