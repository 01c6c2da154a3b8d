"""Which pictures a model file says it has learned from, and which backbones are refused for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot import runs
from eyespot.backbones import Backbone, find
from eyespot.data import Dataset
from eyespot.data.digests import MOST, from_text, short_digests, to_text
from eyespot.errors import ModelError, UsageError
from eyespot.network import Network
from eyespot.runs.candidate import Learned
from eyespot.runs.impartial import check_is_impartial, facts_of_backbone, facts_of_data, known_pictures
from eyespot.settings import backbones_folder

MakeDataset = Callable[..., Dataset]
MakeBackbone = Callable[..., Backbone]


@pytest.fixture
def learned(tiny_network: Network) -> Callable[[Mapping[str, Any]], Learned]:
    """Makes a classifier of a recipe."""

    def made(recipe: Mapping[str, Any]) -> Learned:
        return Learned(tiny_network, recipe, "f" * 64, np.zeros((1, 8, 10, 3), np.uint8), None, 1, 1.0)

    return made


@pytest.fixture
def backbone(write_backbone: Callable[..., Path], tmp_path: Path) -> MakeBackbone:
    """Makes one of what its file says of data and recipe."""

    def made(data: Mapping[str, Any], recipe: Mapping[str, Any]) -> Backbone:
        found = find(str(write_backbone(tmp_path / "own.onnx", (16, 16), data, recipe)))
        assert found is not None
        return found

    return made


def test_a_model_from_scratch_says_which_pictures_it_has_learned_from_but_not_those_to_test_on(
    dataset: MakeDataset, learned: Callable[..., Learned]
) -> None:
    data = dataset(train=[0, 1] * 4, validation=[0, 1], test=[0, 1])
    facts = facts_of_data(data, learned({"name": "budget"}))
    assert (facts["name"], facts["fingerprint"]) == ("pets", "f" * 64)
    seen = np.concatenate([data.parts["train"].images, data.parts["validation"].images])
    assert from_text(facts["learned_from"]) == set(short_digests(seen))


def test_very_many_pictures_are_not_written_down(dataset: MakeDataset, learned: Callable[..., Learned]) -> None:
    part = dataset(train=[0, 1]).parts["train"]
    for count, is_told in ((MOST, True), (MOST + 1, False)):
        data = dataset(train=[0, 1]).with_parts(train=part.take(np.zeros(count, np.int64)), test=part)
        assert ("learned_from" in facts_of_data(data, learned({"name": "budget"}))) is is_told


def test_neither_another_label_nor_more_or_fewer_pictures_hide_what_a_model_has_learned_from(
    dataset: MakeDataset, learned: Callable[..., Learned], backbone: MakeBackbone
) -> None:
    before = dataset(train=[0, 1] * 8, validation=[0, 1], test=[0, 1] * 2)
    found = backbone(facts_of_data(before, learned({"name": "budget"})), {})
    images = np.concatenate([part.images for part in before.parts.values()])
    check_is_impartial(found, short_digests(images[18:]), "")  # those that were tested on
    more = np.concatenate([images[2:], np.zeros((3, 16, 16, 3), np.uint8)])
    with pytest.raises(UsageError, match="it knows 16 of 23, so its figures on them would be too good"):
        check_is_impartial(found, short_digests(more), "")


def test_what_a_backbone_has_learned_from_is_known_of_whatever_is_made_of_it(
    dataset: MakeDataset, learned: Callable[..., Learned], backbone: MakeBackbone
) -> None:
    first, second, third = (short_digests(np.full((1, 16, 16, 3), value, np.uint8)) for value in (1, 2, 3))
    found = backbone({"learned_from": to_text(first)}, {})
    tuned = {"name": "budget", "candidate": "fine-tuned", "backbone": facts_of_backbone(found, second)}
    facts = facts_of_data(dataset(train=[0, 1]), learned(tuned))
    assert "learned_from" not in facts  # the pictures there have another size
    found = backbone(facts, tuned)
    assert known_pictures(found) == {*first, *second}
    headed = {"name": "budget", "candidate": "frozen features", "backbone": facts_of_backbone(found)}
    found = backbone(facts_of_data(dataset(train=[0, 1]), learned(headed)), headed)
    check_is_impartial(found, third, "")
    for known in (first, second):
        with pytest.raises(UsageError, match="it knows 1 of 1"):
            check_is_impartial(found, known, "")


def test_what_is_told_of_a_backbone_is_where_it_is_from(backbone: MakeBackbone) -> None:
    found = backbone({"name": "ImageNet", "license": "MIT"}, {"name": "keras:Tiny"})
    assert facts_of_backbone(found) == {
        "name": found.name,
        "hash": found.hash,
        "trained_on": "ImageNet",
        "terms": ["license: MIT"],
    }


@pytest.mark.parametrize("text", [7, ["AAAA"], "AAAA", "no base64"])
def test_a_file_that_says_it_in_another_way_is_refused(backbone: MakeBackbone, text: Any) -> None:
    for data, recipe in (({"learned_from": text}, {}), ({}, {"backbone": {"learned_from": text}})):
        with pytest.raises(ModelError, match=r"own\.onnx does not say rightly which pictures it was trained on"):
            known_pictures(backbone(data, recipe))
    assert known_pictures(backbone({}, {"backbone": "tiny"})) == frozenset()


# ------------------------------------------------------------------------------------------ from one run to another

SMALL = {"batch_size": 16, "network": {"widths": [8, 8], "depth": 1}, "flip": "never"}
"""A network from scratch that takes no time."""


@pytest.fixture(scope="module")
def scratch(write_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A network from scratch of twenty pictures each of two classes, trained with its epochs set by hand."""
    place = tmp_path_factory.mktemp("place")
    photos = write_photos(place / "photos", {"dark": 20, "light": 20})
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EYESPOT_HOME", str(place / "home"))
        return runs.train(photos, settings={**SMALL, "epochs": 2}, out=place / "run", threads=1)


