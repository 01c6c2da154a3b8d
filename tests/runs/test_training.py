"""A run from pictures to a folder: what is in it, and what is left where it fails."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eyespot
from eyespot import bundle, data, recipes, runs
from eyespot.data.splits import for_training
from eyespot.errors import DataError, EyespotError, RunError, UsageError, VerificationError
from eyespot.evaluation.metrics import evaluate
from eyespot.models.backend import keras
from eyespot.prediction import Model
from eyespot.progress import SILENT
from eyespot.recipes.budget import LADDER
from eyespot.run_folder import RunFolder
from eyespot.training.callbacks import HistoryWriter, ProgressReporter
from eyespot.training.exchange import CallbackObserver

MakeFolder = Callable[[Mapping[str, int]], Path]
SHORT = {"epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> Path:
    """A folder of two classes, 30 pictures each, one of them broken."""
    from PIL import Image

    root = tmp_path_factory.mktemp("photos")
    for label in ("dark", "light"):
        (root / label).mkdir()
        for i in range(30):
            picture = draw(i) // 2 + (128 if label == "light" else 0)
            Image.fromarray(picture).save(root / label / f"{i:02}.png")
    (root / "dark" / "29.png").write_bytes(b"not a picture")
    return root


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """One short training on `photos`."""
    return runs.train(photos, settings=SHORT, out=tmp_path_factory.mktemp("runs") / "one", seed=5)


def test_every_file_that_a_run_promises_is_there_and_nothing_else(run: runs.Run) -> None:
    promised = "args.yaml history.csv metrics.json model.onnx model.keras predictions.csv skipped.csv report.html curves.png"
    assert {path.name for path in run.folder.path.iterdir()} == {*promised.split(), "confusion_matrix.png", "README.md"}


def test_the_metrics_have_the_keys_that_scripts_rely_on(run: runs.Run) -> None:
    metrics = run.folder.read_metrics()
    keys = (
        "run recipe data seed epochs steps parameters train_seconds images_per_second stopped_early resumed_from_step skipped"
    )
    assert set(keys.split()) | {"test"} <= set(metrics)
    assert (metrics["seed"], metrics["epochs"], metrics["skipped"], metrics["resumed_from_step"]) == (5, 2, 1, None)
    assert metrics["steps"] == 2 * -(-metrics["pictures"]["train"] // 16)
    assert metrics["parameters"] == keras.models.load_model(run.folder.keras_model).count_params()


def test_the_figures_are_those_of_the_written_model_on_the_test_part(run: runs.Run, photos: Path) -> None:
    test = for_training(data.load(photos), 0.1).parts["test"]
    ours = run.folder.read_metrics()["test"]
    expected = evaluate(Model(run.folder.model).probabilities(test.images), test.labels, ("dark", "light")).to_json()
    expected |= {"images_per_second": ours["images_per_second"], "calibration": ours["calibration"]}
    assert ours == json.loads(json.dumps(expected))
    with run.folder.predictions.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == list(test.names)
    assert sum(row["label"] == row["predicted"] for row in rows) / len(rows) == pytest.approx(ours["accuracy"])


def test_the_two_models_agree_and_stock_keras_opens_its_own(run: runs.Run) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    of_keras = keras.models.load_model(run.folder.keras_model).predict(pictures.astype(np.float32), verbose=0)
    np.testing.assert_allclose(run.model.probabilities(pictures), of_keras, atol=bundle.TOLERANCE)


def test_nothing_in_the_keras_file_depends_on_the_backend_it_was_trained_on(run: runs.Run) -> None:
    with zipfile.ZipFile(run.folder.keras_model) as archive:
        config = json.loads(archive.read("config.json"))
    assert not config.get("compile_config")
    assert "torch" not in json.dumps(config)


def test_a_skipped_picture_is_named_with_its_reason(run: runs.Run) -> None:
    with run.folder.skipped.open() as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == "dark/29.png"
    assert row["reason"]


def test_args_yaml_makes_the_same_run_again(run: runs.Run, tmp_path: Path) -> None:
    arguments = run.folder.read_args()
    again = runs.train(
        arguments["data"], arguments["recipe"], seed=arguments["seed"], settings=arguments["set"], out=tmp_path / "again"
    )
    pictures = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(again.model.probabilities(pictures), run.model.probabilities(pictures))
    figures = [[epoch.loss for epoch in folder.read_history()] for folder in (again.folder, run.folder)]
    assert figures[0] == figures[1]


@pytest.fixture(scope="module")
def in_time(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[runs.Run, list[str]]:
    """A training with a budget that is too short for anything but the smallest one, and what it said."""
    notes: list[str] = []

    class Listening:
        """Keeps the notes."""

        def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
            return SILENT.task(description, total)

        def note(self, line: str) -> None:
            notes.append(line)

    done = runs.train(
        photos, budget="1s", backbone="none", out=tmp_path_factory.mktemp("runs") / "run", seed=3, progress=Listening()
    )
    return done, notes


def test_a_budget_is_settled_and_told_before_the_first_step(in_time: tuple[runs.Run, list[str]]) -> None:
    done, notes = in_time
    arguments = done.folder.read_args()
    smallest = LADDER[0]
    assert arguments["recipe"] == "budget"
    expected = {"widths": list(smallest.widths), "depth": smallest.depth, "learns_bias": smallest.learns_bias}
    assert arguments["set"]["network"] == expected
    assert arguments["set"]["flip"] in ("random", "never")
    assert arguments["threads"] >= 1
    # Planned for the pictures of a fold, of which there are a few more.
    assert smallest.least_steps <= done.metrics["steps"] <= 1.2 * smallest.least_steps
    budgeted = next(i for i, note in enumerate(notes) if note.startswith("budget 1 s: network "))
    assert "is too short here" in notes[budgeted + 1]
    assert any(note.startswith("mirrored pictures") for note in notes[:budgeted])
    assert not any(note.startswith("epoch ") for note in notes[: budgeted + 2])


def test_the_metrics_tell_what_was_predicted_and_what_was_spent(in_time: tuple[runs.Run, list[str]]) -> None:
    budget = in_time[0].metrics["budget"]
    assert budget["seconds"] == 1
    assert budget["spent_seconds"] == pytest.approx(sum(budget["spent"].values()))
    assert budget["predicted_seconds"] == pytest.approx(sum(budget["predicted"].values()))
    assert list(budget["spent"]) == list(budget["predicted"]) == ["before", "training", "after"]
    assert in_time[0].metrics["train_seconds"] <= budget["spent"]["training"]


def test_args_yaml_repeats_a_budget_bit_for_bit_without_measuring(
    in_time: tuple[runs.Run, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*candidates: Any) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("eyespot.training.budget.built", measured)
    first, arguments = in_time[0], in_time[0].folder.read_args()
    asked = {name: value for name, value in arguments.items() if name != "set"}
    again = runs.train(**asked, settings=arguments["set"], out=tmp_path / "again")
    assert again.folder.read_args() == arguments
    assert again.metrics["budget"] is None
    pictures = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(again.model.probabilities(pictures), first.model.probabilities(pictures))


def test_the_time_of_a_budget_may_have_begun_before_the_call(photos: Path, tmp_path: Path) -> None:
    began = time.monotonic() - 1000
    done = runs.train(photos, budget=1, backbone="none", began=began, out=tmp_path / "run")
    assert done.metrics["budget"]["spent"]["before"] > 1000


def test_without_a_budget_the_network_still_fits_the_pictures(make_folder: MakeFolder, tmp_path: Path) -> None:
    done = runs.train(make_folder({"cat": 40, "dog": 40}), settings={"epochs": 2, "size": 70}, out=tmp_path / "run")
    kept = done.folder.read_args()["set"]
    assert (kept["size"], kept["shift"], kept["epochs"]) == (70, 4, 2)
    assert kept["network"]["widths"] == list(LADDER[0].widths)
    assert done.metrics["steps"] == 2 * -(-done.metrics["pictures"]["train"] // kept["batch_size"])


def test_with_strict_a_broken_picture_ends_the_run_and_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dark/29\.png"):
        runs.train(photos, settings=SHORT, out=tmp_path / "run", strict=True)
    assert not (tmp_path / "run").exists()


def test_bad_data_leaves_no_run_behind(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one class"):
        runs.train(make_folder({"cat": 3}), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_with_one_picture_is_named(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dog"):
        runs.train(make_folder({"cat": 9, "dog": 1}), out=tmp_path / "run")


def test_given_parts_are_kept(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"train/cat": 12, "train/dog": 12, "val/cat": 2, "val/dog": 3, "test/cat": 4, "test/dog": 5})
    done = runs.train(folder, settings=SHORT, out=tmp_path / "run")
    assert done.metrics["pictures"] == {"train": 24, "validation": 5, "test": 9}


def test_the_tutorial_recipe_watches_the_test_part_and_says_so(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"train/cat": 6, "train/dog": 6, "test/cat": 2, "test/dog": 2})
    done = runs.train(folder, "tutorial", settings={"epochs": 1}, out=tmp_path / "run")
    assert done.metrics["pictures"] == {"train": 12, "test": 4}
    (epoch,) = done.folder.read_history()
    assert epoch.val_accuracy == pytest.approx(done.metrics["test"]["accuracy"])
    assert "watched while training" in done.folder.card.read_text(encoding="utf-8")


def test_early_stopping_ends_the_training_and_keeps_the_last_weights(photos: Path, tmp_path: Path) -> None:
    settings = {"epochs": 9, "patience": 1, "min_delta": 100.0}
    done = runs.train(photos, "tutorial", settings=settings, out=tmp_path / "run")
    history = done.folder.read_history()
    assert (len(history), done.metrics["stopped_early"]) == (2, True)
    assert done.metrics["test"]["loss"] == pytest.approx(history[-1].val_loss, abs=0.02)


class Interrupting:
    """A `Progress` and its `Task` that send SIGINT, so many times, once a task has come so far; keeps what is told at once."""

    def __init__(self, times: int, task: str = "training", share: float = 0.0) -> None:
        self.left, self.where, self.share = times, task, share
        self.told: list[str] = []

    def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
        self.under_way, self.total, self.done = description, total or 0, 0
        return nullcontext(self)

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount
        while self.under_way == self.where and self.done >= self.share * self.total and self.left:
            self.left -= 1
            os.kill(os.getpid(), signal.SIGINT)

    def note(self, line: str) -> None:
        pass

    def at_once(self, line: str) -> None:
        self.told.append(line)


def test_ctrl_c_keeps_and_judges_what_was_learned(photos: Path, tmp_path: Path) -> None:
    progress = Interrupting(times=1)
    done = runs.train(photos, settings=SHORT, out=tmp_path / "run", progress=progress)
    assert done.interrupted == signal.SIGINT
    assert progress.told == ["interrupted: finishing this step and saving what was learned (Ctrl-C again stops at once)"]
    assert (done.metrics["steps"], done.metrics["epochs"], done.metrics["interrupted"]) == (1, 0, True)
    assert done.folder.is_finished
    assert done.model.predict(np.zeros((9, 9, 3), np.uint8)).label in ("dark", "light")


@pytest.mark.parametrize(
    ("task", "told"),
    [("training", "interrupted: finishing this step"), ("predicting", "interrupted: finishing the report")],
)
def test_ctrl_c_that_comes_when_all_steps_are_done_ends_nothing(photos: Path, tmp_path: Path, task: str, told: str) -> None:
    progress = Interrupting(times=1, task=task, share=1.0)
    before = signal.getsignal(signal.SIGINT)
    done = runs.train(photos, settings=SHORT, out=tmp_path / "run", progress=progress)
    assert signal.getsignal(signal.SIGINT) is before
    assert (done.interrupted, done.metrics["interrupted"], done.metrics["epochs"]) == (signal.SIGINT, False, 2)
    assert len(done.folder.read_history()) == 2
    assert done.folder.read_history()[-1].val_loss is not None
    assert (len(progress.told), progress.told[0].startswith(told)) == (1, True)
    assert "interrupted" not in done.folder.card.read_text(encoding="utf-8")


def test_a_second_ctrl_c_while_the_run_is_judged_stops_at_once_and_keeps_the_model(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        runs.train(photos, settings=SHORT, out=tmp_path / "run", progress=Interrupting(times=2, task="predicting"))
    assert "its trained model is kept" in caught.value.__notes__[0]
    assert not RunFolder(tmp_path / "run").is_finished


def test_a_second_ctrl_c_stops_at_once_and_keeps_nothing(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        runs.train(photos, settings=SHORT, out=tmp_path / "run", progress=Interrupting(times=2))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("file", ["history.csv", "model.keras", "model.onnx", "predictions.csv", "report.html", "metrics.json"])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing_half_written(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    real = os.fsync

    def full(number: int) -> None:
        if f".{file}." in os.readlink(f"/proc/self/fd/{number}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("which file is written can be told on Linux only")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left") as caught:
        runs.train(photos, settings={**SHORT, "epochs": 1}, out=tmp_path / "run")
    assert file in str(caught.value)
    folder = RunFolder(tmp_path / "run")
    assert not folder.is_finished
    left = {path.name for path in folder.path.iterdir()} if folder.path.exists() else set()
    assert file not in left
    assert not [name for name in left if name.startswith(".")]


def test_a_model_that_does_not_compute_what_was_trained_fails_the_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bundle.write

    def wrong(path: Path, network: Any, description: Any) -> None:
        spoiled = {
            "dense2": {
                name: weight + 0.01 * np.arange(weight.size).reshape(weight.shape)
                for name, weight in network.by_name["dense2"].weights.items()
            }
        }
        real(path, network.with_weights(spoiled), description)

    monkeypatch.setattr(bundle, "write", wrong)
    with pytest.raises(VerificationError, match="does not compute what was trained") as caught:
        runs.train(photos, "tutorial", settings={**SHORT, "epochs": 1}, out=tmp_path / "run")
    assert re.search(r"\nthe trained model is kept: .*model\.keras$", str(caught.value))
    folder = RunFolder(tmp_path / "run")
    assert not folder.is_finished
    assert not folder.model.exists()


def test_a_training_that_diverges_says_so(photos: Path, tmp_path: Path) -> None:
    settings = {**SHORT, "learning_rate": 1e30}
    with pytest.raises(EyespotError, match="diverged"):
        runs.train(photos, settings=settings, out=tmp_path / "run")


def test_a_size_that_the_network_cannot_take_is_wrong_usage(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="8 x 8 pixels"):
        runs.train(photos, "tutorial", settings={"size": 8}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_telling_the_progress_does_not_copy_the_weights_at_every_step(run: runs.Run) -> None:
    writer = HistoryWriter(run.folder)
    reporter = ProgressReporter(SILENT, SILENT.task("training", 1).__enter__(), pictures=(1,), batch_size=1)
    callbacks = keras.callbacks.CallbackList([writer, reporter, keras.callbacks.EarlyStopping()])
    observer = CallbackObserver(None, callbacks, None)
    assert not observer.looks_at_steps
    assert not observer.looks_at_weights


def test_the_public_names_are_these() -> None:
    assert eyespot.train is runs.train
    assert eyespot.load.__module__ == "eyespot.prediction"
    assert set(recipes.NAMES) >= {"tutorial"}


@pytest.mark.clothes
def test_photographs_train_from_a_folder_and_are_predicted_from_their_files(clothes: Path, tmp_path: Path) -> None:
    done = runs.train(clothes, settings={"epochs": 1}, out=tmp_path / "run")
    assert done.metrics["pictures"]["test"] == done.metrics["test"]["n"] > 100
    assert done.model.size == (64, 64)
    test = data.load(clothes, done.model.size).parts["test"]
    in_memory = done.model.probabilities(test.images[:8])
    from_files = done.model.predict([clothes / name for name in test.names[:8]])
    for row, prediction in zip(in_memory, from_files, strict=True):
        assert prediction.label == done.model.classes[int(row.argmax())]
        assert prediction.probability == pytest.approx(float(row.max()), abs=1e-6)


def test_without_a_budget_and_a_backbone_few_pictures_are_learned_from_as_many_are(run: runs.Run) -> None:
    assert run.metrics["few"] is None
    assert set(run.metrics["pictures"]) == {"train", "validation", "test"}
    kept = run.folder.read_args()
    assert [kept[name] for name in ("backbone", "folds", "from_scratch", "group_by")] == [None] * 4


def test_a_rule_of_grouping_holds_for_every_recipe(photos: Path, tmp_path: Path) -> None:
    done = runs.train(photos, "tutorial", settings={"epochs": 1}, group_by=r"name:^\d(\d)", out=tmp_path / "run")
    with done.folder.predictions.open() as file:
        tested = {row["filename"] for row in csv.DictReader(file)}
    last = {Path(name).stem[1] for name in tested}
    assert {name for name in tested if Path(name).stem[1] in last} == tested
    # Of each of the numbers that were drawn all pictures are tested: three of either class, but for the broken one.
    assert len(tested) == 6 * len(last) - ("9" in last)
    assert done.folder.read_args()["group_by"] == r"name:^\d(\d)"


@pytest.mark.parametrize(
    ("asked", "is_told"),
    [
        ({"backbone": "nowhere"}, True),
        ({"backbone": "none", "folds": 3}, True),
        ({"backbone": "auto", "from_scratch": False}, True),
        ({"backbone": "auto", "from_scratch": True}, False),
    ],
)
def test_of_many_pictures_a_backbone_is_not_asked_and_that_is_told(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: Any, asked: dict[str, Any], is_told: bool
) -> None:
    monkeypatch.setattr("eyespot.runs.pictures.FEW", 10)
    settings = {**SHORT, "epochs": 1}
    done = runs.train(photos, settings=settings, **asked, out=tmp_path / "run", progress=listener)
    line = "a backbone, folds, and to leave out a network from scratch, are for fewer than"
    assert listener.said(line) == is_told
    assert (done.metrics["few"], done.folder.read_args()["backbone"]) == (None, None)


@pytest.mark.clothes
def test_photographs_with_a_test_part_are_tried_both_ways(clothes: Path, tmp_path: Path) -> None:
    settings = {"epochs": 1}
    done = runs.train(clothes, settings=settings, backbone="cifar10", out=tmp_path / "run")
    assert [entry["name"] for entry in done.metrics["few"]["candidates"]] == ["frozen features of cifar10", "from scratch"]
    assert done.metrics["few"]["leaks"] == []
    # A fifth would be guessing.
    assert done.metrics["test"]["interval"]["low"] > 0.3
