"""The way by fine-tuning, from a folder to a finished run: what it can learn, when it is kept, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyespot import data, runs
from eyespot.backbones import Backbone, cut, features_of
from eyespot.bundle import Description, read, write
from eyespot.data import Dataset, Part
from eyespot.data.digests import short_digests
from eyespot.errors import UnsupportedError, UsageError
from eyespot.network import Network
from eyespot.recipes.order import ordered
from eyespot.run_folder import RunFolder
from eyespot.runs.backbone import Features
from eyespot.runs.fine_tuned import FineTuned, check_can_be_tuned
from eyespot.runs.frozen import FrozenFeatures
from eyespot.runs.pictures import gathered, rounds
from eyespot.runs.trained import Trainer
from eyespot.training import Interruption, Plan
from eyespot.training.lowering.native_network import LOWERINGS

WritePhotos = Callable[..., Path]

LEARNS = {"epochs": 40, "batch_size": 16, "learning_rate": 0.02, "flip": "never", "shift": 0, "precision": "float32"}
"""Enough to change a tiny network altogether."""

HARDLY = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-6, "flip": "never"}
"""Next to nothing."""


@pytest.fixture(scope="module")
def color_blind(tiny_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of `tiny_network` whose convolution adds the three colors up before it looks."""
    blind = []
    for layer in tiny_network.layers:
        if layer.kind == "Conv2D":
            kernel = layer.weights["kernel"].mean(axis=2, keepdims=True).repeat(3, axis=2)
            layer = replace(layer, weights={**layer.weights, "kernel": kernel})
        blind.append(layer)
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    description = Description(("cat", "dog", "frog"), (8, 10), {"name": "pets", "fingerprint": "0" * 64}, {"name": "quick"})
    write(path, replace(tiny_network, layers=tuple(blind)), description)
    return path


