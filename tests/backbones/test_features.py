"""Features are what the network computes, and nothing is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eyespot import data
from eyespot.backbones import Backbone, cache, features, features_of, find
from eyespot.bundle.runtime import Runtime
from eyespot.errors import InputError, ModelError
from eyespot.models.backend import keras
from eyespot.models.keras_network import build
from eyespot.network import Network

PICTURES = np.random.default_rng(0).integers(0, 256, (9, 8, 10, 3), np.uint8)


@pytest.fixture
def through_the_network(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures went through a network, each time that some did."""
    counts: list[int] = []
    original = Runtime.batches

    def counted(self: Runtime, images: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        counts.append(len(images))
        return original(self, images)

    # Opening a model for its description alone, and writing one, are none of it.
    monkeypatch.setattr(features, "Runtime", type("Counted", (Runtime,), {"batches": counted}))
    return counts


def expected(backbone: Backbone, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """As Keras computes them."""
    return keras.ops.convert_to_numpy(build(backbone.network)(pictures.astype(np.float32)))


def test_features_are_what_keras_computes(backbone: Backbone) -> None:
    found = features_of(backbone, PICTURES)
    assert (found.shape, found.dtype) == ((9, 4), np.float32)
    np.testing.assert_allclose(found, expected(backbone, PICTURES), atol=1e-5)


def test_those_of_the_shipped_network_too(home: Path, draw: Callable[..., NDArray[np.uint8]]) -> None:
    backbone = find("cifar10")
    assert backbone is not None
    pictures = np.stack([draw(seed, 32, 32) for seed in range(4)])
    np.testing.assert_allclose(features_of(backbone, pictures), expected(backbone, pictures), rtol=1e-4, atol=1e-4)


def test_what_was_computed_once_is_not_computed_again(backbone: Backbone, through_the_network: list[int]) -> None:
    first = features_of(backbone, PICTURES)
    again = features_of(backbone, PICTURES)
    assert through_the_network == [9]
    np.testing.assert_array_equal(first, again)


def test_a_changed_picture_is_computed_and_no_other(backbone: Backbone, through_the_network: list[int]) -> None:
    features_of(backbone, PICTURES)
    changed = PICTURES.copy()
    changed[3, 0, 0, 0] ^= 1

    found = features_of(backbone, changed)

    assert through_the_network == [9, 1]
    np.testing.assert_allclose(found, expected(backbone, changed), atol=1e-5)
    assert (found[3] != features_of(backbone, PICTURES)[3]).any()
    assert through_the_network == [9, 1]


def test_new_pictures_are_computed_in_whatever_order_they_come(backbone: Backbone, through_the_network: list[int]) -> None:
    features_of(backbone, PICTURES[:6])
    order = np.array([8, 2, 7, 0])
    np.testing.assert_allclose(features_of(backbone, PICTURES[order]), expected(backbone, PICTURES[order]), atol=1e-5)
    assert through_the_network == [6, 2]


def test_pictures_that_are_the_same_are_computed_once(backbone: Backbone, through_the_network: list[int]) -> None:
    same = PICTURES[[0, 1, 0, 0, 1]]
    np.testing.assert_allclose(features_of(backbone, same), expected(backbone, same), atol=1e-5)
    assert through_the_network == [2]


def test_a_changed_backbone_computes_all_anew_and_another_head_nothing(
    backbone: Backbone,
    tiny_network: Network,
    tmp_path: Path,
    save: Callable[..., Path],
    through_the_network: list[int],
) -> None:
    first = features_of(backbone, PICTURES)
    conv, dense = (tiny_network.by_name[name].weights for name in ("conv", "logits"))
    changed = tiny_network.with_weights({"conv": {**conv, "bias": conv["bias"] + np.float32(0.5)}})
    headed = tiny_network.with_weights({"logits": {**dense, "kernel": -dense["kernel"]}})

    other = find(str(save(tmp_path / "changed.onnx", changed)))
    assert other is not None
    assert (features_of(other, PICTURES) != first).any()
    assert through_the_network == [9, 9]

    same = find(str(save(tmp_path / "headed.onnx", headed)))
    assert same is not None
    np.testing.assert_array_equal(features_of(same, PICTURES), first)
    assert through_the_network == [9, 9]


@pytest.mark.parametrize(("name", "value"), [("RESIZE_RULE", {"fit": "crop"}), ("_FORMAT", 0)])
def test_another_way_of_preparing_pictures_computes_all_anew(
    backbone: Backbone, through_the_network: list[int], monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    features_of(backbone, PICTURES)
    monkeypatch.setattr(features, name, value)
    features_of(backbone, PICTURES)
    assert through_the_network == [9, 9]


def test_one_file_holds_them_all(backbone: Backbone, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_CHUNK", 2)
    features_of(backbone, PICTURES)
    assert [path.name for path in home.iterdir()] == ["features.sqlite"]


def test_a_computation_that_was_broken_off_goes_on_where_it_was(
    backbone: Backbone, through_the_network: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_CHUNK", 3)
    keep = cache.keep

    def interrupted(*arguments: Any) -> str | None:
        if len(through_the_network) == 3:
            raise KeyboardInterrupt
        return keep(*arguments)

    monkeypatch.setattr(cache, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        features_of(backbone, PICTURES)
    monkeypatch.setattr(cache, "keep", keep)
    np.testing.assert_allclose(features_of(backbone, PICTURES), expected(backbone, PICTURES), atol=1e-5)
    assert through_the_network == [3, 3, 3, 3]


def test_a_damaged_cache_is_computed_anew(backbone: Backbone, home: Path, through_the_network: list[int]) -> None:
    first = features_of(backbone, PICTURES)
    (home / "features.sqlite").write_bytes(b"not what it was" * 1000)
    np.testing.assert_array_equal(features_of(backbone, PICTURES), first)
    features_of(backbone, PICTURES)
    assert through_the_network == [9, 9]


def test_features_of_another_length_are_not_taken(
    backbone: Backbone, through_the_network: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "load", lambda path, keys: {key: np.zeros(3, np.float32) for key in keys})
    assert features_of(backbone, PICTURES).shape == (9, 4)
    assert through_the_network == [9]


def test_where_nothing_can_be_kept_features_are_computed_and_it_is_said(
    backbone: Backbone, tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_CHUNK", 2)
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "features.sqlite"
    found = features_of(backbone, PICTURES, cache_file=path, progress=listener)
    np.testing.assert_allclose(found, expected(backbone, PICTURES), atol=1e-5)
    (note,) = listener.notes
    assert note.startswith(f"the features are not kept for the next time: {path}: ")


def test_the_cache_stays_within_its_bounds(
    backbone: Backbone, through_the_network: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eyespot.settings.MAX_FEATURES_BYTES", 30_000)  # about a hundred of them
    batches = np.random.default_rng(1).integers(0, 256, (4, 60, 8, 10, 3), np.uint8)
    for pictures in (*batches, batches[3], batches[0]):
        features_of(backbone, pictures)
    assert through_the_network == [60, 60, 60, 60, 60]


def test_the_progress_is_that_of_what_is_computed(backbone: Backbone, listener: Any) -> None:
    features_of(backbone, PICTURES[:4])
    features_of(backbone, PICTURES, progress=listener)
    assert (listener.totals, listener.done) == ([5], 5)
    features_of(backbone, PICTURES, progress=listener)
    assert listener.totals == [5]


def test_of_no_pictures_there_are_no_features(backbone: Backbone) -> None:
    assert features_of(backbone, PICTURES[:0]).shape == (0, 4)


@pytest.mark.parametrize("pictures", [PICTURES[0], PICTURES[:, :7], PICTURES[..., :1], PICTURES.astype(np.float32)])
def test_pictures_of_another_shape_or_type_are_refused(backbone: Backbone, pictures: NDArray[Any]) -> None:
    with pytest.raises(InputError, match=r"the backbone takes pictures \(n, 8, 10, 3\) uint8; got "):
        features_of(backbone, pictures)


def test_a_data_set_is_read_at_the_size_of_the_backbone(
    backbone: Backbone, make_folder: Callable[..., Path], through_the_network: list[int]
) -> None:
    path = make_folder({"cat": 3, "dog": 3})
    for _ in range(2):
        part = data.load(path, backbone.size).parts["all"]
        assert features_of(backbone, part.images).shape == (6, 4)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path / "cat" / "0.png")
    features_of(backbone, data.load(path, backbone.size).parts["all"].images)
    assert through_the_network == [6, 1]


def test_a_network_that_cannot_be_computed_is_an_error_that_names_the_file(backbone: Backbone) -> None:
    conv = backbone.network.by_name["conv"]
    forged = {**conv.weights, "kernel": np.zeros((3, 3, 7, 4), np.float32)}
    broken = Backbone("forged", Path("forged.onnx"), "", backbone.network.with_weights({"conv": forged}), "0" * 64)
    with pytest.raises(ModelError, match=r"forged\.onnx|ONNX Runtime fails"):
        features_of(broken, PICTURES)
