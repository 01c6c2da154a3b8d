"""The kernel's gradient by one matrix product: the same gradients as torch's own convolution, only where it was chosen."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from eyespot.models.backend import keras
from eyespot.models.keras_network import frozen_layers, read
from eyespot.network import Window
from eyespot.training.lowering import NativeNetwork, weight_gradient
from eyespot.training.lowering.weight_gradient import convolve, is_faster_as_product

L = keras.layers

# (n, in, height, width), (out, kernel height, kernel width), padding
GEOMETRIES = {
    "same": ((3, 4, 3, 3), (5, 3, 3), (1, 1)),
    "oblong map": ((2, 3, 2, 5), (4, 3, 3), (1, 1)),
    "valid": ((3, 4, 6, 5), (2, 3, 3), (0, 0)),
    "even kernel": ((3, 4, 4, 3), (2, 2, 2), (0, 0)),
    "one pixel": ((3, 4, 4, 4), (2, 1, 1), (0, 0)),
    "oblong kernel": ((2, 3, 4, 3), (4, 1, 3), (0, 1)),
    "the whole map": ((2, 3, 4, 3), (4, 4, 3), (0, 0)),
}
every_geometry = pytest.mark.parametrize(("shape", "kernel", "padding"), GEOMETRIES.values(), ids=list(GEOMETRIES))
everywhere = pytest.mark.parametrize(
    "memory", [torch.channels_last, torch.contiguous_format], ids=["channels last", "contiguous"]
)


def arguments(shape, kernel, memory=torch.channels_last, dtype=torch.float64) -> list[Tensor]:
    """Random input, kernel and bias, each of which wants a gradient."""
    generator = torch.Generator().manual_seed(0)
    outputs, *size = kernel
    shapes = (shape, (outputs, shape[1], *size), (outputs,))
    x, weights, bias = (torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes)
    return [a.requires_grad_() for a in (x.contiguous(memory_format=memory), weights.contiguous(memory_format=memory), bias)]


def gradients(function: Callable[..., Tensor], given: list[Tensor], padding: tuple[int, int]) -> list[Tensor]:
    output = function(*given, padding=padding)
    random = torch.randn(output.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return list(torch.autograd.grad((output.double() * random).sum(), given))


@everywhere
@every_geometry
def test_the_gradients_are_those_of_torchs_own_convolution(shape, kernel, padding, memory):
    given = arguments(shape, kernel, memory)
    torch.testing.assert_close(convolve(*given, padding), functional.conv2d(*given, padding=padding))
    for own, reference in zip(*(gradients(f, given, padding) for f in (convolve, functional.conv2d)), strict=True):
        torch.testing.assert_close(own, reference, rtol=1e-12, atol=1e-12)


@every_geometry
def test_the_gradients_are_the_slopes(shape, kernel, padding):
    assert torch.autograd.gradcheck(lambda *given: convolve(*given, padding), arguments(shape, kernel))


def test_a_gradient_that_is_one_number_everywhere_is_understood():
    x, kernel, bias = arguments((3, 4, 3, 3), (5, 3, 3))
    (own,) = torch.autograd.grad(convolve(x, kernel, bias, (1, 1)).sum(), kernel)
    (reference,) = torch.autograd.grad(functional.conv2d(x, kernel, bias, padding=1).sum(), kernel)
    torch.testing.assert_close(own, reference)


@pytest.mark.parametrize("wanted", [(0, 1), (1,), (1, 2), (0,), (2,)], ids=str)
def test_only_the_gradients_that_are_wanted_are_computed(wanted, record):
    given = [a.requires_grad_(number in wanted) for number, a in enumerate(arguments((3, 4, 3, 3), (5, 3, 3)))]
    with record() as recorder:
        convolve(*given, (1, 1)).sum().backward()
    assert [a.grad is not None for a in given] == [number in wanted for number in range(3)]
    assert recorder.convolution_gradients == ([[True, False, False]] if 0 in wanted else [])
    assert recorder.count(torch.ops.aten.mm.default) == (1 in wanted)
    assert recorder.count(torch.ops.aten.sum.dim_IntList) == (2 in wanted)


def test_without_bias():
    x, kernel, _ = arguments((3, 4, 3, 3), (5, 3, 3))
    torch.testing.assert_close(convolve(x, kernel, None, (1, 1)), functional.conv2d(x, kernel, padding=1))


def test_under_autocast_master_weights_get_gradients_of_their_own_type_as_exact_as_torchs():
    given = arguments((64, 16, 3, 3), (32, 3, 3), dtype=torch.float32)
    exact = gradients(functional.conv2d, [a.detach().double().requires_grad_() for a in given], (1, 1))
    with torch.autocast("cpu", torch.bfloat16):
        assert convolve(*given, (1, 1)).dtype == torch.bfloat16
        own, torchs = (gradients(function, given, (1, 1)) for function in (convolve, functional.conv2d))
    for a, b, reference in zip(own, torchs, exact, strict=True):
        assert a.dtype == torch.float32
        deviation, usual = ((gradient - reference).norm() / reference.norm() for gradient in (a, b))
        assert deviation < 0.01
        assert deviation < 1.5 * usual


def test_autocast_leaves_float64_as_it_is():
    with torch.autocast("cpu", torch.bfloat16):
        assert convolve(*arguments((3, 4, 3, 3), (5, 3, 3)), (1, 1)).dtype == torch.float64


def test_it_is_chosen_for_few_positions_of_a_plain_convolution_on_the_processor():
    window, shape, x = Window((3, 3), (1, 1), padding="same"), (4, 4, 8), torch.empty(1)
    assert is_faster_as_product(window, shape, 1, x)
    assert is_faster_as_product(window, (2, 8, 8), 1, x)
    assert is_faster_as_product(replace(window, padding="valid"), (6, 6, 8), 1, x)
    assert not is_faster_as_product(replace(window, padding="valid"), (7, 6, 8), 1, x)
    assert not is_faster_as_product(window, (4, 5, 8), 1, x)
    assert not is_faster_as_product(window, shape, 2, x)
    assert not is_faster_as_product(window, shape, 1, torch.empty(1, device="meta"))
    assert not is_faster_as_product(replace(window, stride=(1, 2)), shape, 1, x)
    assert not is_faster_as_product(replace(window, dilation=(2, 1)), shape, 1, x)
    assert not is_faster_as_product(replace(window, size=(5, 5)), shape, 1, x)


def test_in_bfloat16_it_is_chosen_for_larger_maps_too_where_channels_are_many():
    window, x = Window((3, 3), (1, 1), padding="same"), torch.empty(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert is_faster_as_product(window, (8, 8, 128), 1, x)
        assert not is_faster_as_product(window, (8, 9, 128), 1, x)
        assert not is_faster_as_product(window, (8, 8, 64), 1, x)
        assert not is_faster_as_product(window, (8, 8, 128), 1, x.double())
    assert is_faster_as_product(window, (8, 8, 128), 1, x.bfloat16())
    assert not is_faster_as_product(window, (8, 8, 128), 1, x)


def test_many_pictures_are_gone_through_in_pieces_with_the_same_gradient(monkeypatch, record):
    given = arguments((7, 4, 3, 3), (5, 3, 3))
    monkeypatch.setattr(weight_gradient, "_MOST_BYTES", 2 * 9 * 36 * 8)  # two pictures of nine positions
    with record() as recorder:
        own = gradients(convolve, given, (1, 1))
    assert recorder.count(torch.ops.aten.mm.default) == 4
    for gradient, reference in zip(own, gradients(functional.conv2d, given, (1, 1)), strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-12, atol=1e-12)


def small_and_large(*, frozen=()):
    """A network of two convolutions over 4 x 4 positions after one over 8 x 8."""
    names = ("large", "small", "smaller")
    layers = [L.Conv2D(4, 3, padding="same", name=name, trainable=name not in frozen) for name in names]
    return keras.Sequential([keras.Input((8, 8, 3)), layers[0], L.MaxPooling2D(), *layers[1:], L.GlobalMaxPooling2D()])


@pytest.fixture
def recorded_step(record):
    """What torch carries out in one step of a Keras model's native form."""

    def step(model):
        module = NativeNetwork(read(model), frozen=frozen_layers(model)).train()
        with record() as recorder:
            module(torch.rand(2, 8, 8, 3)).sum().backward()
        return recorder

    return step


def test_a_network_multiplies_where_its_map_is_small_and_convolves_where_it_is_large(recorded_step):
    recorder = recorded_step(small_and_large())
    assert recorder.count(torch.ops.aten.mm.default) == 2
    assert recorder.convolution_gradients == [[True, False, False], [True, False, False], [False, True, True]]


def test_a_frozen_small_convolution_hands_on_the_gradient_and_no_more(recorded_step):
    recorder = recorded_step(small_and_large(frozen=["small"]))
    assert recorder.count(torch.ops.aten.mm.default) == 1
    assert recorder.convolution_gradients == [[True, False, False], [True, False, False], [False, True, True]]


def test_the_first_small_convolution_behind_frozen_layers_computes_no_gradient_of_its_input(recorded_step):
    recorder = recorded_step(small_and_large(frozen=["large"]))
    assert recorder.count(torch.ops.aten.mm.default) == 2
    assert recorder.convolution_gradients == [[True, False, False]]