@pytest.fixture
def photos(write_photos: Callable[..., Path], tmp_path: Path) -> Path:
    """The same pictures, one of them in the other class."""
    root = write_photos(tmp_path / "photos", {"dark": 20, "light": 20})
    (root / "dark" / "03.png").rename(root / "light" / "from_dark.png")
    return root


def test_a_network_of_the_same_pictures_is_refused_after_a_label_was_corrected(
    scratch: runs.Run, photos: Path, tmp_path: Path
) -> None:
    learned_from = scratch.metrics["pictures"]["train"] + scratch.metrics["pictures"].get("validation", 0)
    with pytest.raises(UsageError, match=f"it knows {learned_from} of 40"):
        runs.train(photos, backbone=scratch.folder.model, from_scratch=False, out=tmp_path / "run")


def test_auto_passes_it_over_before_any_features_are_computed(
    scratch: runs.Run, photos: Path, tmp_path: Path, listener: Any
) -> None:
    own = backbones_folder() / "own.onnx"
    own.parent.mkdir(parents=True)
    shutil.copy(scratch.folder.model, own)
    done = runs.train(photos, from_scratch=False, out=tmp_path / "run", progress=listener)
    assert done.folder.read_args()["backbone"] == "cifar10"
    assert listener.said(f"passed over as a backbone: the backbone {own} was trained on these very pictures")
    assert listener.tasks.count("computing features") == 2  # of the pictures and of their mirror images


def test_a_fine_tuned_network_is_refused_at_the_size_of_its_backbone(
    write_backbone: Callable[..., Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eyespot.runs.deciding.better", lambda answers, *others: list(answers)[-1])
    first = write_backbone(tmp_path / "first.onnx", (24, 20))
    settings = {**SMALL, "epochs": 1, "learning_rate": 1e-3}
    del settings["network"]
    tuned = runs.train(photos, settings=settings, backbone=first, fine_tune=True, folds=1, out=tmp_path / "tuned", threads=1)
    assert (tuned.model.description.recipe["candidate"], tuned.model.size) == ("fine-tuned", (24, 20))
    (photos / "light" / "from_dark.png").rename(photos / "dark" / "back.png")
    with pytest.raises(UsageError, match=f"it knows {tuned.metrics['pictures']['train']} of 40"):
        runs.train(photos, backbone=tuned.folder.model, from_scratch=False, out=tmp_path / "run")
