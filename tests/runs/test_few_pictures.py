"""Few pictures, from a folder to a finished run: what is tried, which figures come of it, and what is said of bad data."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eyespot import bundle, data, runs, training
from eyespot.backbones import features_of, find
from eyespot.data.folds import folds
from eyespot.errors import DataError, ModelError, UsageError
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.model_on_data import choose
from eyespot.evaluation.temperature import tempered
from eyespot.models.backend import keras
from eyespot.network import Network
from eyespot.prediction import Model
from eyespot.recipes import Recipe

SMALL = {"epochs": 3, "batch_size": 16, "network": {"widths": [8, 8], "depth": 1}, "flip": "never"}
"""A network from scratch that takes no time."""

WritePhotos = Callable[..., Path]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, write_photos: WritePhotos) -> Path:
    """Twenty pictures each of two classes, without parts."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos", {"dark": 20, "light": 20})


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory, write_photos: WritePhotos) -> Path:
    """The same with a test part."""
    counts = {"train/dark": 16, "train/light": 16, "test/dark": 6, "test/light": 5}
    return write_photos(tmp_path_factory.mktemp("data") / "photos", counts)


@pytest.fixture(scope="module")
def both(photos: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """Both candidates, cross-validated in three folds."""
    with pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("home")
        patched.setenv("EYESPOT_HOME", str(home))
        patched.chdir(home)
        return runs.train(photos, settings=SMALL, backbone=tiny_model, folds=3, out=home / "run", seed=4, threads=1)


def rows_of(run: runs.Run) -> list[dict[str, str]]:
    with run.folder.predictions.open() as file:
        return list(csv.DictReader(file))


def test_the_figures_are_of_every_picture_out_of_fold(both: runs.Run, photos: Path) -> None:
    whole = data.load(photos).parts["all"]
    rows = rows_of(both)
    assert [row["filename"] for row in rows] == list(whole.names)
    test = both.metrics["test"]
    assert test["n"] == 40
    assert test["accuracy"] == pytest.approx(np.mean([row["label"] == row["predicted"] for row in rows]))
    assert test["method"] == "3-fold cross-validation"
    assert 0 <= test["interval"]["low"] < test["accuracy"] <= test["interval"]["high"] <= 1
    assert set(test["recall_intervals"]) == {"dark", "light"}
    assert both.metrics["pictures"] == {"all": 40}


def test_both_candidates_are_shown(both: runs.Run, tiny_model: Path) -> None:
    candidates = both.metrics["few"]["candidates"]
    assert [entry["name"] for entry in candidates] == [f"frozen features of {tiny_model}", "from scratch"]
    assert [entry["is_chosen"] for entry in candidates].count(True) == 1
    assert all(entry["n"] == 40 for entry in candidates)


@pytest.mark.parametrize(("sees", "learns"), [(True, False), (False, True)])
def test_the_better_candidate_is_kept(photos: Path, tiny_network: Network, tmp_path: Path, sees: bool, learns: bool) -> None:
    layers = tiny_network.layers
    if not sees:  # whatever the picture, the features are the same
        layers = tuple(
            replace(layer, weights={**layer.weights, "kernel": 0 * layer.weights["kernel"]}) if layer.name == "conv" else layer
            for layer in layers
        )
    description = bundle.Description(("cat", "dog", "frog"), (8, 10), {"name": "pets", "fingerprint": "0" * 64}, {})
    bundle.write(tmp_path / "backbone.onnx", replace(tiny_network, layers=layers), description)
    settings = SMALL | ({"epochs": 6} if learns else {"learning_rate": 1e-9})
    done = runs.train(photos, settings=settings, backbone=tmp_path / "backbone.onnx", folds=2, out=tmp_path / "run", threads=1)
    frozen, scratch = done.metrics["few"]["candidates"]
    assert (frozen["is_chosen"], scratch["is_chosen"]) == (sees, learns)
    better, worse = (frozen, scratch) if sees else (scratch, frozen)
    assert better["accuracy"]["estimate"] > worse["accuracy"]["estimate"] + 0.1


def test_all_pictures_to_learn_from_say_whether_to_flip_and_no_other(
    write_photos: WritePhotos, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed = []

    def with_flip_settled(recipe: Recipe, dataset: data.Dataset, progress: Any) -> Recipe:
        probed.append({name: set(part.names) for name, part in dataset.parts.items()})
        return replace(recipe, flip="never")

    monkeypatch.setattr(training, "with_flip_settled", with_flip_settled)
    counts = {f"{part}/{name}": 6 for part in ("train", "validation", "test") for name in ("dark", "light")}
    photos = write_photos(tmp_path / "photos", counts)
    settings = {name: value for name, value in SMALL.items() if name != "flip"}
    runs.train(photos, settings=settings, backbone=tiny_model, out=tmp_path / "run", threads=1)
    parts = data.load(photos).parts
    assert probed == [{"train": {*parts["train"].names, *parts["validation"].names}}]


def test_pictures_that_were_learned_from_are_known_again_in_other_data(
    both: runs.Run, photos: Path, tiny_model: Path, write_photos: WritePhotos, tmp_path: Path
) -> None:
    frozen = runs.train(photos, settings=SMALL, backbone=tiny_model, from_scratch=False, out=tmp_path / "run", threads=1)
    other = write_photos(tmp_path / "other", {"dark": 20, "light": 22})  # all but the last two are the same
    for run in (both, frozen):
        known = choose(run.model, data.load(other, run.model.size), None).known
        assert known == 40
    assert choose(frozen.model, data.load(photos, frozen.model.size), None).known == 40


def test_without_a_rival_no_picture_is_given_up_and_the_same_again_is_the_same(
    photos: Path, tiny_model: Path, tmp_path: Path
) -> None:
    # Two seconds do not suffice for a network in each of three folds.
    first = runs.train(photos, budget=2, settings={"flip": "never"}, backbone=tiny_model, out=tmp_path / "first", threads=1)
    assert first.folder.read_args()["from_scratch"] is False
    again = runs.train(photos, settings=SMALL, backbone=tiny_model, from_scratch=False, out=tmp_path / "again", threads=1)
    assert rows_of(first) == rows_of(again)


def test_what_is_written_says_what_it_was_calibrated_to(both: runs.Run) -> None:
    few, description = both.metrics["few"], both.model.description
    assert description.temperature == few["temperature"]
    assert description.unsure_threshold == few["threshold"]["threshold"]
    assert few["error_rate"] == 0.05


def test_the_model_is_known_to_have_learned_from_all_of_it(both: runs.Run, photos: Path) -> None:
    chosen = choose(both.model, data.load(photos, both.model.size), None, held_out=True)
    assert (chosen.name, chosen.known, len(chosen.part)) == ("all", 40, 40)


def test_args_yaml_makes_the_same_model_again(both: runs.Run, tmp_path: Path) -> None:
    kept = both.folder.read_args()
    assert (kept["folds"], kept["from_scratch"], kept["error_rate"], kept["group_by"]) == (3, True, 0.05, None)
    asked = {name: kept[name] for name in kept if name not in ("data", "recipe", "set")}
    again = runs.train(kept["data"], kept["recipe"], settings=kept["set"], out=tmp_path / "again", **asked)
    assert again.folder.read_args() == kept
    pictures = np.random.default_rng(0).integers(0, 256, (16, *both.model.size, 3), np.uint8)
    np.testing.assert_array_equal(again.model.probabilities(pictures), both.model.probabilities(pictures))
    for key in ("test", "few"):
        assert json.dumps(again.metrics[key]) == json.dumps(both.metrics[key])


@pytest.fixture
def frozen(photos: Path, tiny_model: Path, tmp_path: Path) -> runs.Run:
    """Frozen features alone."""
    return runs.train(photos, backbone=tiny_model, from_scratch=False, out=tmp_path / "frozen", error_rate=0.2)


def test_backbone_and_head_are_an_ordinary_model(frozen: runs.Run, photos: Path, tiny_model: Path) -> None:
    model = frozen.model
    assert model.size == (8, 10)
    pictures = data.load(photos, (8, 10)).parts["all"].images
    of_keras = keras.models.load_model(frozen.folder.keras_model).predict(pictures.astype(np.float32), verbose=0)
    np.testing.assert_allclose(model.probabilities(pictures), of_keras, atol=1e-4)
    assert model.check() < 1e-4
    assert (frozen.metrics["epochs"], frozen.metrics["steps"]) == (0, 0)
    assert frozen.folder.read_history() == ()
    assert f"the backbone is the network of the file {tiny_model}" in frozen.metrics["few"]["origin"]
    assert frozen.metrics["budget"]["predicted_seconds"] is None
    assert frozen.folder.read_args()["from_scratch"] is False


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Any]) -> Path:
    """Fifty pictures each of two classes that a few colors hardly tell apart."""
    root = tmp_path_factory.mktemp("data") / "hard"
    for label, lighter, seed in (("dark", 0, 1000), ("light", 18, 2000)):
        (root / label).mkdir(parents=True)
        for i in range(50):
            Image.fromarray((draw(seed + i) // 2 + lighter).astype(np.uint8)).save(root / label / f"{i:02}.png")
    return root


@pytest.mark.parametrize("flip", ["random", "never"])
def test_the_head_is_scikit_learns_and_learns_from_mirror_images_where_pictures_are_flipped(
    hard: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: str
) -> None:
    monkeypatch.setattr("eyespot.training.head.GRID", (0.1,))  # else each fold may choose another
    done = runs.train(hard, settings={"flip": flip}, backbone=tiny_model, from_scratch=False, out=tmp_path / "run")
    assert done.metrics["few"]["groups"] == done.metrics["test"]["n"] == 100
    assert 0.6 < done.metrics["test"]["accuracy"] < 0.95
    backbone = find(str(tiny_model))
    assert backbone is not None
    whole = data.load(hard, (8, 10)).parts["all"]
    views = [whole.images, whole.images[:, :, ::-1]] if flip == "random" else [whole.images]
    vectors, *_ = shown = [features_of(backbone, view).astype(np.float64) for view in views]

    def reference(train: NDArray[np.int64]) -> Any:
        estimator = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, tol=1e-9, max_iter=5000))
        return estimator.fit(np.concatenate([view[train] for view in shown]), np.tile(whole.labels[train], len(shown)))

    kept = reference(np.arange(100)).predict_proba(vectors)
    expected = tempered(kept, done.metrics["few"]["temperature"])
    made = done.model.description.recipe
    assert (made["C"], made["flip"]) == (0.1, flip)
    np.testing.assert_allclose(done.model.probabilities(whole.images), expected, atol=1e-4)
    answers = np.empty(100, np.int64)
    for train, held_out in folds(whole.labels, np.arange(100), 5, 0):
        answers[held_out] = reference(train).predict(vectors[held_out])
    assert [row["predicted"] for row in rows_of(done)] == [("dark", "light")[answer] for answer in answers]


