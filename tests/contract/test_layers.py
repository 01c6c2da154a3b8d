"""Every kind of layer, in every view of a network, against Keras itself: one table, held to one contract."""

import json
from functools import cache, cached_property

import numpy as np
import onnxruntime
import pytest
import torch

from eyespot.bundle.graph import EMITTERS, from_onnx, to_onnx
from eyespot.bundle.nodes_activation import ACTIVATIONS as ONNX_ACTIVATIONS
from eyespot.explanation.layers import FORMULAS
from eyespot.models.backend import keras
from eyespot.models.keras_network import build, layer_class, read, variables
from eyespot.network import ACTIVATIONS, KINDS, Network, to_keras
from eyespot.training.lowering import NativeNetwork
from eyespot.training.lowering.activation import ACTIVATIONS as TORCH_ACTIVATIONS
from eyespot.training.lowering.native_network import LOWERINGS

L = keras.layers
SHAPE = (9, 7, 4)


def chain(*layers, shape=SHAPE):
    """A Sequential model that takes pixels 0-255 and hands the layers numbers from -2 to 2."""
    return keras.Sequential([keras.Input(shape), L.Rescaling(1 / 64, -2.0), *layers])


def drop_blocks(*noise_shape):
    return L.Dropout(0.3, noise_shape=noise_shape)


def branches(merge, *makers, after=()):
    """A functional model: several branches from one input, merged."""
    pixels = keras.Input(SHAPE)
    x = L.Rescaling(1 / 64, -2.0)(pixels)
    y = merge([maker(x) for maker in makers])
    for layer in after:
        y = layer(y)
    return keras.Model(pixels, y)


def nested():
    inner = keras.Sequential([keras.Input((7, 5, 3)), L.Conv2D(3, 3, padding="same", name="conv"), L.ReLU()], name="inner")
    pixels = keras.Input(SHAPE)
    x = L.Conv2D(3, 3, name="conv")(L.Rescaling(1 / 64, -2.0)(pixels))
    middle_in = keras.Input((7, 5, 3))
    middle = keras.Model(middle_in, L.Add()([middle_in, inner(middle_in)]), name="middle")
    return keras.Model(pixels, L.Dense(2, activation="softmax")(L.GlobalAveragePooling2D()(middle(x))))


def squeeze_and_excite():
    pixels = keras.Input(SHAPE)
    x = L.Rescaling(1 / 64, -2.0)(pixels)
    gate = L.Dense(4, activation="sigmoid")(L.Dense(2, activation="relu")(L.GlobalAveragePooling2D()(x)))
    return keras.Model(pixels, L.Multiply()([x, gate]))


def operators():
    pixels = keras.Input(SHAPE)
    x = L.Rescaling(1 / 64, -2.0)(pixels)
    gate = 0.5 * L.ReLU(6.0)(L.GlobalMaxPooling2D(keepdims=True)(x) + 3)
    return keras.Model(pixels, L.Conv2D(4, 1)(x) * gate + x * (1 / 6))


def shared_relu():
    pixels = keras.Input(SHAPE)
    x = L.ReLU()(L.Rescaling(1 / 64, -2.0)(pixels))
    return keras.Model(pixels, L.Add()([x, L.MaxPooling2D(2, 1, "same")(x)]))


def convolution(**options):
    return lambda: chain(L.Conv2D(6, **{"kernel_size": 3, **options}))


def depthwise(**options):
    return lambda: chain(L.DepthwiseConv2D(**{"kernel_size": 3, **options}))


def separable(**options):
    return lambda: chain(L.SeparableConv2D(5, **{"kernel_size": 3, **options}))


def activation(name):
    return lambda: chain(L.Activation(name), L.Dense(3, activation=name), L.Conv2D(3, 1, activation=name))


def one(layer, **options):
    return lambda: chain(layer(**options))


