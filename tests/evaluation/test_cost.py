"""What a model costs, and how fast it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eyespot.evaluation import cost as costs
from eyespot.evaluation.cost import BATCH, cost, speeds
from eyespot.prediction import Model
from eyespot.run_folder import RunFolder

Write = Callable[..., RunFolder]


def test_the_cost_is_that_of_the_model_file(write_run: Write, tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", ["cat"], ["cat"], has_model=True)

    found = cost(run)

    assert found is not None
    assert found.parameters == 3 * 3 * 3 * 4 + 4 + 4 * 3 + 3
    assert found.macs == 6 * 8 * 4 * 3 * 3 * 3 + 4 * 3
    assert found.size == len(run.model.read_bytes())
    assert found.train_seconds == 12.5


def test_a_run_whose_model_is_gone_or_damaged_has_no_cost(write_run: Write, tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", ["cat"], ["cat"])
    assert cost(run) is None
    run.model.write_bytes(b"no model")
    assert cost(run) is None


class Clocked:
    """A model that takes as long as it says, by a clock that only it moves."""

    size = (4, 4)

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds, self.calls = clock, seconds, 0

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        # Every seventh call meets something else on the machine.
        self.calls += 1
        self.clock[0] += self.seconds * len(pictures) * (50 if self.calls % 7 == 0 else 1)
        return np.zeros((len(pictures), 2))


def test_the_speeds_are_medians_of_models_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(costs.time, "perf_counter", lambda: clock[0])
    fast, slow = Clocked(clock, 1e-5), Clocked(clock, 3e-5)

    found = speeds([fast, slow])  # type: ignore[list-item]  # what it needs of a model

    assert [one.seconds for one in found] == pytest.approx([1e-5, 3e-5])
    assert [one.images_per_second for one in found] == pytest.approx([1e5, 1e5 / 3])
    assert found[0].to_json()["batch"] == BATCH
    assert fast.calls == slow.calls


def test_slow_models_are_measured_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(costs.time, "perf_counter", lambda: clock[0])
    slow = Clocked(clock, 0.1)

    speeds([slow])  # type: ignore[list-item]  # what it needs of a model

    assert slow.calls == 2 + 3 * 11


def test_a_real_model_is_measured(tiny_model: Path) -> None:
    (found,) = speeds([Model(tiny_model, threads=1)])

    assert 0 < found.seconds < 1
    assert found.images_per_second > 1
