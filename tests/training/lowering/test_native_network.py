"""The native form beyond what the contract holds for every layer: dropout, precision, freezing, rewriting, reading back."""

import weakref

import numpy as np
import pytest
import torch
from torch.nn import functional

from eyespot.errors import UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_network import frozen_layers, read, variables
from eyespot.models.tutorial import tutorial
from eyespot.network import Layer, Network
from eyespot.training.lowering import NativeNetwork
from eyespot.training.lowering.rewriting import pool_before_relu
from eyespot.training.randomness import Randomness

L = keras.layers


@pytest.fixture(autouse=True)
def _same_weights_every_time():
    keras.utils.set_random_seed(0)


def chain(*layers, shape=(8, 6, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


def native(*layers, **options):
    return NativeNetwork(read(chain(*layers)), **options)


@pytest.fixture(scope="module")
def network() -> Network:
    return read(tutorial((32, 32, 3), 10))


@pytest.fixture(scope="module")
def pixels():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8))


def test_logits_are_what_the_softmax_is_taken_of(network, pixels):
    module = NativeNetwork(network).eval()
    with torch.inference_mode():
        assert module.ends_in_softmax
        torch.testing.assert_close(torch.softmax(module.logits(pixels), -1), module(pixels))


@pytest.mark.parametrize("last", [L.Dense(3, activation="softmax", name="last"), L.Activation("softmax"), L.Softmax()])
def test_every_way_to_end_in_a_softmax_has_logits(last):
    module = native(L.Flatten(), L.Dense(3), last)
    pictures = torch.rand(2, 8, 6, 3)
    torch.testing.assert_close(torch.softmax(module.logits(pictures), -1), module(pictures))


@pytest.mark.parametrize("last", [L.Dense(3, name="last"), L.Softmax(axis=1), L.Activation("log_softmax")])
def test_without_a_softmax_over_the_last_axis_there_are_no_logits(last):
    module = native(L.Reshape((16, 9)), last)
    with pytest.raises(UnsupportedError, match="no logits"):
        module.logits(torch.rand(2, 8, 6, 3))


def test_maps_lie_in_channels_last_memory_throughout(network, pixels):
    module, maps = NativeNetwork(network).train(), []
    for layer in module.native_layers:
        layer.register_forward_hook(lambda _, inputs, output: maps.append(output) if output.ndim == 4 else None)
    module(pixels, randomness=Randomness(0, 0))
    assert len(maps) == 14
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in maps)


def test_an_output_that_no_later_layer_needs_is_let_go(network, pixels):
    module, outputs, alive = NativeNetwork(network).eval(), [], []

    def watch(_, inputs, output):
        outputs.append(weakref.ref(output))
        alive.append(sum(reference() is not None for reference in outputs))

    for layer in module.native_layers:
        layer.register_forward_hook(watch)
    with torch.inference_mode():
        module(pixels)
    assert max(alive) <= 3


def test_weights_read_back_are_those_loaded(network):
    module = NativeNetwork(network)
    random = np.random.default_rng(0)
    weights = {
        layer.name: {name: random.normal(size=w.shape).astype(np.float32) for name, w in layer.weights.items()}
        for layer in network.layers
        if layer.weights
    }
    module.load_weights(weights)
    for layer, own in module.read_weights().items():
        for name, weight in own.items():
            np.testing.assert_array_equal(weight, weights[layer][name])


def test_the_module_has_its_own_copy_of_the_weights(network):
    module = NativeNetwork(network)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert network.by_name["conv1"].weights["kernel"].any()
    assert not module.read_weights()["conv1"]["kernel"].any()


def test_weights_read_back_do_not_change_with_the_module(network):
    module = NativeNetwork(network)
    before = module.read_weights()["dense2"]["bias"]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    assert not before.any()


# Dropout


def test_dropout_zeroes_its_rate_and_keeps_the_mean():
    module = native(L.Dropout(0.25)).train()
    ones = torch.ones(500, 8, 6, 3)
    dropped = module(ones, randomness=Randomness(0, 0))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close(dropped[dropped != 0], torch.full_like(dropped[dropped != 0], 1 / 0.75))


