"""The command `eyespot`: from the words on the command line to an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from eyespot.cli import compare, data, demo, evaluate, explain, info, predict, runs, train
from eyespot.cli.clock import process_began
from eyespot.cli.console import answer, one_line, say
from eyespot.cli.options import Parser
from eyespot.errors import EyespotError, UsageError

_VERBS = (train, evaluate, predict, explain, compare, runs, data, info, demo)

_START = """\
Eyespot turns pictures into a classifier that you understand and can put to work.
  eyespot demo                 the tour, on pictures that it draws itself
  eyespot train PHOTOS/        learn from your own pictures, one folder a class
  eyespot predict cat.jpg      say what a picture shows
  eyespot --help               all the rest"""


class _Terminated(BaseException):
    """SIGTERM came."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the words after `eyespot`; None: those of this process.

    Returns: 0 done; 1 failed; 2 wrong usage; 3 done, but some inputs were skipped; 130 interrupted; 143 terminated.
    """
    if argv is None:
        # To look for garbage among all that torch brought takes a second at the end, and the system takes everything anyway.
        atexit.register(gc.freeze)
    began = time.monotonic() if argv is not None else process_began()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with _termination_raised():
            code = _run(words, began)
            sys.stdout.flush()
            return code
    except EyespotError as error:
        message, *more = error.args
        return _failed(words, message, error.exit_code, more)
    except BrokenPipeError:
        # Whoever read the answer has gone; what is still to be flushed at exit must not raise again.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _failed(words, f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    except KeyboardInterrupt as interruption:
        # What training raises bears the number of the signal that ended it.
        number = getattr(interruption, "signal", signal.SIGINT)
        return _stopped(words, interruption, number)
    except _Terminated as termination:
        return _stopped(words, termination, signal.SIGTERM)
    except MemoryError:
        return _failed(words, "not enough memory", 1)
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line; --debug shows the rest
        return _failed(
            words, f"a fault in Eyespot itself, {type(error).__name__}: {error}; please report it with what --debug shows", 1
        )


def _run(words: list[str], began: float) -> int:
    if not words:
        answer(_START)
        return 0
    parser, names = _parser()
    if not words[0].startswith("-") and words[0] not in names:
        raise UsageError(_unknown_verb(words[0], names))
    try:
        arguments = parser.parse_args(words)
    except SystemExit:  # argparse has printed the help
        return 0
    if arguments.version:
        from importlib.metadata import version

        answer(f"eyespot {version('eyespot')}")
        return 0
    arguments.began = began
    code: int = arguments.run(arguments)
    return code


def _parser() -> tuple[Parser, list[str]]:
    """The parser, and the names of its verbs."""
    parser = Parser(
        prog="eyespot",
        description="Turn pictures into an image classifier, see how good it is and put it to work, on an ordinary computer.",
        epilog="`eyespot VERB --help` shows a verb's options and examples.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=Parser)
    for verb in _VERBS:
        verb.add_parser(subparsers)
    return parser, list(subparsers.choices)


def _unknown_verb(word: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, names, n=1)
    return f"there is no verb {word!r}; {f'did you mean {near[0]}?' if near else 'see: eyespot --help'}"


def _failed(words: Sequence[str], message: str, code: int, more: Sequence[str] = ()) -> int:
    """Say what went wrong: the message in one line, and whatever more there is in lines of its own."""
    if "--debug" in words:
        traceback.print_exc()
    say("\n".join(map(one_line, [f"eyespot: {message}", *"\n".join(more).splitlines()])))
    return code


def _stopped(words: Sequence[str], signaled: BaseException, number: int) -> int:
    """Say that a signal ended the work, and what became of it, which is noted on the exception."""
    word = "terminated" if number == signal.SIGTERM else "interrupted"
    return _failed(words, "; ".join([word, *getattr(signaled, "__notes__", ())]), 128 + number)


@contextmanager
def _termination_raised() -> Iterator[None]:
    """Within the block SIGTERM raises, so that half-written files are removed; signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def receive(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
