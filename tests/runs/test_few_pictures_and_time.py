"""Few pictures and the clock: what the budget is spent in, when it is said that all will be late, and signals in between."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eyespot import runs, training
from eyespot.bundle import read
from eyespot.recipes.order import ordered
from eyespot.runs import few_pictures
from eyespot.runs.scratch import FromScratch
from eyespot.runs.trained import lateness_of_several
from eyespot.training import Plan

SMALL = {"epochs": 1, "network": {"widths": [8, 8], "depth": 1}, "flip": "never"}
"""A network from scratch that takes no time."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, write_photos: Callable[..., Path]) -> Path:
    """Twenty pictures each of two classes, without parts."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos", {"dark": 20, "light": 20})


def planned(seconds: float, trainings: float = 1.0) -> Plan:
    order = ordered("pets", None, budget=None, settings=SMALL, seed=0, device="cpu", threads=1)
    predicted = {"before": 1.0, "training": seconds, "after": 1.0}
    return Plan(replace(order.recipe, batch_size=8), 1, (), predicted, {}, trainings)


def test_the_time_that_the_user_thought_about_a_question_is_not_spent(
    photos: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obtain, began = few_pictures.obtain, []
    settle = few_pictures.settle

    def thought_about(*words: Any, **asked: Any) -> Any:
        return replace(obtain(*words, **asked), waited=1000.0)

    def noted(*words: Any, **asked: Any) -> Any:
        began.append(asked["began"])
        return settle(*words, **asked)

    monkeypatch.setattr(few_pictures, "obtain", thought_about)
    monkeypatch.setattr(few_pictures, "settle", noted)
    start = time.monotonic() - 1000
    done = runs.train(photos, budget=60, backbone=tiny_model, from_scratch=False, began=start, out=tmp_path / "run")
    assert began == [start + 1000]
    budget = done.metrics["budget"]
    assert 0 <= budget["spent"]["before"] < 100
    assert budget["spent_seconds"] == pytest.approx(sum(budget["spent"].values()))


def test_one_of_several_trainings_shows_how_late_all_will_be() -> None:
    order = ordered("pets", None, budget=60, settings={}, seed=0, device="cpu", threads=1)
    plan = planned(20.0, trainings=5.0)
    # 5 trainings of 5.5 s take 27.5 s instead of 20; up to 6 s more are no matter.
    assert lateness_of_several(order, plan, 5.5) == (
        "the machine is slower than it was measured: done about 8 s later than planned"
    )
    assert lateness_of_several(order, plan, 5.2) is None
    assert lateness_of_several(order, None, 100.0) is None
    assert lateness_of_several(replace(order, budget=None), plan, 100.0) is None


def test_that_folds_will_be_late_is_said_once_and_after_the_first(
    photos: Path, tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(recipe: Any, given: Any, data: Any, *, trainings: Any, **others: Any) -> Plan:
        found = planned(1e-3, trainings[0])
        return replace(found, recipe=replace(found.recipe, size=recipe.size))

    monkeypatch.setattr(training, "plan", plan)
    runs.train(photos, budget=1, backbone="none", folds=2, out=tmp_path / "run", threads=1, progress=listener)
    late = [note for note in listener.notes if "later than planned" in note]
    assert len(late) == 1


def test_a_signal_between_two_trainings_is_followed_by_none(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, names = FromScratch.attempt, []

    def interrupted(self: FromScratch, each: Any, name: str = "") -> Any:
        names.append(name)
        done = attempt(self, each, name)
        if len(names) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return done

    monkeypatch.setattr(FromScratch, "attempt", interrupted)
    done = runs.train(photos, settings=SMALL, backbone="none", folds=3, out=tmp_path / "run", threads=1)
    assert names == ["fold 1 of 3"]
    assert (done.interrupted, done.metrics["interrupted"]) == (signal.SIGINT, True)
    assert done.metrics["test"]["method"] == "the first of 3 folds, since the training was interrupted"
    assert len(done.folder.read_history()) == 1


def test_a_signal_after_the_last_fold_is_followed_by_no_training_either(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, on_all = FromScratch.attempt, []

    def interrupted(self: FromScratch, each: Any, name: str = "") -> Any:
        done = attempt(self, each, name)
        if name == "fold 2 of 2":
            os.kill(os.getpid(), signal.SIGINT)
        return done

    monkeypatch.setattr(FromScratch, "attempt", interrupted)
    monkeypatch.setattr(FromScratch, "on_all", on_all.append)
    done = runs.train(photos, settings=SMALL, backbone="none", folds=2, out=tmp_path / "run", threads=1)
    assert on_all == []
    assert done.metrics["test"]["method"] == "the first of 2 folds, since the training was interrupted"


@pytest.mark.parametrize(("given", "expected"), [({}, 14), ({"batch_size": 13}, 13)])
def test_the_model_file_says_with_which_batches_its_network_was_trained(
    write_photos: Callable[..., Path], tmp_path: Path, given: dict[str, int], expected: int
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 20, "light": 20})
    done = runs.train(photos, settings=SMALL | given, backbone="none", folds=2, out=tmp_path / "run", threads=1)
    # In a fold all 16 are one batch; of all 40, batches of 16 would leave 8 for the last one, of 14 they leave 12.
    assert read(done.folder.model)[1].recipe["batch_size"] == expected
    assert done.metrics["steps"] == -(-40 // expected)
    kept = done.folder.read_args()
    assert kept["set"].get("batch_size") == given.get("batch_size")
    asked = {name: kept[name] for name in kept if name not in ("data", "recipe", "set")}
    again = runs.train(kept["data"], kept["recipe"], settings=kept["set"], out=tmp_path / "again", **asked)
    assert again.folder.read_args() == kept
    assert json.dumps(again.metrics["test"]) == json.dumps(done.metrics["test"])


def test_where_nothing_can_be_compared_on_nothing_is_trained_from_scratch(
    write_photos: Callable[..., Path], tmp_path: Path, tiny_model: Path, listener: Any
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 2, "light": 2})
    done = runs.train(photos, settings=SMALL, backbone=tiny_model, out=tmp_path / "run", progress=listener)
    assert [entry["name"] for entry in done.metrics["few"]["candidates"]] == [f"frozen features of {tiny_model}"]
    assert listener.said("the pictures are too few to compare candidates on: frozen features alone are tried")
    assert "training" not in " ".join(listener.tasks)


def test_what_a_threshold_came_to_out_of_fold_is_in_the_metrics(
    write_photos: Callable[..., Path], tmp_path: Path, tiny_model: Path
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 60, "light": 60})
    done = runs.train(photos, backbone=tiny_model, from_scratch=False, error_rate=0.2, out=tmp_path / "run")
    few = done.metrics["few"]
    assert few["threshold"]["threshold"] is not None
    assert few["threshold_check"]["n"] == 120
    assert f"of 120 pictures held out it answers {100 * few['threshold_check']['answered'] / 120:.0f} %" in few["unsure"]
    assert "with 95 % confidence" in few["unsure"]
