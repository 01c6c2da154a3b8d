"""Frozen features: what is known of the pictures that the head was chosen on, and what is told of the head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.backbones import find
from eyespot.data import Part
from eyespot.data.digests import short_digests
from eyespot.errors import UsageError
from eyespot.evaluation.learned_from import LEARNED_FROM
from eyespot.runs.backbone import Features
from eyespot.runs.frozen import FrozenFeatures
from eyespot.runs.impartial import check_is_impartial
from eyespot.runs.pictures import Pictures, Round
from eyespot.training import logistic

MakeWay = Callable[..., FrozenFeatures]


@pytest.fixture
def way(write_backbone: Callable[..., Path], tmp_path: Path) -> MakeWay:
    """Makes frozen features of given vectors, (n, 5), and labels; each picture is a group of its own."""

    def made(vectors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, **others: Any) -> FrozenFeatures:
        backbone = find(str(write_backbone(tmp_path / "own.onnx", (16, 16))))
        assert backbone is not None
        images = np.zeros((len(labels), 16, 16, 3), np.uint8)
        images[:, 0, 0, 0] = np.arange(len(labels))
        part = Part(images, labels, tuple(f"{i}.png" for i in range(len(labels))))
        everything = np.arange(len(labels))
        pictures = Pictures(part, {"all": everything}, everything, None, (), ())
        features = Features(backbone, vectors, images[:8], "f" * 64, 0.0, digests=short_digests(images))
        return FrozenFeatures(features, pictures, classes, "budget", is_compared=False, **others)

    return made


def drawn(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Vectors whose first number says the class, nearly."""
    vectors = np.random.default_rng(0).normal(size=(len(labels), 5))
    vectors[:, 0] += 3 * labels
    return vectors.astype(np.float32)


def everything_but(labels: NDArray[np.int64], *held_out: int) -> Round:
    """A round without validation pictures."""
    return Round(np.setdiff1d(np.arange(len(labels)), held_out), np.empty(0, np.int64), np.array(held_out))


def test_a_picture_whose_class_is_ruled_out_counts_unless_its_fold_had_nothing_of_that_class(way: MakeWay) -> None:
    labels = np.array([0, 1] * 20 + [2])
    vectors = drawn(labels)
    vectors[4, 0] = 1e9  # as far on the wrong side as to have the probability 0
    unseen = way(vectors, labels, 3).attempt(everything_but(labels, 0)).unseen
    assert sorted(unseen.positions.tolist()) == list(range(1, 40))
    (own,) = unseen.probabilities[unseen.positions == 4]
    assert own[0] == 0


def test_a_head_that_was_not_fitted_to_the_end_is_told_of_once(
    way: MakeWay, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.array([0, 1] * 20)
    frozen = way(drawn(labels), labels, 2, progress=listener)
    frozen.attempt(everything_but(labels, 0, 1))
    frozen.on_all()
    assert listener.notes == []
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 1)
    frozen = way(drawn(labels), labels, 2, progress=listener)
    frozen.attempt(everything_but(labels, 0, 1), "fold 1 of 2")
    assert listener.notes == []
    frozen.on_all()
    assert listener.notes == ["the head was still changing when its fit was broken off, so that it takes no longer"]
    frozen.attempt(everything_but(labels, 0, 1))
    assert len(listener.notes) == 2


def test_features_of_pictures_that_the_backbone_was_tuned_to_are_refused(
    way: MakeWay, write_backbone: Callable[..., Path], tmp_path: Path
) -> None:
    labels = np.array([0, 1] * 20)
    features = way(drawn(labels), labels, 2).features
    check_is_impartial(features.backbone, features.digests, features.fingerprint)
    facts = features.facts_tuned_on(np.arange(5, 12))
    assert LEARNED_FROM not in features.backbone_facts
    tuned = find(str(write_backbone(tmp_path / "tuned.onnx", (16, 16), recipe={"candidate": "fine-tuned", "backbone": facts})))
    assert tuned is not None
    again = Features(tuned, features.vectors, features.sample, "0" * 64, 0.0, digests=features.digests)
    with pytest.raises(UsageError, match="it knows 7 of 40"):
        check_is_impartial(again.backbone, again.digests, again.fingerprint)


@pytest.mark.parametrize(("candidate", "is_refused"), [(None, True), ("fine-tuned", True), ("frozen features", False)])
def test_a_file_that_does_not_list_its_pictures_is_known_by_the_fingerprint_of_all(
    way: MakeWay, write_backbone: Callable[..., Path], tmp_path: Path, candidate: str | None, is_refused: bool
) -> None:
    labels = np.array([0, 1] * 20)
    features = way(drawn(labels), labels, 2).features
    recipe = {} if candidate is None else {"candidate": candidate}
    other = find(str(write_backbone(tmp_path / "other.onnx", (16, 16), {"fingerprint": features.fingerprint}, recipe)))
    assert other is not None
    again = Features(other, features.vectors, features.sample, features.fingerprint, 0.0, digests=features.digests)
    if not is_refused:
        check_is_impartial(again.backbone, again.digests, again.fingerprint)
        return
    with pytest.raises(UsageError, match="was trained on these very pictures: it knows 40 of 40"):
        check_is_impartial(again.backbone, again.digests, again.fingerprint)