CASES = {
    "convolution": convolution(),
    "convolution without bias, same": convolution(use_bias=False, padding="same"),
    "convolution, strides": convolution(strides=(2, 3)),
    "convolution, strides, same": convolution(strides=2, padding="same"),
    "convolution, strides, same, even": convolution(kernel_size=(4, 2), strides=(3, 2), padding="same"),
    "convolution, even, same": convolution(kernel_size=2, padding="same"),
    "convolution, oblong": convolution(kernel_size=(1, 5), padding="same"),
    "convolution, dilated": convolution(dilation_rate=(2, 3)),
    "convolution, dilated, same": convolution(dilation_rate=2, padding="same"),
    "convolution, dilated, even, same": convolution(kernel_size=2, dilation_rate=3, padding="same"),
    "convolution, groups": convolution(groups=2, padding="same"),
    "convolution, stride beyond the kernel": convolution(kernel_size=1, strides=3, padding="same"),
    "convolution of a small map": lambda: chain(L.Conv2D(6, 3), L.Conv2D(3, 2), shape=(5, 6, 4)),
    "convolution of a small map, same": lambda: chain(L.Conv2D(6, 3, padding="same", activation="gelu"), shape=(3, 4, 4)),
    "convolution of a small map, even, same": lambda: chain(L.Conv2D(6, (2, 4), padding="same"), shape=(4, 3, 4)),
    "convolution of a small map, one pixel": lambda: chain(L.Conv2D(6, 1, use_bias=False), shape=(4, 4, 4)),
    "depthwise": depthwise(),
    "depthwise, multiplier, same": depthwise(depth_multiplier=3, padding="same", activation="relu"),
    "depthwise, strides, same, even": depthwise(kernel_size=4, strides=2, padding="same", use_bias=False),
    "depthwise, dilated": depthwise(dilation_rate=2, depth_multiplier=2),
    "separable": separable(),
    "separable, multiplier, same": separable(depth_multiplier=2, padding="same", activation="relu"),
    "separable, strides, same, even": separable(kernel_size=2, strides=2, padding="same", use_bias=False),
    "separable, dilated": separable(dilation_rate=2),
    "max pooling": one(L.MaxPooling2D),
    "max pooling, overlapping": one(L.MaxPooling2D, pool_size=3, strides=2),
    "max pooling, overlapping, same": one(L.MaxPooling2D, pool_size=3, strides=(2, 1), padding="same"),
    "max pooling, same, even": one(L.MaxPooling2D, pool_size=2, padding="same"),
    "max pooling, oblong": one(L.MaxPooling2D, pool_size=(3, 1), strides=(1, 2)),
    "max pooling of a ReLU": lambda: chain(L.Conv2D(5, 3, activation="relu"), L.MaxPooling2D(), L.ReLU(), L.MaxPooling2D()),
    "max pooling of a ReLU that others take too": shared_relu,
    "average pooling": one(L.AveragePooling2D, pool_size=2),
    "average pooling, overlapping, same": one(L.AveragePooling2D, pool_size=3, strides=2, padding="same"),
    "average pooling, same": one(L.AveragePooling2D, pool_size=(3, 1), strides=1, padding="same"),
    "global max pooling": one(L.GlobalMaxPooling2D),
    "global max pooling, kept": one(L.GlobalMaxPooling2D, keepdims=True),
    "global average pooling": one(L.GlobalAveragePooling2D),
    "global average pooling, kept": one(L.GlobalAveragePooling2D, keepdims=True),
    "rescaling by channel": one(L.Rescaling, scale=[1.0, 2.0, 3.0, 4.0], offset=[0.5, 0.0, -1.0, 2.0]),
    "normalization": one(L.Normalization),
    "normalization by constants": one(L.Normalization, mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 0.5, 2.0]),
    "normalization by one constant": one(L.Normalization, axis=None, mean=0.5, variance=2.0),
    "normalization, inverted, several axes": one(L.Normalization, axis=(1, 3), invert=True),
    "batch normalization": lambda: chain(L.BatchNormalization(), L.Conv2D(3, 3)),
    "batch normalization, plain": one(L.BatchNormalization, center=False, scale=False, momentum=0.7, epsilon=0.1),
    "batch normalization of features": lambda: chain(L.Flatten(), L.Dense(5), L.BatchNormalization(momentum=0.5)),
    "batch normalization of rows": lambda: chain(L.Reshape((63, 4)), L.BatchNormalization()),
    "layer normalization": lambda: chain(L.LayerNormalization(), L.Conv2D(3, 3)),
    "layer normalization, plain": one(L.LayerNormalization, center=False, scale=False, epsilon=0.1),
    "layer normalization of the whole": one(L.LayerNormalization, axis=[1, 2, 3]),
    "layer normalization of features": lambda: chain(L.Flatten(), L.Dense(5), L.LayerNormalization()),
    "layer scale": one(layer_class("LayerScale"), init_values=1e-6, projection_dim=4),
    "layer scale of rows": lambda: chain(L.Reshape((63, 4)), layer_class("LayerScale")(0.1, 4)),
    "layer scale of features": lambda: chain(L.Flatten(), L.Dense(5), layer_class("LayerScale")(0.1, 5)),
    "flatten": one(L.Flatten),
    "flatten and dense": lambda: chain(L.Conv2D(3, 2), L.Flatten(), L.Dense(4, use_bias=False), L.Dense(3)),
    "dense on a map": lambda: chain(L.Dense(5), L.Dense(3, use_bias=False)),
    "dense on rows": lambda: chain(L.Reshape((21, 12)), L.Dense(5), L.Softmax()),
    "reshape to a map": one(L.Reshape, target_shape=(7, -1, 3)),
    "reshape to rows": one(L.Reshape, target_shape=(-1, 12)),
    "dropout": lambda: chain(L.Dropout(0.3), L.Dense(3), L.SpatialDropout2D(0.4), L.Dropout(0.0)),
    "dropout of blocks": lambda: chain(drop_blocks(None, 1, 1, 1), drop_blocks(None, 9, None, 1)),
    "ReLU": one(L.ReLU),
    "ReLU, capped": one(L.ReLU, max_value=1.0),
    "ReLU, capped, leaky": one(L.ReLU, max_value=1.0, negative_slope=0.1),
    "ReLU, capped, leaky, threshold": one(L.ReLU, max_value=1.5, negative_slope=0.1, threshold=0.5),
    "ReLU, threshold": one(L.ReLU, threshold=0.5),
    "leaky ReLU": one(L.LeakyReLU, negative_slope=0.15),
    "PReLU": one(L.PReLU),
    "PReLU, shared": lambda: chain(L.PReLU(shared_axes=[1, 2]), L.Flatten(), L.PReLU()),
    "ELU": one(L.ELU, alpha=0.7),
    "softmax of channels": one(L.Softmax),
    "softmax of rows": one(L.Softmax, axis=1),
    "add": lambda: branches(L.Add(), L.Conv2D(4, 3, padding="same"), L.ReLU(), L.Conv2D(4, 1)),
    "add, the same twice": lambda: branches(L.Add(), lambda x: x, lambda x: x),
    "multiply": lambda: branches(L.Multiply(), L.ReLU(), L.Conv2D(4, 1)),
    "multiply, broadcast": lambda: branches(L.Multiply(), L.ReLU(), L.GlobalMaxPooling2D(keepdims=True)),
    "multiply, by features": squeeze_and_excite,
    "sums and products by operators": operators,
    "concatenate": lambda: branches(L.Concatenate(), L.ReLU(), L.Conv2D(2, 1), after=[L.Conv2D(3, 3)]),
    "concatenate rows": lambda: branches(L.Concatenate(axis=1), L.ReLU(), L.Conv2D(4, 3, padding="same")),
    "concatenate features": lambda: branches(L.Concatenate(), L.Flatten(), L.GlobalMaxPooling2D()),
    "zero padding": one(L.ZeroPadding2D, padding=((1, 0), (2, 3))),
    "nested": nested,
    "classifier": lambda: chain(L.Conv2D(4, 3), L.Flatten(), L.Dense(3), L.Rescaling(0.7), L.Activation("softmax")),
    "one color": lambda: chain(L.Conv2D(4, 3), L.MaxPooling2D(3), shape=(12, 9, 1)),
    **{f"activation {name}": activation(name) for name in ACTIVATIONS},
}