def test_a_given_test_part_is_respected_and_looked_at_once(parted: Path, tiny_model: Path, tmp_path: Path) -> None:
    done = runs.train(parted, settings=SMALL, backbone=tiny_model, out=tmp_path / "run", threads=1)
    test = data.load(parted, done.model.size).parts["test"]
    expected = evaluate(done.model.probabilities(test.images), test.labels, done.model.classes)
    assert done.metrics["test"]["accuracy"] == expected.accuracy
    assert done.metrics["test"]["loss"] == pytest.approx(expected.loss, abs=1e-3)
    assert done.metrics["test"]["method"] == "the test part"
    assert done.metrics["pictures"] == {"train": 28, "validation": 4, "test": 11}
    assert [entry["n"] for entry in done.metrics["few"]["candidates"]] == [4, 4]
    assert (done.folder.read_args()["folds"], done.folder.read_args()["from_scratch"]) == (None, True)
    assert choose(done.model, data.load(parted, done.model.size), None).known == 0


def test_a_wrong_label_is_named_even_where_it_was_learned_from(
    write_photos: WritePhotos, tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_photos(tmp_path / "photos", {"train/dark": 16, "train/light": 16, "test/dark": 6, "test/light": 6})
    write_photos(tmp_path / "more", {"light": 1}, seed=999)
    (tmp_path / "more/light/00.png").rename(folder / "train/dark/wrong.png")
    done = runs.train(folder, backbone=tiny_model, from_scratch=False, out=tmp_path / "run")
    assert done.metrics["test"]["accuracy"] == 1
    suspect = done.metrics["few"]["suspects"][0]
    assert (suspect["name"], suspect["given"], suspect["likelier"]) == ("train/dark/wrong.png", "dark", "light")
    assert "train/dark/wrong.png" in done.folder.report.read_text(encoding="utf-8")


def test_what_parts_share_is_reported(write_photos: WritePhotos, tmp_path: Path, tiny_model: Path, listener: Any) -> None:
    folder = write_photos(tmp_path / "photos", {"train/dark": 6, "train/light": 6, "test/dark": 2, "test/light": 2})
    (folder / "test/dark/00.png").write_bytes((folder / "train/dark/03.png").read_bytes())
    done = runs.train(folder, backbone=tiny_model, from_scratch=False, out=tmp_path / "run", progress=listener)
    (line,) = done.metrics["few"]["leaks"]
    assert "test/dark/00.png with train/dark/03.png" in line
    assert line in listener.notes


def test_without_a_backbone_the_result_says_how_to_add_one(photos: Path, tmp_path: Path, listener: Any) -> None:
    done = runs.train(photos, settings=SMALL, backbone="none", folds=2, out=tmp_path / "run", threads=1, progress=listener)
    few = done.metrics["few"]
    assert few["origin"].startswith("trained from scratch on 40 pictures; a backbone is one file to copy to ")
    assert "--backbone keras:MobileNetV3Small" in few["origin"]
    (candidate,) = few["candidates"]
    assert (candidate["name"], candidate["is_chosen"]) == ("from scratch", True)
    assert done.metrics["test"]["accuracy"] == candidate["accuracy"]["estimate"]
    assert [task for task in listener.tasks if task.startswith("training")] == [
        "training, fold 1 of 2",
        "training, fold 2 of 2",
        "training, all pictures",
    ]
    assert len(done.folder.read_history()) == 3
    assert not any(note.startswith("epoch ") for note in listener.notes)
    of_keras = keras.models.load_model(done.folder.keras_model)
    assert of_keras.get_layer("temperature").scale == pytest.approx(1 / few["temperature"])


def test_a_time_too_short_for_folds_holds_a_part_out(photos: Path, tmp_path: Path, listener: Any) -> None:
    done = runs.train(photos, budget=1, backbone="none", out=tmp_path / "run", threads=1, progress=listener)
    assert done.metrics["pictures"] == {"train": 28, "validation": 4, "test": 8}
    assert done.metrics["test"]["method"] == "a fifth of the pictures, held out"
    assert listener.said("the time is too short for cross-validation")
    assert listener.said("budget 1 s: network ")
    assert done.folder.read_args()["folds"] == 1


def test_beside_a_backbone_a_time_too_short_leaves_the_network_out(
    photos: Path, tiny_model: Path, tmp_path: Path, listener: Any
) -> None:
    done = runs.train(photos, budget=1, backbone=tiny_model, out=tmp_path / "run", progress=listener)
    assert listener.said("the time is too short to train networks from scratch too")
    assert [entry["name"] for entry in done.metrics["few"]["candidates"]] == [f"frozen features of {tiny_model}"]
    assert done.metrics["test"]["method"] == "5-fold cross-validation"
    assert not listener.said("is too short here, and this is the smallest training")


def test_auto_uses_what_ships_with_eyespot(photos: Path, tmp_path: Path) -> None:
    done = runs.train(photos, from_scratch=False, out=tmp_path / "run")
    assert done.folder.read_args()["backbone"] == "cifar10"
    assert done.model.size == (32, 32)


def test_pictures_of_one_animal_are_held_out_together(
    write_photos: WritePhotos, tmp_path: Path, tiny_model: Path, listener: Any
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 20, "light": 20})
    done = runs.train(
        photos, backbone=tiny_model, from_scratch=False, group_by=r"name:^(\d)", out=tmp_path / "run", progress=listener
    )
    # Both classes have the numbers 00 to 19, whose first digits are 0 and 1: two groups, and so two folds.
    assert done.metrics["test"]["method"] == "2-fold cross-validation"
    assert done.metrics["few"]["groups"] == 2
    assert done.metrics["few"]["group_note"] in listener.notes
    assert done.folder.read_args()["group_by"] == r"name:^(\d)"
    assert done.metrics["few"]["threshold"]["threshold"] is None


