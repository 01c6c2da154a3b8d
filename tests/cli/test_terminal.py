"""Progress on standard error: bars on a terminal, one plain line a task elsewhere, nothing when quiet."""

from __future__ import annotations

import re
import sys

import pytest

from eyespot.cli import terminal
from eyespot.cli.console import bar, table
from eyespot.progress import SILENT


def train(progress: object) -> None:
    with progress.task("training", 4) as task:  # type: ignore[attr-defined]
        task.advance(2, loss=2.0, accuracy=0.25)
        progress.note("epoch 1/2")  # type: ignore[attr-defined]
        task.advance(2, loss=1.0, accuracy=0.5, val_loss=1.5)


def test_on_a_pipe_it_says_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    train(terminal.progress(quiet=False))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"epoch 1/2\ntraining: loss 1\.000, accuracy 50\.0 %, validation loss 1\.500, \d+\.\d s\n", printed.err)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.progress(quiet=True) is SILENT
    train(SILENT)
    assert capsys.readouterr() == ("", "")


def test_short_work_without_figures_is_not_worth_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, expected in ((1.0, r""), (0.0, r"reading: 3 pictures, 0\.0 s\n")):
        monkeypatch.setattr(terminal, "_WORTH_A_LINE", seconds)
        with terminal.progress(quiet=False).task("reading", 3) as task:
            task.advance(3)
        assert re.fullmatch(expected, capsys.readouterr().err)


def test_a_download_says_that_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress(quiet=False).task("Downloading x", 170_498_071, "bytes"):
        assert capsys.readouterr().err == "Downloading x (170 MB)\n"


def test_work_that_fails_leaves_no_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_WORTH_A_LINE", 0.0)
    for is_terminal in (False, True):
        monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream, answer=is_terminal: answer, raising=False)
        with pytest.raises(ZeroDivisionError), terminal.progress(quiet=False).task("reading", 3):
            raise ZeroDivisionError
        assert "reading:" not in capsys.readouterr().err


@pytest.mark.parametrize("no_color", [True, False])
def test_on_a_terminal_it_draws_bars_that_give_way_to_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    train(terminal.progress(quiet=False))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(r"training .* 0%", printed.err.split("\n")[0])
    assert "epoch 1/2" in printed.err
    assert printed.err.splitlines()[-1].startswith("training: loss 1.000, accuracy 50.0 %")
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", printed.err)) is not no_color


def test_a_bar_is_as_long_as_the_share() -> None:
    assert [bar(share, 4).rstrip() for share in (0, 0.25, 0.5, 1 / 8, 1, 7, -1)] == ["", "█", "██", "▌", "████", "████", ""]
    assert {len(bar(share / 100, 10)) for share in range(101)} == {10}


def test_a_table_aligns_its_columns() -> None:
    rows = [("a", "1", "x"), ("long", "23", "")]
    assert table(rows, numbers={1}) == "a      1  x\nlong  23"


def test_what_cannot_wait_is_said_past_the_stream(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal.progress(quiet=False)
    shown.at_once("interrupted: so")
    assert capfd.readouterr() == ("", "interrupted: so\n")
    # While the stream itself is in use, as by what a signal breaks in on.
    monkeypatch.setattr(type(sys.stderr), "write", lambda stream, text: 1 / 0)
    shown.at_once("interrupted: so")
    assert capfd.readouterr().err == "interrupted: so\n"


def test_over_a_bar_it_takes_the_place_of_the_bar(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    shown = terminal.progress(quiet=False)
    with shown.task("training", 4) as task:
        shown.at_once("interrupted: so")
        task.advance(4, loss=1.0)
    shown.at_once("too late")
    printed = capfd.readouterr().err
    assert "\r\x1b[2Kinterrupted: so\n" in printed
    assert printed.endswith("\ntoo late\n")