@pytest.fixture(scope="module")
def colored(tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Any]) -> Path:
    """Twenty pictures each of two classes that only their hue tells apart: what is added to red is taken off blue."""
    root = tmp_path_factory.mktemp("data") / "colored"
    for number, (label, red) in enumerate((("blue", -40), ("red", 40))):
        (root / label).mkdir(parents=True)
        for i in range(20):
            gray = draw(100 * number + i).mean(axis=2, keepdims=True) // 2 + 64
            picture = (gray + np.array([red, 0, -red])).astype(np.uint8)
            Image.fromarray(picture).save(root / label / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def tuned(colored: Path, color_blind: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A color-blind backbone, fine-tuned to tell colors apart, cross-validated in two folds."""
    with pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("home")
        patched.setenv("EYESPOT_HOME", str(home))
        patched.chdir(home)
        return runs.train(
            colored, settings=LEARNS, backbone=color_blind, folds=2, fine_tune=True, out=home / "run", seed=3, threads=1
        )


def candidates(run: runs.Run) -> dict[str, Any]:
    """The candidates by what they are called, but for the backbone's name."""
    return {entry["name"].split(" /")[0]: entry for entry in run.metrics["few"]["candidates"]}


def test_it_learns_what_frozen_features_cannot_tell(tuned: runs.Run) -> None:
    found = candidates(tuned)
    assert list(found) == ["frozen features of", "fine-tuned"]
    assert found["frozen features of"]["accuracy"]["estimate"] < 0.75
    assert found["fine-tuned"]["accuracy"]["estimate"] > 0.9
    assert found["fine-tuned"]["is_chosen"]
    assert tuned.metrics["test"]["method"] == "2-fold cross-validation"
    assert tuned.metrics["test"]["accuracy"] > 0.9
    assert "fine-tuned on 40 pictures: the backbone is" in tuned.metrics["few"]["origin"]


def test_the_run_ends_on_an_ordinary_model(tuned: runs.Run, colored: Path, color_blind: Path) -> None:
    model = tuned.model
    assert model.size == (8, 10)
    assert model.check() < 1e-4
    assert model.predict(colored / "red" / "07.png").label == "red"
    assert model.predict(colored / "blue" / "07.png").label == "blue"
    recipe = read(tuned.folder.model)[1].recipe
    assert (recipe["candidate"], recipe["backbone"]["name"]) == ("fine-tuned", str(color_blind))
    assert (recipe["learning_rate"], recipe["network"]) == (0.02, {})
    assert len(tuned.folder.read_history()) == tuned.metrics["epochs"] == 40


def test_args_yaml_makes_the_same_model_again(tuned: runs.Run, colored: Path, tmp_path: Path) -> None:
    kept = tuned.folder.read_args()
    assert (kept["fine_tune"], kept["from_scratch"], kept["folds"]) == (True, False, 2)
    asked = {name: kept[name] for name in kept if name not in ("data", "recipe", "set")}
    again = runs.train(kept["data"], kept["recipe"], settings=kept["set"], out=tmp_path / "again", **asked)
    assert again.folder.read_args() == kept
    pictures = data.load(colored, (8, 10)).parts["all"].images
    np.testing.assert_array_equal(again.model.probabilities(pictures), tuned.model.probabilities(pictures))
    assert again.metrics["test"] == tuned.metrics["test"]


def test_such_a_model_is_no_backbone_for_the_pictures_that_it_was_tuned_to(
    tuned: runs.Run, colored: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="was trained on these very pictures"):
        runs.train(colored, settings=HARDLY, backbone=tuned.folder.model, folds=2, out=tmp_path / "run")


def test_where_nothing_is_learned_it_says_what_the_head_of_the_same_pictures_says(
    tiny_network: Network, tmp_path: Path, listener: Any
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 10, 3), np.uint8)
    part = Part(images, np.arange(40) % 2, tuple(f"{i}.png" for i in range(40)))
    pets = Dataset("pets", ("cat", "dog"), {"all": part})
    backbone = Backbone("tiny", Path("tiny.onnx"), "a network of a test", cut(tiny_network), "0" * 64)
    vectors = features_of(backbone, images, threads=1)
    features = Features(backbone, vectors, images[:4], "", 1.0, part, short_digests(images))
    pictures = gathered(pets, None)
    frozen = FrozenFeatures(features, pictures, 2, "budget")
    order = ordered("pets", None, budget=None, settings=HARDLY, seed=0, device="cpu", threads=1, backbone="tiny")
    order = replace(order, recipe=replace(order.recipe, learning_rate=0.0))
    tuned = FineTuned(Trainer(order, None, RunFolder(tmp_path), listener, Interruption()), pets, frozen)
    for each in rounds(pictures, pets.classes, 2):
        expected = frozen.attempt(each).validation
        found = tuned.attempt(each, "a fold")
        assert found.learned.steps > 0
        np.testing.assert_array_equal(found.validation.positions, expected.positions)
        np.testing.assert_allclose(found.validation.probabilities, expected.probabilities, atol=1e-5)
        assert len(found.held_out.positions) == 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, write_photos: WritePhotos) -> Path:
    """Twelve pictures each of two classes that the backbone tells apart."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos", {"dark": 12, "light": 12})


def test_it_is_not_kept_where_it_is_worse(
    photos: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = FrozenFeatures.network

    def wrong(self: FrozenFeatures, positions: Any) -> Network:
        """Starts from a head that takes each class for the other."""
        network = right(self, positions)
        layers = tuple(
            replace(layer, weights={name: weight[..., ::-1].copy() for name, weight in layer.weights.items()})
            if layer.name == "head"
            else layer
            for layer in network.layers
        )
        return replace(network, layers=layers)

    monkeypatch.setattr(FrozenFeatures, "network", wrong)
    done = runs.train(photos, settings=HARDLY, backbone=tiny_model, folds=2, fine_tune=True, out=tmp_path / "run", threads=1)
    found = candidates(done)
    assert found["fine-tuned"]["accuracy"]["estimate"] < 0.2
    assert not found["fine-tuned"]["is_chosen"]
    assert done.metrics["test"]["accuracy"] == found["frozen features of"]["accuracy"]["estimate"] > 0.8
    assert read(done.folder.model)[1].recipe["candidate"] == "frozen features"
    assert done.folder.read_history() == ()


def test_given_parts_are_respected(write_photos: WritePhotos, color_blind: Path, tmp_path: Path, listener: Any) -> None:
    photos = write_photos(tmp_path / "photos", {"train/dark": 16, "train/light": 16, "test/dark": 6, "test/light": 5})
    done = runs.train(
        photos, settings=HARDLY, backbone=color_blind, fine_tune=True, out=tmp_path / "run", threads=1, progress=listener
    )
    assert done.metrics["test"]["method"] == "the test part"
    assert [entry["n"] for entry in done.metrics["few"]["candidates"]] == [4, 4]
    assert done.metrics["pictures"] == {"train": 28, "validation": 4, "test": 11}
    assert [task for task in listener.tasks if task.startswith("training")] == ["training"]
    assert listener.said("epoch 2/2")


def test_the_only_training_knows_when_it_is_planned_to_be_done(
    tiny_network: Network, tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def learn(*data: Any, **others: Any) -> Any:
        asked.append(others)
        raise InterruptedError

    monkeypatch.setattr("eyespot.training.learn", learn)
    part = Part(np.zeros((40, 8, 10, 3), np.uint8), np.arange(40) % 2, tuple(f"{i}.png" for i in range(40)))
    part.images[:] = np.arange(40)[:, None, None, None]
    pets = Dataset("pets", ("cat", "dog"), {"all": part})
    backbone = Backbone("tiny", Path("tiny.onnx"), "a network of a test", cut(tiny_network), "0" * 64)
    features = Features(backbone, features_of(backbone, part.images, threads=1), part.images[:4], "", 1.0, part)
    frozen = FrozenFeatures(features, gathered(pets, None), 2, "budget")
    order = ordered("pets", None, budget=30, settings={"flip": "never"}, seed=0, device="cpu", threads=1, backbone="tiny")
    plan = Plan(order.recipe, 1, (), {"before": 2.0, "training": 20.0, "after": 1.0}, {})
    tuned = FineTuned(Trainer(order, plan, RunFolder(tmp_path), listener, Interruption()), pets, frozen)
    (each,) = rounds(frozen.pictures, pets.classes, 1)
    for name in ("", "fold 1 of 3"):
        with pytest.raises(InterruptedError):
            tuned.attempt(each, name)
    alone, one_of_several = asked
    assert (alone["planned_seconds"], alone["tolerated_seconds"]) == (20.0, 3.0)
    assert "planned_seconds" not in one_of_several


@pytest.mark.parametrize(("given", "expected"), [({}, 7), ({"batch_size": 10}, 10)])
def test_batches_that_are_set_by_hand_stay_as_they_are(
    tiny_network: Network, tmp_path: Path, listener: Any, given: dict[str, int], expected: int
) -> None:
    settings = {"epochs": 1, "flip": "never", **given}
    order = ordered("pets", None, budget=None, settings=settings, seed=0, device="cpu", threads=1, backbone="tiny")
    order = replace(order, recipe=replace(order.recipe, batch_size=10, learning_rate=0.0))
    part = Part(np.zeros((41, 8, 10, 3), np.uint8), np.arange(41) % 2, tuple(f"{i}.png" for i in range(41)))
    part.images[:] = np.arange(41)[:, None, None, None]
    pets = Dataset("pets", ("cat", "dog"), {"all": part})
    backbone = Backbone("tiny", Path("tiny.onnx"), "a network of a test", cut(tiny_network), "0" * 64)
    vectors = features_of(backbone, part.images, threads=1)
    features = Features(backbone, vectors, part.images[:4], "", 1.0, part, short_digests(part.images))
    frozen = FrozenFeatures(features, gathered(pets, None), 2, "budget")
    tuned = FineTuned(Trainer(order, None, RunFolder(tmp_path), listener, Interruption()), pets, frozen)
    # Of 41 pictures, 10 each would leave one for the last batch.
    assert tuned.on_all().recipe["batch_size"] == expected


def test_a_budget_chooses_the_epochs_and_is_told(photos: Path, tiny_model: Path, tmp_path: Path, listener: Any) -> None:
    asked = {"backbone": tiny_model, "fine_tune": True, "folds": 3}
    done = runs.train(photos, budget=20, **asked, out=tmp_path / "run", progress=listener)
    kept = done.folder.read_args()
    assert (kept["fine_tune"], kept["from_scratch"], kept["folds"]) == (True, False, 3)
    assert 1 <= kept["set"]["epochs"] <= 20
    assert kept["set"]["learning_rate"] == 1e-4
    assert kept["threads"] is not None
    assert listener.said("the backbone is fine-tuned in each of 3 folds, then on all")
    assert listener.said("budget 20 s: the backbone is fine-tuned, ")
    assert [task for task in listener.tasks if task.startswith("training")] == [
        *(f"training, fine-tuned, fold {number} of 3" for number in range(1, 4)),
        *(["training, fine-tuned, all pictures"] if candidates(done)["fine-tuned"]["is_chosen"] else []),
    ]


def test_in_too_short_a_time_it_is_left_out_and_that_is_told(
    photos: Path, tiny_model: Path, tmp_path: Path, listener: Any
) -> None:
    asked = {"backbone": tiny_model, "fine_tune": True, "from_scratch": False}
    done = runs.train(photos, budget=1, **asked, out=tmp_path / "run", progress=listener)
    assert listener.said("the time is too short to fine-tune the backbone: with one epoch in each fold all would take ")
    assert list(candidates(done)) == ["frozen features of"]
    assert done.folder.read_args()["fine_tune"] is False


def test_layers_that_the_engine_does_not_know_are_named_before_anything_slow(
    photos: Path, tiny_model: Path, tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(LOWERINGS, "Conv2D")  # type: ignore[attr-defined]  # a Mapping to all others
    with pytest.raises(UnsupportedError, match=r"conv \(Conv2D\)"):
        runs.train(photos, backbone=tiny_model, fine_tune=True, out=tmp_path / "run", progress=listener)
    assert "computing features" not in listener.tasks
    assert not (tmp_path / "run").exists()


def test_without_a_backbone_there_is_nothing_to_fine_tune() -> None:
    with pytest.raises(UsageError, match="fine-tuning needs a backbone") as caught:
        check_can_be_tuned(None)
    assert "a backbone is one file to copy to" in str(caught.value)
