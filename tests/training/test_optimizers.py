"""The native optimizers step as Keras' own do, take up their state and hand it back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.recipes.muon_sgd import MuonSGD
from eyespot.training.optimizers import NamedParameter, NativeOptimizer, translate

STEPS = 15
IN_FLOAT32 = pytest.mark.parametrize("precision", ["float32"], indirect=True)


def set_precision(name: str) -> None:
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)


@pytest.fixture(autouse=True)
def precision(request: pytest.FixtureRequest) -> Iterator[None]:
    """What Keras makes weights and rates in: float64, except where a test asks for float32."""
    set_precision(getattr(request, "param", "float64"))
    yield
    set_precision("float32")


def build_model() -> Any:
    """A convolution, a high and a wide matrix, biases: every shape that an optimizer may treat in its own way."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            layers.Conv2D(3, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(7, name="hidden"),
            layers.Dense(11, name="answer"),
        ]
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def native_parameters(model: Any) -> list[NamedParameter]:
    """Own copies of the weights in torch's layouts: convolution kernels OIHW in channels_last memory, matrices transposed."""
    return [native_parameter(variable) for variable in model.trainable_variables]


def native_parameter(variable: Any) -> NamedParameter:
    value = torch.tensor(variable.numpy())
    if value.ndim == 4:
        tensor = value.permute(3, 2, 0, 1).to(memory_format=torch.channels_last, copy=True)
        return NamedParameter(
            torch.nn.Parameter(tensor), variable, lambda x: x.permute(2, 3, 1, 0), lambda x: x.permute(3, 2, 0, 1)
        )
    if value.ndim == 2:
        return NamedParameter(torch.nn.Parameter(value.T.contiguous()), variable, lambda x: x.T, lambda x: x.T)
    return NamedParameter(torch.nn.Parameter(value), variable)


def gradient(weight: torch.Tensor, step: int, number: int) -> torch.Tensor:
    """A gradient that depends on the weight, so that errors would grow, and on the step; of very different sizes."""
    noise = np.random.default_rng([step, number]).normal(size=tuple(weight.shape)) * 10.0 ** (number - 2)
    return 0.3 * weight + torch.tensor(noise, dtype=weight.dtype)


def run_keras(optimizer: Any, model: Any, steps: range) -> None:
    for step in steps:
        weights = [variable.value.detach() for variable in model.trainable_variables]
        optimizer.apply([gradient(w, step, i) for i, w in enumerate(weights)], model.trainable_variables)


def run_native(optimizer: NativeOptimizer, parameters: list[NamedParameter], steps: range) -> None:
    for step in steps:
        for number, parameter in enumerate(parameters):
            keras_gradient = gradient(parameter.to_keras(parameter.tensor.detach()), step, number)
            parameter.tensor.grad = torch.empty_like(parameter.tensor).copy_(parameter.from_keras(keras_gradient))
        optimizer.step()


def keras_weights(model: Any) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def native_weights(parameters: list[NamedParameter]) -> list[np.ndarray]:
    return [parameter.to_keras(parameter.tensor.detach()).numpy().copy() for parameter in parameters]