class Case:
    """One model of the table, its weights random, with pictures for it."""

    def __init__(self, name):
        keras.utils.clear_session()
        self.model = CASES[name]()
        random = np.random.default_rng(sum(name.encode()))
        for layer in variables(self.model).values():
            for weight, variable in layer.items():
                positive = "variance" in weight
                variable.assign(random.uniform(0.5, 1.5, variable.shape) if positive else random.normal(0, 0.4, variable.shape))
        for layer in self.model.layers:
            if isinstance(layer, L.Normalization):
                layer.finalize_state()
        self.network = read(self.model)
        # No number twice in a picture, so that no maximum is a tie.
        n, shape = 3, self.network.input_shape
        self.pixels = np.stack([random.permutation(256)[: np.prod(shape)].reshape(shape) for _ in range(n)]).astype(np.uint8)
        self.expected = np.asarray(self.model(self.pixels, training=False).detach())
        self.drops = any("Dropout" in layer.kind for layer in self.network.layers)

    @cached_property
    def onnx(self):
        return to_onnx(self.network)


@cache
def case(name):
    return Case(name)


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_shapes_and_parameters_are_those_of_keras(name):
    model, network = case(name).model, case(name).network
    assert network.shapes[network.output] == model.output_shape[1:]
    for layer in model.layers:
        if layer.name in network.shapes:
            assert network.shapes[layer.name] == layer.output.shape[1:]
    counts = sum(1 for layer in model.layers if isinstance(layer, L.Normalization) and layer.weights)
    constants = sum(w.size for w in network.layers[2].weights.values()) if "constant" in name else 0
    assert network.parameters == model.count_params() - counts + constants


