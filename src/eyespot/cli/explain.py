"""`eyespot explain`: how a network sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eyespot.cli.console import answer, answer_json, one_line, say, table
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb

if TYPE_CHECKING:
    from eyespot.explanation.layers import LayerSummary

_EXAMPLES = """\
  eyespot explain
  eyespot explain runs/letters
  eyespot explain cifar10
  eyespot explain latest --json"""

_NOTES = """\
For each layer: its output (height x width x channels), how many weights it has, how many multiplications
with additions one picture takes, how much of the picture one unit sees (its receptive field), and the
arithmetic of its size."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(subparsers, "explain", run, help="show a model layer by layer", examples=_EXAMPLES, notes=_NOTES)
    parser.add_argument("model", nargs="?", metavar="MODEL", help=MODEL_HELP)


def run(arguments: Arguments) -> int:
    """Print the layer table."""
    model = open_model(arguments.model, quiet=arguments.quiet)
    from eyespot.bundle import read_network
    from eyespot.explanation.layers import layer_table
    from eyespot.run_folder import find_card

    card = find_card(model.path)
    if card is not None and not arguments.quiet:
        say(one_line(f"how it was trained, its figures and its limits: {card}"))
    rows = layer_table(read_network(model.path))
    if arguments.json:
        answer_json(
            {
                "layers": [row.to_json() for row in rows],
                "parameters": sum(row.parameters for row in rows),
                "macs": sum(row.macs for row in rows),
            }
        )
    else:
        answer(_summary(rows))
    return 0


def _summary(rows: list[LayerSummary]) -> str:
    head = ("layer", "type", "output", "weights", "multiply-adds", "sees", "how")
    lines = [
        (
            one_line(row.name),
            row.type,
            _product(row.output_shape),
            f"{row.parameters:,}",
            f"{row.macs:,}",
            _product(row.receptive_field),
            row.formula,
        )
        for row in rows
    ]
    total = ("in all", "", "", f"{sum(row.parameters for row in rows):,}", f"{sum(row.macs for row in rows):,}", "", "")
    return table([head, *lines, total], numbers={3, 4})


def _product(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
