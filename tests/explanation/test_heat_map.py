"""The heat map, on networks whose reasons are known, against SciPy, and for sanity on the network that ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from eyespot import data
from eyespot.bundle import Description, read_network, write
from eyespot.errors import InputError
from eyespot.explanation.heat_map import LEAST_PASSES, MOST_PASSES, affordable_passes, heat_map
from eyespot.network import Layer, Network
from eyespot.prediction import Model, load

Draw = Callable[..., NDArray[np.uint8]]

RED, BLUE = (slice(4, 8), slice(6, 10)), (slice(16, 20), slice(14, 18))


def color_model(path: Path, size: tuple[int, int], strength: float = 60.0) -> Model:
    """A classifier that tells whether a picture is more red than green, or more blue: it looks at each pixel alone."""
    tells = np.array([[1, -1, 0], [-1, 1, 0], [0, -1, 1]], np.float32).T.reshape(1, 1, 3, 3)
    convolution = {
        "filters": 3,
        "kernel_size": [1, 1],
        "strides": [1, 1],
        "padding": "valid",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "linear",
        "use_bias": False,
    }
    dense = {"units": 2, "activation": "linear", "use_bias": False}
    weights = np.array([[strength, -strength], [0, 0], [-strength, strength]], np.float32)
    network = Network(
        (
            Layer("input", "InputLayer", {"shape": [*size, 3]}, ()),
            Layer("scaled", "Rescaling", {"scale": 1 / 255, "offset": 0.0}, ("input",)),
            Layer("colors", "Conv2D", convolution, ("scaled",), {"kernel": tells}),
            Layer("mean", "GlobalAveragePooling2D", {"keepdims": False}, ("colors",)),
            Layer("logits", "Dense", dense, ("mean",), {"kernel": weights}),
            Layer("probabilities", "Softmax", {"axis": -1}, ("logits",)),
        ),
        "probabilities",
    )
    write(path, network, description(("red", "blue"), size))
    return Model(path, threads=1)


def description(classes: tuple[str, ...], size: tuple[int, int]) -> Description:
    return Description(classes=classes, size=size, data={"name": "colors"}, recipe={"name": "by hand"})


def gray_with_spots(scale: int = 1) -> NDArray[np.uint8]:
    """Gray, 24 x 24 times `scale`, with a red square and a blue one."""
    picture = np.full((24, 24, 3), 128, np.uint8)
    picture[RED], picture[BLUE] = (250, 20, 20), (20, 20, 250)
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return color_model(tmp_path_factory.mktemp("colors") / "model.onnx", (24, 24))


def test_what_speaks_for_a_class_is_hot_and_what_speaks_against_it_cold(colors: Model) -> None:
    picture = gray_with_spots()
    for label, hot, cold in ((0, RED, BLUE), (1, BLUE, RED)):
        heat = heat_map(colors, picture, label, passes=256)
        assert (heat.shape, heat.dtype) == ((24, 24), np.float32)
        ground = heat.copy()
        ground[RED] = ground[BLUE] = 0
        assert heat[hot].mean() > 3 * np.abs(ground).mean()
        assert heat[cold].mean() < -3 * np.abs(ground).mean()
        hottest = np.argsort(-heat.ravel())[:4]
        inside = np.zeros((24, 24), bool)
        inside[hot] = True
        assert inside.ravel()[hottest].all()


def test_all_heat_together_is_what_hiding_everything_takes_from_the_probability(colors: Model) -> None:
    picture = gray_with_spots()
    picture[:8, :8] = (200, 60, 90)
    blurred = gaussian_filter(picture.astype(float), (3, 3, 0), mode="reflect")
    mean = np.broadcast_to(picture.mean(axis=(0, 1)), picture.shape)
    whole, *hidden = colors.probabilities(np.stack([picture, *(np.rint(x).astype(np.uint8) for x in (blurred, mean))]))[:, 0]
    expected = whole - np.mean(hidden)
    assert heat_map(colors, picture, 0, passes=128).sum() == pytest.approx(expected, abs=1e-4)


def test_of_a_network_that_adds_pixels_up_heat_is_what_each_adds(tmp_path: Path, draw: Draw) -> None:
    # So weak that the softmax is a straight line: a pixel's Shapley value is its weight times what hiding it changes.
    model = color_model(tmp_path / "model.onnx", (24, 24), strength=1.0)
    picture = draw(5, 24, 24)
    blurred = gaussian_filter(picture.astype(float), (3, 3, 0), mode="reflect")
    changes = picture - (blurred + picture.mean(axis=(0, 1))) / 2
    expected = changes[..., 0] - changes[..., 2]
    heat = heat_map(model, picture, 0, passes=512)
    assert np.corrcoef(heat.ravel(), expected.ravel())[0, 1] > 0.95
    assert spearmanr(heat.ravel(), heat_map(model, picture, 1, passes=512).ravel()).statistic < -0.97


def test_pictures_larger_than_the_grid_of_heat_and_not_square(tmp_path: Path) -> None:
    model = color_model(tmp_path / "model.onnx", (96, 72))
    picture = gray_with_spots(4)[:, :72]
    heat = heat_map(model, picture, 0, passes=64)
    assert heat.shape == (96, 72)
    assert heat.sum() == pytest.approx(heat_map(model, picture, 0, passes=512).sum(), abs=1e-5)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert (16 <= row < 32, 24 <= column < 40) == (True, True)


def test_the_same_question_has_the_same_answer(colors: Model) -> None:
    picture = gray_with_spots()
    first = heat_map(colors, picture, 0, passes=64)
    assert np.array_equal(first, heat_map(colors, picture, 0, passes=64))
    assert not np.array_equal(first, heat_map(colors, picture, 0, passes=66))


def test_where_hiding_changes_nothing_there_is_no_heat(colors: Model, tmp_path: Path) -> None:
    assert np.abs(heat_map(colors, np.full((24, 24, 3), 77, np.uint8), 0, passes=32)).max() < 1e-6
    one_pixel = color_model(tmp_path / "model.onnx", (1, 1))
    assert heat_map(one_pixel, np.array([[[250, 3, 9]]], np.uint8), 0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("size", [(1, 7), (2, 2), (3, 40)])
def test_tiny_and_thin_pictures(tmp_path: Path, draw: Draw, size: tuple[int, int]) -> None:
    model = color_model(tmp_path / "model.onnx", size, strength=1.0)
    heat = heat_map(model, draw(1, *size), 0, passes=40)
    assert heat.shape == size
    assert np.isfinite(heat).all()
    assert heat.any()


def test_the_model_is_asked_no_more_often_than_said(colors: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    compute = colors.probabilities

    def counted(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        asked.append(len(pictures))
        return compute(pictures)

    monkeypatch.setattr(colors, "probabilities", counted)
    for passes in (16, 17, 64, 512):
        asked.clear()
        heat_map(colors, gray_with_spots(), 0, passes=passes)
        assert passes - 1 <= sum(asked) <= passes


def test_passes_are_as_many_as_the_network_is_cheap(tmp_path: Path, tiny_model: Path) -> None:
    assert affordable_passes(Model(tiny_model)) == MOST_PASSES
    assert affordable_passes(load("cifar10")) == MOST_PASSES
    assert affordable_passes(deep_model(tmp_path / "vgg.onnx", channels=64)) == LEAST_PASSES
    assert LEAST_PASSES < affordable_passes(deep_model(tmp_path / "between.onnx", channels=24)) < MOST_PASSES


def deep_model(path: Path, channels: int) -> Model:
    """A network for 224 pixels of 2 convolutions, the second of which costs 224 x 224 x 9 x channels x channels."""
    config: Mapping[str, Any] = {
        "filters": channels,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "same",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": False,
    }
    dense = {"units": 2, "activation": "softmax", "use_bias": False}
    network = Network(
        (
            Layer("input", "InputLayer", {"shape": [224, 224, 3]}, ()),
            Layer("first", "Conv2D", config, ("input",), {"kernel": np.zeros((3, 3, 3, channels), np.float32)}),
            Layer("second", "Conv2D", config, ("first",), {"kernel": np.zeros((3, 3, channels, channels), np.float32)}),
            Layer("mean", "GlobalAveragePooling2D", {"keepdims": False}, ("second",)),
            Layer("probabilities", "Dense", dense, ("mean",), {"kernel": np.zeros((channels, 2), np.float32)}),
        ),
        "probabilities",
    )
    write(path, network, description(("one", "other"), (224, 224)))
    return Model(path, threads=1)


@pytest.mark.parametrize(
    ("picture", "label", "passes", "message"),
    [
        (np.zeros((24, 23, 3), np.uint8), 0, 64, r"\(24, 24, 3\) uint8; got \(24, 23, 3\) uint8"),
        (np.zeros((24, 24, 3), np.float32), 0, 64, r"got \(24, 24, 3\) float32"),
        (np.zeros((24, 24, 3), np.uint8), 2, 64, r"2 classes.*got 2"),
        (np.zeros((24, 24, 3), np.uint8), -1, 64, r"got -1"),
        (np.zeros((24, 24, 3), np.uint8), 0, 15, r"at least 16 passes; got 15"),
    ],
)
def test_what_cannot_be_is_refused(colors: Model, picture: NDArray[Any], label: int, passes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        heat_map(colors, picture, label, passes=passes)


# ------------------------------------------------------------------------------- sanity, on the network that ships


@pytest.fixture(scope="module")
def photographs(cifar10: Path) -> NDArray[np.uint8]:
    """Test pictures of six classes."""
    test = data.load(cifar10).parts["test"]
    return np.stack([test.images[test.labels == label][3] for label in range(6)])


def with_shuffled_weights(model: Model, kinds: tuple[str, ...], path: Path) -> Model:
    """The same network, the weights of each layer of these kinds in random order."""
    network, generator = read_network(model.path), np.random.default_rng(0)
    shuffled = {
        layer.name: {name: generator.permuted(weight.ravel()).reshape(weight.shape) for name, weight in layer.weights.items()}
        for layer in network.layers
        if layer.kind in kinds
    }
    write(path, network.with_weights(shuffled), description(model.classes, model.size))
    return Model(path, threads=1)


@pytest.mark.cifar10
def test_other_weights_have_another_map(photographs: NDArray[np.uint8], tmp_path: Path) -> None:
    # Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: a map that stays does not show what the network learned.
    shipped = load("cifar10", threads=1)
    others = [
        with_shuffled_weights(shipped, ("Dense",), tmp_path / "last.onnx"),
        with_shuffled_weights(shipped, ("Dense", "Conv2D", "BatchNormalization"), tmp_path / "all.onnx"),
    ]
    alike: list[list[float]] = []
    for picture, label in zip(photographs, shipped.probabilities(photographs).argmax(axis=1).tolist(), strict=True):
        heat = heat_map(shipped, picture, label, passes=160)
        again = heat_map(shipped, picture, label, passes=130)  # other parts are hidden
        maps = [again, *(heat_map(other, picture, label, passes=96) for other in others)]
        alike.append([float(spearmanr(heat.ravel(), other.ravel()).statistic) for other in maps])
    again, last, everything = np.mean(alike, axis=0)
    assert again > 0.5
    assert max(abs(last), abs(everything)) < again / 2


@pytest.mark.cifar10
def test_blanking_the_hottest_part_lowers_the_probability_more_than_blanking_it_elsewhere(
    photographs: NDArray[np.uint8],
) -> None:
    shipped = load("cifar10", threads=1)
    generator = np.random.default_rng(0)
    falls = []
    for picture, before in zip(photographs, shipped.probabilities(photographs), strict=True):
        label = int(before.argmax())
        heat = heat_map(shipped, picture, label, passes=160)
        part = heat >= np.sort(heat.ravel())[-154]  # 15 % of the pixels
        parts = [part, *(np.roll(part, shift, axis=(0, 1)) for shift in generator.integers(4, 28, (8, 2)))]
        blank = np.rint(picture.mean(axis=(0, 1))).astype(np.uint8)
        falls.append(before[label] - shipped.probabilities(np.where(np.stack(parts)[..., None], blank, picture))[:, label])
    hottest, *elsewhere = np.mean(falls, axis=0)
    assert hottest > 1.5 * np.mean(elsewhere)
    assert hottest > max(elsewhere)
