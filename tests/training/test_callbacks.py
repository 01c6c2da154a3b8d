"""What is kept and told of a training while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eyespot.models.backend import keras
from eyespot.progress import SILENT
from eyespot.run_folder import RunFolder
from eyespot.training import callbacks
from eyespot.training.callbacks import HistoryWriter, Pace, ProgressReporter

FIGURES = {"loss": 1.0, "accuracy": 0.5}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that goes when it is told to: `clock.now`, seconds."""
    hands = SimpleNamespace(now=100.0)
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: hands.now))
    return hands


def writer_of(folder: Path, rate: Any = 0.1) -> HistoryWriter:
    writer = HistoryWriter(RunFolder(folder))
    writer.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD(rate)))
    return writer


def test_the_history_is_written_once_a_second_and_whole_at_the_end(tmp_path: Path, clock: SimpleNamespace) -> None:
    writer = writer_of(tmp_path)
    lengths = []
    for epoch in range(30):
        writer.on_epoch_begin(epoch)
        clock.now += 0.125
        writer.on_epoch_end(epoch, FIGURES)
        lengths.append(len(RunFolder(tmp_path).read_history()))
    assert sorted(set(lengths)) == [1, 9, 17, 25]
    writer.on_train_end()
    rows = RunFolder(tmp_path).read_history()
    assert rows == writer.epochs
    assert [row.epoch for row in rows] == list(range(1, 31))
    assert all(row.seconds == pytest.approx(0.125) for row in rows)


def test_the_learning_rate_of_an_epoch_is_that_of_its_last_step(tmp_path: Path) -> None:
    writer = writer_of(tmp_path, keras.optimizers.schedules.PolynomialDecay(0.5, 10, 0.0))
    writer.model.optimizer.iterations.assign(4)
    writer.on_epoch_end(0, FIGURES)
    assert writer.epochs[0].learning_rate == pytest.approx(0.5 * (1 - 3 / 10))
    plain = writer_of(tmp_path, 0.25)
    plain.on_epoch_end(0, FIGURES)
    assert plain.epochs[0].learning_rate == 0.25


class Told:
    """A `Progress` and its only `Task`, which remember what they are told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done = 0
        self.figures: list[dict[str, float]] = []

    def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
        return SILENT.task(description, total)

    def note(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount
        self.figures += [figures] if figures else []


def reporter_to(listener: Told, **arguments: Any) -> ProgressReporter:
    reporter = ProgressReporter(listener, listener, **{"pictures": (21,) * 4, "batch_size": 8, **arguments})
    reporter.set_model(SimpleNamespace(stop_training=False))
    return reporter


def counting(figures: dict[str, float]) -> tuple[list[str], Callable[[], dict[str, float]]]:
    asked: list[str] = []
    return asked, lambda: (asked.append("once"), figures)[1]


def test_every_picture_is_counted_and_figures_are_asked_for_ten_times_a_second(clock: SimpleNamespace) -> None:
    told = Told()
    reporter = reporter_to(told)
    asked, figures = counting(FIGURES)
    for _ in range(20):
        for batch in range(3):
            clock.now += 0.01
            reporter.after_step(batch, figures)
    assert told.done == 20 * 21
    assert 5 <= len(asked) <= 7  # in 0.6 seconds
    reporter.on_epoch_end(0, {"loss": 0.25, "accuracy": 1.0})
    assert told.figures[-1] == {"loss": 0.25, "accuracy": 1.0}
    assert told.done == 20 * 21


def test_chosen_epochs_get_a_line() -> None:
    told = Told()
    reporter = reporter_to(told, told=[2, 4])
    for epoch in range(4):
        reporter.on_epoch_end(epoch, FIGURES | ({"val_loss": 2.0, "val_accuracy": 0.25} if epoch == 3 else {}))
    assert told.lines == [
        "epoch 2/4  loss 1.0000  accuracy 0.5000",
        "epoch 4/4  loss 1.0000  accuracy 0.5000  watched loss 2.0000  watched accuracy 0.2500",
    ]


def test_a_line_says_how_much_time_is_left(clock: SimpleNamespace) -> None:
    told = Told()
    reporter = reporter_to(told)  # four epochs of three steps with 8, 8 and 5 pictures
    for epoch in range(4):
        reporter.on_epoch_begin(epoch)
        for batch in range(3):
            is_first = (epoch, batch) == (0, 0)
            clock.now += 60.0 if is_first else (8.0, 8.0, 5.0)[batch]  # a second a picture, but for the first step
            reporter.after_step(batch, lambda: FIGURES)
        reporter.on_epoch_end(epoch, FIGURES)
    assert [line.partition("accuracy 0.5000")[2] for line in told.lines] == [
        "  about 1 min 3 s left",
        "  about 42 s left",
        "  about 21 s left",
        "",
    ]


def test_that_it_gets_late_is_said_once_and_only_where_that_is_sure(clock: SimpleNamespace) -> None:
    for due, tolerated, expected in ((100.0, 20.0, ["done about 40 s later"]), (100.0, 50.0, []), (inf, 0.0, [])):
        told, begin = Told(), clock.now
        pace = Pace(100, due=begin + due, tolerated=tolerated)
        reporter = reporter_to(told, pictures=(50, 50), batch_size=1, pace=pace, told=[])
        for epoch in range(2):
            reporter.on_epoch_begin(epoch)
            for batch in range(50):
                clock.now += 1.4  # a second was planned
                reporter.after_step(batch, lambda: FIGURES)
                assert told.lines == [] or pace.seconds_left < 90 * 1.4 + 1e-6
        assert len(told.lines) == len(expected)
        assert all(words in line for words, line in zip(expected, told.lines, strict=True))


def test_a_loss_that_is_no_number_ends_the_training(clock: SimpleNamespace) -> None:
    reporter = reporter_to(Told())
    reporter.after_step(0, lambda: FIGURES)
    assert not reporter.model.stop_training
    reporter.after_step(1, lambda: {"loss": nan, "accuracy": 0.0})
    assert not reporter.model.stop_training
    clock.now += 0.125
    reporter.after_step(2, lambda: {"loss": nan, "accuracy": 0.0})
    assert reporter.model.stop_training
    for figures in ({"loss": nan, "accuracy": 0.0}, FIGURES | {"val_loss": nan, "val_accuracy": 0.0}):
        other = reporter_to(Told())
        other.on_epoch_end(0, figures)
        assert other.model.stop_training


def test_without_a_folder_the_history_is_kept_all_the_same(clock: SimpleNamespace) -> None:
    writer = HistoryWriter(None)
    writer.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD(0.1)))
    writer.on_epoch_end(0, FIGURES)
    writer.on_train_end()
    assert [row.loss for row in writer.epochs] == [FIGURES["loss"]]
