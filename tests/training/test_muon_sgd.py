"""What is MuonSGD's own in the engine; that it steps as its Keras class does is in test_optimizers and test_fitting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import UnsupportedError
from eyespot.models.backend import keras
from eyespot.recipes.muon_sgd import MuonSGD
from eyespot.training import fit
from eyespot.training.optimizers import NamedParameter, muon_sgd, translate, translation

PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64}


def network() -> Any:
    """Every group, and every layout in which the engine holds a weight."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 9, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 3, padding="same"),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.BatchNormalization(),
            layers.PReLU(),
            layers.SeparableConv2D(5, 2, depth_multiplier=2),
            layers.Conv2D(16, 1),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(4),
            layers.Softmax(),
        ]
    )


def compiled() -> Any:
    model = network()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.05, 10, 0.0)
    model.compile(
        MuonSGD(schedule, vector_ratio=2.0, matrix_ratio=1.0, shrinkage_ratio=0.1), loss="sparse_categorical_crossentropy"
    )
    return model


def pictures(n: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (n, 9, 9, 3), np.uint8), random.integers(0, 4, n)


@pytest.mark.usefixtures("keras_in_float64")
def test_every_kind_of_weight_is_trained_as_stock_fit_trains_it() -> None:
    x, y = pictures(40)
    stock, native = compiled(), compiled()
    begin = native.get_weights()
    stock.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    fit(native, x, y, batch_size=8, shuffle=False, verbose=0)
    for ours, theirs, before in zip(native.get_weights(), stock.get_weights(), begin, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
        assert not np.array_equal(ours, before)


def kernel_and_bias() -> list[NamedParameter]:
    values = [np.random.default_rng(0).normal(size=size).astype(np.float32) for size in ((3, 3, 24, 16), 16)]
    variables = [keras.Variable(value, name="weight") for value in values]
    kernel = torch.tensor(values[0]).permute(3, 2, 0, 1).to(memory_format=torch.channels_last, copy=True)
    return [
        NamedParameter(
            torch.nn.Parameter(kernel), variables[0], lambda x: x.permute(2, 3, 1, 0), lambda x: x.permute(3, 2, 0, 1)
        ),
        NamedParameter(torch.nn.Parameter(torch.tensor(values[1])), variables[1]),
    ]


def steps(autocast: torch.dtype | None) -> list[np.ndarray]:
    """By how much one step changes the two weights."""
    parameters = kernel_and_bias()
    before = [parameter.tensor.detach().clone() for parameter in parameters]
    optimizer = translate(MuonSGD(1.0, vector_ratio=1.0, matrix_ratio=1.0, normalize=False), parameters, autocast)
    generator = torch.Generator().manual_seed(0)
    for parameter in parameters:
        parameter.tensor.grad = torch.randn(parameter.tensor.shape, generator=generator)
    optimizer.step()
    return [(p.tensor.detach() - old).numpy() for p, old in zip(parameters, before, strict=True)]


def test_only_the_orthogonalization_is_in_bfloat16_and_only_on_a_device_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = steps(None)
    monkeypatch.setattr(translation, "computes_in_bfloat16", lambda device: False)
    for one, other in zip(steps(torch.bfloat16), exact, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.setattr(translation, "computes_in_bfloat16", lambda device: True)
    kernel, bias = steps(torch.bfloat16)
    np.testing.assert_array_equal(bias, exact[1])
    error = np.linalg.norm(kernel - exact[0]) / np.linalg.norm(exact[0])
    assert 1e-4 < error < 2e-2  # bfloat16 has 8 bits


@pytest.mark.parametrize("precision", PRECISIONS)
def test_fit_has_it_orthogonalize_in_the_precision_of_the_training(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    types = set()
    newton_schulz = muon_sgd.newton_schulz

    def watched(matrix: torch.Tensor, *arguments: Any) -> torch.Tensor:
        types.add(matrix.dtype)
        return newton_schulz(matrix, *arguments)

    monkeypatch.setattr(muon_sgd, "newton_schulz", watched)
    monkeypatch.setattr(translation, "computes_in_bfloat16", lambda device: True)
    fit(compiled(), *pictures(8), batch_size=8, verbose=0, precision=precision)
    assert types == {PRECISIONS[precision]}


def test_the_kernel_is_orthogonalized_where_it_lies() -> None:
    kernel = torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last)
    rows: list[int] = []

    def watched(matrix: torch.Tensor, *arguments: Any) -> torch.Tensor:
        rows.append(matrix.data_ptr())
        return matrix

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(muon_sgd, "newton_schulz", watched)
        result = muon_sgd._orthogonalized(kernel, 3, None)
    assert rows == [kernel.data_ptr()] == [result.data_ptr()]
    torch.testing.assert_close(result, kernel, rtol=0, atol=0)


class OtherMuonSGD(MuonSGD):  # type: ignore[misc]
    pass


IMPOSTOR = type("MuonSGD", (keras.optimizers.SGD,), {})


@pytest.mark.parametrize("make", [OtherMuonSGD, IMPOSTOR])
def test_only_the_class_itself_is_known(make: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"MuonSGD \(defined in .*test_muon_sgd.*eyespot's MuonSGD"):
        translate(make(0.1), kernel_and_bias())