def test_shuffled_labels_stay_at_chance(tmp_path: Path, draw: Callable[..., Any], tiny_model: Path) -> None:
    (tmp_path / "photos").mkdir()
    names = [f"photos/{i}.png" for i in range(100)]
    for i, name in enumerate(names):
        Image.fromarray(draw(i)).save(tmp_path / name)
    found = []
    for drawing in range(6):
        labels = np.random.default_rng(drawing).permutation(np.arange(100) % 2)
        table = tmp_path / f"{drawing}.csv"
        rows = [f"{name},{('one', 'other')[label]}\n" for name, label in zip(names, labels, strict=True)]
        table.write_text("".join(["path,label\n", *rows]), encoding="utf-8")
        done = runs.train(table, backbone=tiny_model, from_scratch=False, out=tmp_path / f"run{drawing}")
        found.append(done.metrics["few"]["accuracy"])
    # Where a class has more pictures to learn from, fewer are held out: folds of mere chance are a little worse than chance.
    assert 0.4 < np.mean([figure["estimate"] for figure in found]) < 0.54
    assert sum(figure["low"] < 0.5 < figure["high"] for figure in found) >= 5


def test_bursts_of_one_animal_raise_the_figure_only_where_they_are_not_grouped(
    tmp_path: Path, draw: Callable[..., Any]
) -> None:
    # Each animal has a look of its own, which says nothing of its class: whoever knows the animal knows the class.
    for label in ("one", "other"):
        (tmp_path / "photos" / label).mkdir(parents=True)
    for animal in range(16):
        for frame in range(6):
            picture = 0.65 * draw(animal) + 0.35 * draw(1000 + 6 * animal + frame)
            place = tmp_path / "photos" / ("one" if animal % 2 else "other") / f"animal{animal:02}_{frame}.png"
            Image.fromarray(picture.astype(np.uint8)).save(place)
    alone = {"backbone": "cifar10", "from_scratch": False}
    flattered = runs.train(tmp_path / "photos", **alone, out=tmp_path / "flattered").metrics
    honest = runs.train(tmp_path / "photos", **alone, group_by=r"name:^(animal\d+)", out=tmp_path / "honest").metrics
    assert (flattered["few"]["groups"], honest["few"]["groups"]) == (96, 16)
    assert flattered["test"]["interval"]["low"] > 0.5
    assert honest["test"]["interval"]["low"] < 0.5 < honest["test"]["interval"]["high"]