def test_spatial_dropout_drops_whole_channels():
    dropped = native(L.SpatialDropout2D(0.5)).train()(torch.ones(200, 8, 6, 3), randomness=Randomness(0, 0))
    assert torch.equal(dropped.amin((1, 2)), dropped.amax((1, 2)))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_dropout_of_blocks_drops_whole_pictures_or_whole_rows():
    ones = torch.ones(500, 8, 6, 3)
    pictures = native(L.Dropout(0.5, noise_shape=(None, 1, 1, 1))).train()(ones, randomness=Randomness(0, 0))
    assert torch.equal(pictures.amin((1, 2, 3)), pictures.amax((1, 2, 3)))
    assert set(pictures.unique().tolist()) == {0.0, 2.0}
    assert (pictures == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    rows = native(L.Dropout(0.5, noise_shape=(None, 8, 1, 1))).train()(ones, randomness=Randomness(0, 0))
    assert torch.equal(rows.amin((2, 3)), rows.amax((2, 3)))
    assert not torch.equal(rows.amin((1, 2, 3)), rows.amax((1, 2, 3)))


def test_dropout_that_is_described_without_a_noise_shape_as_in_older_files_drops_elements():
    layers = (Layer("x", "InputLayer", {"shape": [8, 6, 3]}, ()), Layer("drop", "Dropout", {"rate": 0.5}, ("x",)))
    dropped = NativeNetwork(Network(layers, "drop")).train()(torch.ones(200, 8, 6, 3), randomness=Randomness(0, 0))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.5, abs=0.01)


def test_dropout_of_everything_leaves_zeros_and_of_nothing_leaves_all():
    ones = torch.ones(2, 8, 6, 3)
    assert not native(L.Dropout(1.0)).train()(ones, randomness=Randomness(0, 0)).any()
    assert torch.equal(native(L.Dropout(0.0)).train()(ones, randomness=Randomness(0, 0)), ones)


def test_dropout_follows_seed_and_step_and_only_in_training(network, pixels):
    module = NativeNetwork(network).train()
    first = module(pixels, randomness=Randomness(1, 2))
    assert torch.equal(module(pixels, randomness=Randomness(1, 2)), first)
    assert not torch.equal(module(pixels, randomness=Randomness(1, 3)), first)
    inference = module.eval()(pixels)
    assert torch.equal(module(pixels, randomness=Randomness(1, 2)), inference)
    assert not torch.equal(inference, first)


def test_two_dropout_layers_draw_apart():
    x = keras.Input((8, 6, 3))
    module = NativeNetwork(read(keras.Model(x, L.Concatenate()([L.Dropout(0.5)(x), L.Dropout(0.5)(x)])))).train()
    left, right = module(torch.ones(4, 8, 6, 3), randomness=Randomness(0, 0)).chunk(2, dim=-1)
    assert (left != right).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_the_rows_of_a_global_batch_are_dropped_the_same_wherever_they_are_computed(network, pixels):
    module = NativeNetwork(network, dtype=torch.float64).train()
    whole = module(pixels, randomness=Randomness(1, 2))
    part = module(pixels[3:], randomness=Randomness(1, 2, first_row=3, global_rows=8))
    torch.testing.assert_close(part, whole[3:])


# Precision


@pytest.mark.usefixtures("keras_in_float64")
def test_float64_agrees_with_keras_in_float64_far_beyond_float32():
    layers = [L.Rescaling(1 / 255), L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D()]
    layers += [L.SeparableConv2D(4, 3, padding="same", activation="gelu"), L.LayerNormalization(), L.Flatten(), L.Dense(5)]
    model = chain(*layers)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 3)).astype(np.float64)
    expected = model(pictures, training=True).detach()
    assert expected.dtype == torch.float64
    module = NativeNetwork(read(model), dtype=torch.float64).train()
    torch.testing.assert_close(module(torch.from_numpy(pictures)), expected, rtol=1e-13, atol=1e-13)


def test_everything_trains_under_bfloat16_autocast():
    x = keras.Input((12, 12, 3))
    y = L.Conv2D(4, 2, strides=2, padding="same")(L.Normalization()(L.Rescaling([0.1, 0.2, 0.3])(x)))
    y = L.PReLU()(L.BatchNormalization()(y))
    y = L.Add()([y, L.SeparableConv2D(4, 3, padding="same", activation="gelu")(L.LayerNormalization()(y))])
    y = L.Concatenate()([L.MaxPooling2D(2, 2, "same")(y), L.AveragePooling2D(2, 2, "same")(y)])
    y = L.SpatialDropout2D(0.1)(L.Multiply()([y, L.GlobalAveragePooling2D(keepdims=True)(y)]))
    y = L.Dropout(0.3)(L.DepthwiseConv2D(3, activation="silu")(L.ZeroPadding2D()(y)))
    network = read(keras.Model(x, L.Dense(3, activation="softmax")(L.Flatten()(y))))
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (16, 12, 12, 3), dtype=np.uint8))
    outputs, gradients = [], []
    for enabled in (False, True):
        module = NativeNetwork(network).train()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits = module.logits(pictures, randomness=Randomness(0, 0))
        assert logits.dtype == torch.float32
        functional.cross_entropy(logits, torch.arange(16) % 3).backward()
        outputs.append(logits.detach())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in module.parameters()]))
    assert functional.cosine_similarity(*outputs).min() > 0.99
    assert functional.cosine_similarity(*gradients, dim=0) > 0.99


