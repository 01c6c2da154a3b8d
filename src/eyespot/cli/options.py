"""What all verbs share: the parser, and the options that every verb takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from eyespot import durations
from eyespot.errors import InputError, UsageError

Arguments = argparse.Namespace
Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError where argparse would print and exit, and takes no abbreviated options."""

    def __init__(self, **settings: object) -> None:
        super().__init__(
            **{"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **settings}  # type: ignore[arg-type]
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see: {self.prog} --help")


def add_verb(
    subparsers: Subparsers,
    name: str,
    run: Callable[[Arguments], int],
    *,
    help: str,
    examples: str,
    notes: str = "",
    aliases: tuple[str, ...] = (),
) -> Parser:
    """Add the parser of one verb, with the options that every verb takes."""
    parser = subparsers.add_parser(
        name,
        aliases=aliases,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.{notes and chr(10) * 2}{notes}",
        epilog=f"examples:\n{examples}",
    )
    parser.set_defaults(run=run)
    add_common_options(parser)
    return parser


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb takes."""
    common = parser.add_argument_group("output")
    common.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document, and nothing else, on standard output; none where the verb fails",
    )
    common.add_argument("--quiet", action="store_true", help="print nothing but errors on standard error")
    common.add_argument("--debug", action="store_true", help="show where in the code an error arose")


def positive(text: str) -> int:
    """The type of an option that takes a whole number above 0."""
    number = int(text) if text.strip().isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return number


def duration(text: str) -> float:
    """The type of an option that takes a length of time: seconds."""
    try:
        return durations.seconds(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def not_negative(text: str) -> int:
    """The type of an option that takes a whole number, 0 included."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)