@every_case
def test_the_native_form_computes_what_keras_computes(name):
    native = NativeNetwork(case(name).network).eval()
    with torch.inference_mode():
        assert_close(native(torch.from_numpy(case(name).pixels)), case(name).expected)


@every_case
def test_a_training_step_gives_the_gradients_and_statistics_of_keras(name):
    model, network = case(name).model, case(name).network
    training = not case(name).drops
    own = {(layer, weight): v for layer, weights in variables(model).items() for weight, v in weights.items()}
    learned = {key: v for key, v in own.items() if v.trainable}
    before = [np.array(v.value.detach()) for v in own.values()]

    pixels = torch.from_numpy(case(name).pixels).float().requires_grad_()
    output = model(pixels, training=training)
    random = torch.from_numpy(np.random.default_rng(5).normal(size=output.shape)).float()
    expected = torch.autograd.grad((output * random).sum(), [pixels, *(v.value for v in learned.values())])
    statistics = {key: np.array(v.value.detach()) for key, v in own.items() if not v.trainable}
    for variable, value in zip(own.values(), before, strict=True):
        variable.assign(value)

    native = NativeNetwork(network).train(training)
    parameters = [getattr(layer, weight) for name, weight in learned for layer in native.layers if layer.layer.name == name]
    gradients = torch.autograd.grad((native(pixels) * random).sum(), [pixels, *parameters])
    assert_close(gradients[0], expected[0])
    for (layer, weight), actual, reference in zip(learned, gradients[1:], expected[1:], strict=True):
        assert_close(to_keras(network.by_name[layer].kind, weight, actual.numpy(), reference.shape), reference)
    for (layer, weight), value in statistics.items():
        assert_close(native.read_weights()[layer][weight], value)


@every_case
def test_the_onnx_graph_computes_what_keras_computes_under_the_same_names(name):
    network = case(name).network
    model = case(name).onnx
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run([network.output], {"pixels": case(name).pixels})
    assert_close(result.transpose(0, 2, 3, 1) if result.ndim == 4 else result, case(name).expected)
    assert {layer.name for layer in network.layers[1:]} <= {tensor for node in model.graph.node for tensor in node.output}


@every_case
def test_json_and_onnx_keep_the_network_bit_by_bit(name):
    network = case(name).network
    document = json.loads(json.dumps(network.to_json()))
    again = Network.from_json(document, {layer.name: layer.weights for layer in network.layers})
    from_file = from_onnx(case(name).onnx, document)
    for copy in (again, from_file):
        assert copy.to_json() == network.to_json()
        for layer in network.layers:
            for weight, value in layer.weights.items():
                np.testing.assert_array_equal(copy.by_name[layer.name].weights[weight], value)


@every_case
def test_keras_rebuilt_from_the_description_is_the_same_model(name):
    network = case(name).network
    model = build(network)
    assert_close(model(case(name).pixels, training=False).detach(), case(name).expected)
    assert json.dumps(read(model).to_json()) == json.dumps(network.to_json()).replace("middle/", "middle_").replace(
        "inner/", "inner_"
    )


@pytest.mark.parametrize("view", [LOWERINGS, EMITTERS, FORMULAS], ids=["torch", "onnx", "formula"])
def test_every_kind_is_in_every_view(view):
    assert set(view) == set(KINDS)


@pytest.mark.parametrize("view", [TORCH_ACTIVATIONS, ONNX_ACTIVATIONS], ids=["torch", "onnx"])
def test_every_activation_is_in_every_view(view):
    assert list(view) == list(ACTIVATIONS)


def test_every_kind_and_activation_is_in_the_table():
    layers = [layer for name in CASES for layer in case(name).network.layers]
    assert {layer.kind for layer in layers} == set(KINDS)
    for kind in ("Activation", "Dense", "Conv2D"):
        assert {layer.config["activation"] for layer in layers if layer.kind == kind} >= set(ACTIVATIONS)
    for layer in layers:
        assert set(layer.config) == set(KINDS[layer.kind].arguments)
        assert set(layer.weights) <= set(KINDS[layer.kind].weights)


def test_every_kind_is_a_keras_layer_with_those_arguments():
    for kind in KINDS:
        assert issubclass(layer_class(kind), L.Layer)