# Freezing


def test_frozen_layers_get_no_gradient_and_frozen_statistics_stay():
    model = chain(L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="calm"), L.Flatten(), L.Dense(2, name="dense"))
    model.get_layer("conv").trainable = model.get_layer("calm").trainable = False
    variables(model)["calm"]["moving_mean"].assign([1.0, 2.0, 3.0, 4.0])
    network = read(model)
    module = NativeNetwork(network, frozen=frozen_layers(model)).train()
    pictures = torch.rand(4, 8, 6, 3)
    torch.testing.assert_close(module(pictures), model(pictures, training=True), rtol=1e-5, atol=1e-5)
    assert [name for name, parameter in module.named_parameters() if parameter.requires_grad] == [
        "layers.4.kernel",
        "layers.4.bias",
    ]
    for name, weight in module.read_weights()["calm"].items():
        np.testing.assert_array_equal(weight, network.by_name["calm"].weights[name])


def frozen_front():
    """Frozen layers of every family that whitening or a pretrained start may put first, then two that learn."""
    frozen = [L.Rescaling(1 / 255), L.Conv2D(6, 2, activation="gelu"), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D()]
    model = chain(*frozen, L.Conv2D(4, 2, activation="gelu", name="first"), L.Flatten(), L.Dense(2), shape=(16, 16, 3))
    for layer in frozen:
        layer.trainable = False
    return NativeNetwork(read(model), frozen=frozen_layers(model)).train()


def test_up_to_the_first_layer_that_learns_nothing_is_kept_for_the_backward_pass():
    module, wants = frozen_front(), {}
    for layer in module.native_layers:
        layer.register_forward_hook(lambda layer, _, output: wants.update({layer.layer.name: output.requires_grad}))
    with torch.autocast("cpu", torch.bfloat16):
        module(torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8))
    names = list(wants)
    first = names.index("first")
    assert first > 5
    assert [wants[name] for name in names] == [False] * first + [True] * (len(names) - first)


def test_the_backward_pass_ends_at_the_first_layer_that_learns(record):
    module = frozen_front()
    with torch.autocast("cpu", torch.bfloat16):
        loss = module(torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)).square().sum()
    with record() as recorder:
        loss.backward()
    assert recorder.convolution_gradients == [[False, True, True]]
    assert recorder.count(torch.ops.aten.gelu_backward.default) == 1
    assert recorder.count(torch.ops.aten.native_batch_norm_backward.default) == 0
    assert recorder.count(torch.ops.aten.threshold_backward.default) == 0
    assert recorder.count(torch.ops.aten.max_pool2d_with_indices_backward.default) == 0


def test_batch_normalization_of_a_single_number_has_no_variance():
    model = chain(L.GlobalAveragePooling2D(), L.BatchNormalization(momentum=0.5, name="calm"))
    module = NativeNetwork(read(model)).train()
    pictures = torch.rand(1, 8, 6, 3)
    torch.testing.assert_close(module(pictures), model(pictures, training=True).detach())
    for name, variable in variables(model)["calm"].items():
        np.testing.assert_allclose(module.read_weights()["calm"][name], variable.value.detach(), rtol=1e-6)


# Rewriting


def test_pooling_moves_before_the_relu_and_changes_nothing(network, pixels):
    rewritten = pool_before_relu(network)
    assert [layer.name for layer in rewritten.layers if layer.kind == "MaxPooling2D"] == [
        "pool1/largest",
        "pool2/largest",
        "pool3/largest",
    ]
    assert rewritten.by_name["conv2"].config["activation"] == "linear"
    assert rewritten.by_name["conv1"].config["activation"] == "relu"
    assert rewritten.by_name["pool1"].kind == "Activation"
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 8, 8)).astype(np.float32)).requires_grad_()
    before = functional.max_pool2d(torch.relu(x), 2)
    after = torch.relu(functional.max_pool2d(x, 2))
    assert torch.equal(before, after)
    assert torch.equal(*[torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in (before, after)])


def test_a_pooling_that_is_the_output_is_still_rectified():
    module = native(L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D())
    assert (module(torch.rand(2, 8, 6, 3)) >= 0).all()


def test_a_relu_that_is_the_output_of_another_branch_stays_where_it_is():
    x = keras.Input((8, 6, 3))
    y = L.ReLU(name="relu")(x)
    network = read(keras.Model(x, L.Add()([y, L.MaxPooling2D(3, 1, "same")(y)])))
    assert pool_before_relu(network) == network


@pytest.mark.parametrize("layer", [L.ReLU(6.0), L.ReLU(negative_slope=0.1), L.LeakyReLU(), L.Activation("gelu")])
def test_only_a_plain_relu_changes_places(layer):
    network = read(chain(layer, L.MaxPooling2D()))
    assert pool_before_relu(network) == network