def test_ctrl_c_within_the_folds_keeps_what_can_be_judged(photos: Path, tmp_path: Path) -> None:
    done = runs.train(
        photos, settings=SMALL, backbone="none", folds=3, out=tmp_path / "run", threads=1, progress=Interrupting("fold 2 of 3")
    )
    assert done.interrupted == signal.SIGINT
    assert done.metrics["interrupted"] is True
    assert done.metrics["test"]["method"] == "the first of 3 folds, since the training was interrupted"
    assert sum(done.metrics["pictures"].values()) == 40
    assert done.metrics["test"]["n"] == done.metrics["pictures"]["test"] < 20
    assert len(done.folder.read_history()) == 3


def test_ctrl_c_in_the_last_training_falls_back_to_the_first_fold(photos: Path, tmp_path: Path) -> None:
    done = runs.train(
        photos, settings=SMALL, backbone="none", folds=2, out=tmp_path / "run", threads=1, progress=Interrupting("all pictures")
    )
    assert done.interrupted == signal.SIGINT
    assert done.metrics["test"]["method"] == "the first of 2 folds, since the training was interrupted"
    assert done.model.predict(np.zeros((9, 9, 3), np.uint8)).label in ("dark", "light")


class Interrupting:
    """Sends SIGINT with the first step of one of the trainings."""

    def __init__(self, which: str) -> None:
        self.which, self.is_due = which, False

    def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
        self.is_due = description == f"training, {self.which}"
        return nullcontext(self)

    def advance(self, amount: int = 1, **figures: float) -> None:
        if self.is_due:
            self.is_due = False
            os.kill(os.getpid(), signal.SIGINT)

    def note(self, line: str) -> None:
        pass

    def at_once(self, line: str) -> None:
        pass


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("backbone", ["none", "tiny"])
def test_two_pictures_a_class_are_enough(write_photos: WritePhotos, tmp_path: Path, tiny_model: Path, backbone: str) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 2, "light": 2, "red": 2})
    chosen = str(tiny_model) if backbone == "tiny" else "none"
    settings = {} if backbone == "tiny" else SMALL
    done = runs.train(photos, settings=settings, backbone=chosen, from_scratch=backbone == "none", out=tmp_path / "run")
    assert done.metrics["test"]["method"] == "2-fold cross-validation"
    assert done.metrics["test"]["n"] == 6


