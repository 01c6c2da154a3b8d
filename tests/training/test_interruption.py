"""Signals while training: noted, told at once, and what they did before once all is done."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from eyespot.training.interruption import Interrupted, Interruption, noticed


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where a shell in the background has the tests ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Told:
    """A `Progress` of which nothing but `at_once` is used: it keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def at_once(self, line: str) -> None:
        self.lines.append(line)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "interrupted: finishing this step and saving what was learned (Ctrl-C again stops at once)"),
        (signal.SIGTERM, "terminated: finishing this step and saving what was learned (a second signal stops at once)"),
    ],
)
def test_the_first_signal_is_told_at_once_and_the_second_stops(number: signal.Signals, line: str) -> None:
    told = Told()
    with Interruption(told) as interruption, noticed(interruption) as same:
        assert same is interruption
        signal.raise_signal(number)
        assert (interruption.signal, told.lines) == (number, [line])
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(signal.SIGINT)
    assert (caught.value.signal, caught.value.at_once) == (signal.SIGINT, True)
    assert told.lines == [line]


def test_after_the_training_signals_are_noted_to_the_end_of_the_whole() -> None:
    before = handlers()
    told = Told()
    with Interruption(told) as interruption:
        with noticed(interruption):
            pass
        signal.raise_signal(signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM
        assert told.lines == ["terminated: finishing the report (a second signal stops at once)"]
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
    assert handlers() == before


def test_before_the_training_signals_do_what_they_did() -> None:
    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interruption.signal is None


def test_a_training_of_its_own_puts_the_handlers_back() -> None:
    before = handlers()
    with noticed() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.signal == signal.SIGINT
    assert handlers() == before