def assert_equal(actual: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def schedule() -> Any:
    return keras.optimizers.schedules.InverseTimeDecay(1e-2, 1, 0.1)


RATIOS = {"vector_ratio": 3.0, "matrix_ratio": 5.0, "shrinkage_ratio": 0.05}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"nesterov": True},
        {"momentum": 0.9, "weight_decay": 0.5},
    ],
    "Adam": [
        {},
        {"amsgrad": True},
        {"beta_1": 0.7, "beta_2": 0.8, "epsilon": 0.1},
        {"weight_decay": 0.5, "amsgrad": True},
    ],
    "AdamW": [{}, {"weight_decay": 0.5}],
    "RMSprop": [
        {},
        {"rho": 0.5, "epsilon": 0.1},
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.5},
    ],
    "Muon": [
        {},
        {"exclude_layers": ["answer"]},
        {"nesterov": False, "rms_rate": None},
        {"ns_steps": 3, "momentum": 0.8, "rms_rate": 0.5},
        {"weight_decay": 0.5, "adam_weight_decay": None},
        {"weight_decay": None, "adam_weight_decay": 0.5, "adam_lr_ratio": 0.1},
        {"adam_beta_1": 0.7, "adam_beta_2": 0.8, "epsilon": 0.1},
    ],
    "MuonSGD": [
        RATIOS,
        RATIOS | {"shrinkage_ratio": 0.0, "sgd_momentum": 0.0},
        RATIOS | {"momentum": 0.0, "ns_steps": 5},
        RATIOS | {"normalize": False, "shrinkage_ratio": 0.5},
        {"vector_ratio": 0.5, "matrix_ratio": 0.5},
    ],
}
ALL = [(name, options) for name, several in OPTIONS.items() for options in several]
KINDS = [
    ("SGD", {"momentum": 0.9}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Muon", {"exclude_layers": ["answer"]}),
    ("MuonSGD", RATIOS),
]
CLIPPING = [{"clipnorm": 0.5}, {"clipvalue": 0.05}, {"global_clipnorm": 0.5}, {"clipnorm": 1e9}, {"global_clipnorm": 1e9}]


def maker(name: str) -> Any:
    return MuonSGD if name == "MuonSGD" else getattr(keras.optimizers, name)


def assert_steps_as_keras(name: str, options: dict[str, Any], tolerance: float, **rate: Any) -> None:
    make = maker(name)
    rate = rate or {"learning_rate": 1e-2}
    model, stock = build_model(), make(**rate, **options)
    parameters = native_parameters(model)
    native = translate(make(**rate, **options), parameters)
    before = native_weights(parameters)
    run_keras(stock, model, range(STEPS))
    run_native(native, parameters, range(STEPS))
    assert_equal(native_weights(parameters), keras_weights(model), tolerance)
    for old, new in zip(before, native_weights(parameters), strict=True):
        assert np.abs(old - new).max() > 1e-5


@pytest.mark.parametrize(("name", "options"), ALL)
def test_steps_as_keras_does_in_float64(name: str, options: dict[str, Any]) -> None:
    assert_steps_as_keras(name, options, 1e-12, learning_rate=schedule())


@pytest.mark.parametrize(("name", "options"), KINDS)
@pytest.mark.parametrize("clipping", CLIPPING)
def test_clips_gradients_as_keras_does(name: str, options: dict[str, Any], clipping: dict[str, float]) -> None:
    assert_steps_as_keras(name, options | clipping, 1e-11)


@pytest.mark.parametrize("clipping", CLIPPING)
@pytest.mark.parametrize("value", [0.0, np.inf, np.nan])
def test_gradients_that_are_zero_or_not_finite_end_as_in_keras(clipping: dict[str, float], value: float) -> None:
    model = build_model()
    parameters = native_parameters(model)
    native = translate(keras.optimizers.SGD(1e-2, **clipping), parameters)
    gradients = [torch.zeros(tuple(variable.shape), dtype=torch.float64) for variable in model.trainable_variables]
    gradients[2][0, 0] = value
    for parameter, keras_gradient in zip(parameters, gradients, strict=True):
        parameter.tensor.grad = parameter.from_keras(keras_gradient).clone()
    native.step()
    keras.optimizers.SGD(1e-2, **clipping).apply(gradients, model.trainable_variables)
    for one, other in zip(native_weights(parameters), keras_weights(model), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("name", "options"), [*KINDS, *((name, options | {"clipnorm": 0.5}) for name, options in KINDS)])
def test_steps_as_keras_does_where_it_keeps_to_float64(name: str, options: dict[str, Any], monkeypatch: Any) -> None:
    # Keras on torch takes maxima and norms of float64 in float32; on TensorFlow this table keeps float64.
    monkeypatch.setitem(keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    assert_steps_as_keras(name, options, 1e-12)


@IN_FLOAT32
@pytest.mark.parametrize(("name", "options"), KINDS)
def test_steps_as_keras_does_in_float32(name: str, options: dict[str, Any]) -> None:
    assert_steps_as_keras(name, options, 2e-4)


@pytest.mark.parametrize(
    "make_rate",
    [
        lambda: keras.optimizers.schedules.InverseTimeDecay(1e-2, 2, 0.1, staircase=True),
        lambda: keras.optimizers.schedules.CosineDecay(1e-3, 10, warmup_target=1e-2, warmup_steps=5),
        lambda: keras.optimizers.schedules.PiecewiseConstantDecay([3, 6], [1e-2, 1e-3, 1e-4]),
        lambda: lambda: 0.003,
        lambda: 0.003,
    ],
)
def test_takes_any_learning_rate_that_keras_takes(make_rate: Any) -> None:
    assert_steps_as_keras("Adam", {"weight_decay": 0.5}, 1e-12, learning_rate=make_rate())


@IN_FLOAT32
def test_a_schedule_is_evaluated_by_keras_in_its_own_precision() -> None:
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.InverseTimeDecay(1e-4, 1, 1e-6))
    native = translate(optimizer, native_parameters(build_model()))
    optimizer.iterations.assign(12345)
    assert native.learning_rate.dtype == np.float32
    assert float(native.learning_rate) == pytest.approx(1e-4 / (1 + 1e-6 * 12345), rel=1e-6)


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_weights_named_by_exclude_from_weight_decay_do_not_shrink(name: str, options: dict[str, Any]) -> None:
    model = build_model()
    make = maker(name)
    decay = "shrinkage_ratio" if name == "MuonSGD" else "weight_decay"
    optimizers = [make(1e-2, **options | {decay: 0.5}) for _ in range(2)]
    for optimizer in optimizers:
        optimizer.exclude_from_weight_decay(var_list=[model.trainable_variables[2]], var_names=["bias"])
    parameters = native_parameters(model)
    native = translate(optimizers[0], parameters)
    run_keras(optimizers[1], model, range(STEPS))
    run_native(native, parameters, range(STEPS))
    assert_equal(native_weights(parameters), keras_weights(model), 1e-12)


def test_a_rate_that_a_callback_assigns_counts_from_the_next_step() -> None:
    model = build_model()
    stock, optimizer = keras.optimizers.SGD(1e-2, momentum=0.9), keras.optimizers.SGD(1e-2, momentum=0.9)
    parameters = native_parameters(model)
    native = translate(optimizer, parameters)
    run_keras(stock, model, range(5))
    run_native(native, parameters, range(5))
    stock.learning_rate = optimizer.learning_rate = 1e-3
    run_keras(stock, model, range(5, 10))
    run_native(native, parameters, range(5, 10))
    assert_equal(native_weights(parameters), keras_weights(model), 1e-12)


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_stock_and_native_training_take_turns(name: str, options: dict[str, Any]) -> None:
    make = maker(name)
    reference, model = build_model(), build_model()
    stock, shared = make(schedule(), **options), make(schedule(), **options)
    run_keras(stock, reference, range(15))

    run_keras(shared, model, range(5))
    parameters = native_parameters(model)
    native = translate(shared, parameters)
    assert native.iterations == 5
    run_native(native, parameters, range(5, 10))
    native.write_back()
    model.set_weights(native_weights(parameters))
    run_keras(shared, model, range(10, 15))

    assert_equal(keras_weights(model), keras_weights(reference), 1e-12)
    assert_equal([v.numpy() for v in shared.variables], [v.numpy() for v in stock.variables], 1e-12)


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_a_loaded_state_goes_on_to_the_bit(name: str, options: dict[str, Any]) -> None:
    make = maker(name)
    parameters = native_parameters(build_model())
    first = translate(make(1e-2, **options), parameters)
    run_native(first, parameters, range(5))
    state, weights = first.state(), native_weights(parameters)
    run_native(first, parameters, range(5, 10))

    model = build_model()
    model.set_weights(weights)
    resumed_parameters = native_parameters(model)
    resumed = translate(make(0.5, **options), resumed_parameters)
    resumed.load_state(state)
    run_native(resumed, resumed_parameters, range(5, 10))

    assert resumed.iterations == 10
    for one, other in pairwise([native_weights(parameters), native_weights(resumed_parameters)]):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_state_of_another_optimizer_is_refused() -> None:
    state = translate(keras.optimizers.SGD(1e-2, momentum=0.9), native_parameters(build_model())).state()
    adam = translate(keras.optimizers.Adam(1e-2), native_parameters(build_model()))
    with pytest.raises(InputError, match=r"another optimizer or network.*momentum.*velocity"):
        adam.load_state(state)


def test_the_keras_optimizer_counts_the_native_steps() -> None:
    optimizer = keras.optimizers.SGD(1e-2)
    parameters = native_parameters(build_model())
    run_native(translate(optimizer, parameters), parameters, range(3))
    assert int(optimizer.iterations.numpy()) == 3


def test_an_optimizer_not_built_yet_is_built_for_the_weights_in_their_order() -> None:
    model, optimizer = build_model(), keras.optimizers.Adam(1e-2)
    translate(optimizer, native_parameters(model))
    expected = keras.optimizers.Adam(1e-2)
    expected.build(model.trainable_variables)
    assert [v.name for v in optimizer.variables] == [v.name for v in expected.variables]


@IN_FLOAT32
def test_float64_weights_take_up_a_float32_state() -> None:
    model, optimizer = build_model(), keras.optimizers.Adam(1e-2)
    run_keras(optimizer, model, range(5))
    parameters = [
        NamedParameter(torch.nn.Parameter(p.tensor.detach().double()), p.variable, p.to_keras, p.from_keras)
        for p in native_parameters(model)
    ]
    native = translate(optimizer, parameters)
    run_keras(optimizer, model, range(5, 10))
    run_native(native, parameters, range(5, 10))
    assert_equal(native_weights(parameters), keras_weights(model), 1e-5)
    native.write_back()
    assert {v.dtype for v in optimizer.variables[2:]} == {"float32"}


def test_a_gradient_that_lies_otherwise_in_memory_than_its_weight_is_put_in_order() -> None:
    results = []
    for memory_format in (torch.channels_last, torch.contiguous_format):
        parameters = native_parameters(build_model())[:1]
        kernel = parameters[0].tensor
        native = translate(keras.optimizers.Adam(1e-2), parameters)
        generator = torch.Generator().manual_seed(0)
        values = torch.randn(kernel.shape, generator=generator, dtype=torch.float64)
        kernel.grad = values.to(memory_format=memory_format)
        native.step()
        results.append(native_weights(parameters))
    assert_equal(results[0], results[1], 0)


def test_a_weight_without_gradient_stays_as_it_is() -> None:
    parameters = native_parameters(build_model())
    before = native_weights(parameters)
    native = translate(keras.optimizers.AdamW(1e-2, weight_decay=0.5), parameters)
    run_native(native, parameters[:2], range(1))
    native.zero_grad()
    assert all(parameter.tensor.grad is None for parameter in parameters)
    assert_equal(native_weights(parameters)[2:], before[2:], 0)
    assert not np.array_equal(native_weights(parameters)[0], before[0])


class MyAdam(keras.optimizers.Adam):  # type: ignore[misc]
    pass


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: keras.optimizers.Nadam(1e-2), "Nadam"),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2)), "LossScaleOptimizer"),
        (lambda: MyAdam(1e-2), r"MyAdam \(defined in .*test_optimizers"),
        (lambda: keras.optimizers.Adam(1e-2, use_ema=True), "use_ema=True"),
        (lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2), "gradient_accumulation_steps=2"),
        (lambda: keras.optimizers.Adam(1e-2, loss_scale_factor=8.0), "loss_scale_factor=8.0"),
        (lambda: object(), "object"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_by_name(make: Any, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        translate(make(), native_parameters(build_model()))


def test_a_constraint_is_refused_by_the_name_of_its_weight() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="hidden", kernel_constraint="non_neg")])
    with pytest.raises(UnsupportedError, match="hidden/kernel"):
        translate(keras.optimizers.SGD(1e-2), native_parameters(model))


def test_an_optimizer_of_another_model_is_refused() -> None:
    optimizer = keras.optimizers.SGD(1e-2)
    optimizer.build(build_model().trainable_variables)
    with pytest.raises(InputError, match=r"other weights than .*conv/kernel"):
        translate(optimizer, native_parameters(build_model()))


def test_a_model_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(InputError, match="no trainable weights"):
        translate(keras.optimizers.SGD(1e-2), [])