@pytest.mark.parametrize(
    ("counts", "rule", "message"),
    [
        ({"dark": 5, "light": 1}, None, "too few pictures of light: a class needs two"),
        ({"dark": 4, "light": 4}, "name:(png)", "all pictures belong to one group"),
        ({"dark": 12, "light": 3}, r"name:^(\d)", "all pictures of light belong to one group"),
        ({"dark": 4, "light": 4}, "name:^(burst)", "finds nothing in any file's name"),
        ({"dark": 4, "light": 4}, "folder", "no picture lies in a folder below its class folder"),
        ({"dark": 4, "light": 4}, "column:animal", "needs pictures that a CSV lists"),
    ],
)
def test_what_cannot_be_judged_honestly_leaves_no_run(
    write_photos: WritePhotos, tmp_path: Path, counts: Mapping[str, int], rule: str | None, message: str
) -> None:
    photos = write_photos(tmp_path / "photos", counts)
    with pytest.raises(DataError, match=message):
        runs.train(photos, group_by=rule, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_backbone_of_the_wrong_kind_leaves_no_run(photos: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"not a model")
    with pytest.raises(ModelError) as caught:
        runs.train(photos, backbone=wrong, out=tmp_path / "run")
    assert "a backbone is any model.onnx that Eyespot trained" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_backbone_that_was_trained_on_these_very_pictures_is_refused_unless_only_its_head_was(
    photos: Path, tiny_model: Path, tmp_path: Path, frozen: runs.Run
) -> None:
    scratch = runs.train(photos, settings=SMALL, backbone="none", folds=1, out=tmp_path / "scratch", threads=1)
    with pytest.raises(UsageError, match="was trained on these very pictures") as caught:
        runs.train(photos, backbone=scratch.folder.model, out=tmp_path / "again")
    assert "--backbone none" in str(caught.value)
    again = runs.train(photos, backbone=frozen.folder.model, from_scratch=False, out=tmp_path / "again")
    assert again.metrics["test"]["accuracy"] == frozen.metrics["test"]["accuracy"]


def test_class_folders_with_the_same_pictures_stay_at_chance_and_are_told(
    write_photos: WritePhotos, tmp_path: Path, tiny_model: Path, listener: Any
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 10})
    write_photos(photos, {"dark2": 10})
    done = runs.train(photos, backbone=tiny_model, from_scratch=False, out=tmp_path / "run", progress=listener)
    assert listener.said("10 times the same pixels lie in two classes, such as dark/00.png and dark2/00.png")
    assert done.metrics["few"]["groups"] == 10
    assert done.metrics["test"]["accuracy"] <= 0.5


def test_the_shipped_model_is_not_asked_about_pictures_that_it_has_learned_from(both: runs.Run, photos: Path) -> None:
    whole = data.load(photos, both.model.size).parts["all"]
    own = Model(both.folder.model).probabilities(whole.images).max(axis=1)
    out_of_fold = np.array([float(row["probability"]) for row in rows_of(both)])
    assert not np.allclose(own, out_of_fold, atol=1e-3)
