"""The model in integers answers as the original does, from the same pixels, and says the same of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from eyespot.bundle import Description, read, read_network, write
from eyespot.errors import InputError, ModelError
from eyespot.exporting import quantize
from eyespot.models.backend import keras
from eyespot.models.keras_network import read as read_keras
from eyespot.prediction import Model

L = keras.layers
CLASSES = ("dark", "light", "red")
_DRAWN = np.random.default_rng(0)
PICTURES = _DRAWN.integers(0, 128, (200, 12, 10, 3), dtype=np.uint8) + _DRAWN.integers(0, 128, (200, 1, 1, 3), dtype=np.uint8)
"""Noise on colors, which are what tells them apart."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with everything in it that matters to integers, as a model file."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((12, 10, 3), name="picture")
    x = L.Rescaling(1 / 255, name="rescaling")(pixels)
    x = L.Conv2D(8, 2, activation="gelu", name="first")(x)
    x = L.MaxPooling2D(2, name="pool")(L.Conv2D(16, 3, padding="same", use_bias=False, name="second")(x))
    x = L.Activation("gelu", name="gelu")(L.BatchNormalization(name="norm")(x))
    x = L.Add(name="add")([x, L.Conv2D(16, 3, padding="same", activation="relu", name="third")(x)])
    x = L.Dense(20, activation="relu", name="hidden")(L.Flatten(name="flatten")(x))
    last = L.Dense(3, name="last")
    logits = last(x)
    model = keras.Model(pixels, L.Softmax(name="probabilities")(L.Rescaling(8.0, name="temperature")(logits)))
    for weight in model.get_layer("norm").weights:
        weight.assign(np.random.default_rng(2).uniform(0.1, 0.6, weight.shape))
    # Without training all pictures look much alike to it; what they have in common is taken off.
    last.bias.assign(-keras.ops.mean(keras.Model(pixels, logits)(PICTURES), axis=0))
    path = tmp_path_factory.mktemp("original") / "model.onnx"
    description = Description(CLASSES, (12, 10), {"name": "colors", "fingerprint": "ab"}, {"name": "quick"}, temperature=0.125)
    write(path, read_keras(model), description)
    return path


@pytest.fixture(scope="module")
def quantized(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quantized") / "model-int8.onnx"
    quantize(original, PICTURES, path)
    return path


def computed_by_others(path: Path, pictures: np.ndarray) -> np.ndarray:
    """What a client that knows nothing of Eyespot computes."""
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {"pixels": pictures})[0]


def weights(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def test_its_probabilities_differ_by_what_eight_bits_cannot_tell(original: Path, quantized: Path) -> None:
    expected = computed_by_others(original, PICTURES)
    assert np.ptp(expected, axis=0).max() > 0.3  # it tells the pictures apart
    difference = np.abs(computed_by_others(quantized, PICTURES) - expected)
    assert 1e-4 < difference.max() < 0.05
    assert difference.mean() < 0.01


def test_weights_are_integers_of_seven_bits_but_in_the_first_and_last_layer(quantized: Path) -> None:
    found = weights(quantized)
    for layer in ("second", "third", "hidden"):
        kernel = found[f"{layer}/kernel_quantized"]
        assert kernel.dtype == np.int8
        assert 60 <= np.abs(kernel.astype(int)).max() <= 64
        assert found[f"{layer}/kernel_scale"].shape == (kernel.shape[0],)
    assert found["first/kernel"].dtype == found["last/kernel"].dtype == np.float32


def test_activations_are_unsigned_bytes(quantized: Path) -> None:
    found = weights(quantized)
    zero_points = {name: value for name, value in found.items() if name.endswith("_zero_point") and value.ndim == 0}
    assert len(zero_points) >= 5
    assert {str(value.dtype) for value in zero_points.values()} == {"uint8"}


def test_eight_bits_span_the_mean_range_of_groups_of_ten_pictures(original: Path, quantized: Path) -> None:
    model = onnx.load(original)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("first"))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    groups = [session.run(["first"], {"pixels": PICTURES[number::20]})[0] for number in range(20)]
    span = np.mean([group.max() - group.min() for group in groups])
    assert weights(quantized)["first_scale"] == pytest.approx(span / 255, rel=1e-5)


def test_nothing_is_computed_in_float_between_two_layers_of_integers_but_the_gelu(quantized: Path) -> None:
    graph = onnx.load(quantized).graph
    operators = [node.op_type for node in graph.node]
    assert "BatchNormalization" not in operators
    assert "Relu" not in operators
    assert operators.count("Gelu") == 2


def test_it_says_of_itself_what_the_original_says_but_for_the_golden_probabilities(original: Path, quantized: Path) -> None:
    (_, before), (_, after) = read(original), read(quantized)
    assert replace(after, golden=before.golden) == before
    assert [golden.picture for golden in after.golden] == [golden.picture for golden in before.golden]
    assert after.golden != before.golden
    assert Model(quantized).check() < 1e-6


def test_the_share_of_equal_answers_is_returned(original: Path, tmp_path: Path) -> None:
    few = PICTURES[:73]
    share = quantize(original, few, tmp_path / "out.onnx")
    answers = [computed_by_others(path, few).argmax(axis=1) for path in (original, tmp_path / "out.onnx")]
    assert share == (answers[0] == answers[1]).mean()
    assert share > 0.9


def test_it_is_an_ordinary_onnx_file_a_quarter_as_large(original: Path, quantized: Path) -> None:
    model = onnx.load(quantized)
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain for opset in model.opset_import} == {""}
    assert sum(w.nbytes for w in weights(quantized).values()) < 0.35 * sum(w.nbytes for w in weights(original).values())


def test_the_same_pictures_give_the_same_file(original: Path, quantized: Path, tmp_path: Path) -> None:
    quantize(original, PICTURES, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == quantized.read_bytes()


def test_nothing_is_printed_or_logged(
    original: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    quantize(original, PICTURES[:10], tmp_path / "out.onnx")
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 10, 12, 3), np.uint8), np.zeros((2, 12, 10, 3)), np.zeros((0, 12, 10, 3), np.uint8), np.zeros(3, np.uint8)],
)
def test_pictures_of_another_kind_are_refused(original: Path, tmp_path: Path, wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"at least one picture, \(n, 12, 10, 3\) uint8; got"):
        quantize(original, wrong, tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())


def test_the_network_cannot_be_had_back_from_integers(quantized: Path, tmp_path: Path) -> None:
    for get_back in (read_network, lambda path: quantize(path, PICTURES, tmp_path / "out.onnx")):
        with pytest.raises(ModelError, match=r"model-int8\.onnx computes in integers: its weights cannot be had back"):
            get_back(quantized)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        quantize(tmp_path / "none.onnx", PICTURES, tmp_path / "out.onnx")
