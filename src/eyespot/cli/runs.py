"""`eyespot runs`: the runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eyespot.cli.console import answer, answer_json, one_line, percent, say, table
from eyespot.cli.options import Arguments, Subparsers, add_verb

if TYPE_CHECKING:
    from eyespot.run_folder import RunSummary

_EXAMPLES = """\
  eyespot runs
  eyespot runs --json
  eyespot runs experiments/"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(subparsers, "runs", run, help="list the runs here, the newest first", examples=_EXAMPLES)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="where the runs lie (default: runs)")


def run(arguments: Arguments) -> int:
    """List the runs."""
    from eyespot import run_folder

    folder = arguments.folder or run_folder.RUNS
    summaries = [run_folder.summarize(found) for found in run_folder.runs(folder)]
    if arguments.json:
        answer_json([summary.to_json() for summary in summaries])
    elif summaries:
        answer(table([_HEAD, *(_row(summary) for summary in summaries)], numbers={3, 4, 5}))
    elif not arguments.quiet:
        say(f"there are no runs in {folder}; make one with: eyespot train letters")
    return 0


_HEAD = ("run", "data", "recipe", "accuracy", "balanced", "epochs", "date", "")


def _row(summary: RunSummary) -> tuple[str, ...]:
    state = summary.problem or ("interrupted" if summary.interrupted else "" if summary.is_finished else "not finished")
    return (
        one_line(summary.name),
        one_line(summary.data or "-"),
        one_line(summary.recipe or "-"),
        percent(summary.accuracy),
        percent(summary.balanced_accuracy),
        "-" if summary.epochs is None else str(summary.epochs),
        f"{summary.date:%Y-%m-%d %H:%M}",
        one_line(state),
    )
