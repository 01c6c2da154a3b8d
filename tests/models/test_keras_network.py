"""Keras models read as descriptions: what is kept, and that nothing that matters is passed over in silence."""

import numpy as np
import pytest

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_network import (
    build,
    frozen_layers,
    frozen_weights,
    layer_class,
    read,
    training_obstacles,
    unknown_layers,
    variables,
)
from eyespot.network import KINDS

L = keras.layers


def chain(*layers, shape=(8, 6, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


def functional(call, shape=(8, 6, 3)):
    pixels = keras.Input(shape)
    return keras.Model(pixels, call(pixels))


class OwnConvolution(L.Conv2D):
    pass


class OwnModel(keras.Model):
    def call(self, x):
        return x


def relu(x):
    return keras.ops.maximum(x, -1)


def test_a_sequential_model_is_read_in_order_with_keras_own_names():
    network = read(chain(L.Conv2D(4, 3, name="see"), L.Flatten(name="lay"), L.Dense(2, name="decide")))
    assert [layer.name for layer in network.layers[1:]] == ["see", "lay", "decide"]
    assert network.by_name["decide"].inputs == ("lay",)
    assert network.output == "decide"
    assert network.by_name["see"].config["kernel_size"] == [3, 3]
    assert network.by_name["see"].weights["kernel"].shape == (3, 3, 3, 4)


def test_layers_of_nested_models_bear_the_names_of_both():
    inner = keras.Sequential([keras.Input((8, 6, 3)), L.Conv2D(3, 1, name="conv")], name="inner")
    outer = keras.Sequential([keras.Input((8, 6, 3)), inner, L.ReLU(name="relu")], name="outer")
    model = functional(lambda x: L.Flatten(name="flat")(outer(L.ReLU(name="first")(x))))
    network = read(model)
    assert [layer.name for layer in network.layers[1:]] == ["first", "outer/inner/conv", "outer/relu", "flat"]
    assert network.by_name["outer/inner/conv"].inputs == ("first",)
    assert network.by_name["flat"].inputs == ("outer/relu",)
    assert list(variables(model)) == ["outer/inner/conv"]


def test_a_nested_model_of_two_inputs_takes_them_in_order():
    left, right = keras.Input((8, 6, 3), name="left"), keras.Input((8, 6, 3), name="right")
    merge = keras.Model([left, right], L.Concatenate(name="join")([right, left]), name="merge")
    network = read(functional(lambda x: merge([L.ReLU(name="a")(x), L.ELU(name="b")(x)])))
    assert network.by_name["merge/join"].inputs == ("b", "a")


def test_a_nested_model_of_named_inputs_takes_them_by_name():
    inputs = {name: keras.Input((8, 6, 3), name=name) for name in ("right", "left")}
    merge = keras.Model(inputs, L.Concatenate(name="join")([inputs["left"], inputs["right"]]), name="merge")
    network = read(functional(lambda x: merge({"left": L.ReLU(name="a")(x), "right": L.ELU(name="b")(x)})))
    assert network.by_name["merge/join"].inputs == ("a", "b")


def test_a_rebuilt_model_is_functional_with_the_same_names_and_weights():
    model = chain(L.Conv2D(4, 3, name="see"), L.BatchNormalization(name="calm"), L.GlobalAveragePooling2D(name="sum"))
    rebuilt = build(read(model))
    assert [layer.name for layer in rebuilt.layers[1:]] == ["see", "calm", "sum"]
    for own, other in zip(model.weights, rebuilt.weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(own), keras.ops.convert_to_numpy(other))


def test_a_rebuilt_model_survives_saving_and_loading(tmp_path):
    model = build(read(chain(L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]), L.Flatten(), L.Dense(2))))
    model.save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model.keras").predict(pixels, verbose=0), model.predict(pixels, verbose=0)
    )


def test_a_rebuilt_layer_scale_survives_saving_and_loading(tmp_path):
    model = build(read(chain(layer_class("LayerScale")(0.1, 3, name="scale"), L.GlobalAveragePooling2D())))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(np.ones((2, 8, 6, 3)), verbose=0), 0.1, rtol=1e-6)


def test_weights_are_copies():
    model = chain(L.Dense(2, name="dense"))
    network = read(model)
    before = network.by_name["dense"].weights["kernel"].copy()
    variables(model)["dense"]["kernel"].assign(np.zeros((3, 2)))
    np.testing.assert_array_equal(network.by_name["dense"].weights["kernel"], before)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: L.Conv2D(4, 3, name="x", data_format="channels_first"), "x: Conv2D(data_format=channels_first)"),
        (lambda: L.MaxPooling2D(2, name="x", data_format="channels_first"), "x: MaxPooling2D(data_format=channels_first)"),
        (lambda: L.Dropout(0.5, noise_shape=(1, 1, 1, 3), name="x"), "x: Dropout(noise_shape=[1, 1, 1, 3])"),
        (lambda: layer_class("LayerScale")(0.1, 1, name="x"), "x: LayerScale(projection_dim=1): its input has 3 channels"),
        (lambda: L.BatchNormalization(renorm=True, name="x"), "x: BatchNormalization(renorm=True)"),
        (lambda: L.BatchNormalization(axis=1, name="x"), "x: BatchNormalization(axis=1)"),
        (lambda: L.LayerNormalization(axis=1, name="x"), "x: LayerNormalization(axis=[1])"),
        (lambda: L.Softmax(axis=(1, 2), name="x"), "x: Softmax(axis=[1, 2])"),
        (lambda: L.Softmax(axis=0, name="x"), "x: axis=0"),
        (lambda: L.ReLU(dtype="mixed_bfloat16", name="x"), "x: dtype=mixed_bfloat16"),
        (lambda: L.ReLU(dtype="float64", name="x"), "x: dtype=float64"),
        (lambda: L.Activation(lambda x: x, name="x"), "x: activation=test_keras_network.<lambda>"),
        (lambda: L.Conv2D(4, 3, activation=relu, name="x"), "x: activation=relu is not one of Keras' own"),
        (lambda: L.Activation(keras.ops.gelu, name="x"), "x: activation=gelu is not one of Keras' own"),
        (lambda: L.Dense(4, activation=L.LeakyReLU(0.1), name="x"), "x: activation=LeakyReLU is not one of Keras' own"),
        (lambda: L.Activation("hard_tanh", name="x"), "x: activation=hard_tanh"),
    ],
)
def test_an_argument_that_the_description_does_not_keep_is_named_with_its_layer_and_value(layer, words):
    with pytest.raises(UnsupportedError) as error:
        read(chain(L.ReLU(), layer()))
    assert words.replace("test_keras_network.", "") in str(error.value)


def test_rms_scaling_is_named():
    with pytest.warns(UserWarning, match="rms_scaling"):
        model = chain(L.LayerNormalization(rms_scaling=True, name="x"))
    with pytest.raises(UnsupportedError, match=r"x: LayerNormalization\(rms_scaling=True\)"):
        read(model)


def test_lora_is_named():
    model = chain(L.Dense(4, name="x"))
    model.layers[0].enable_lora(2)
    with pytest.raises(UnsupportedError, match=r"x: Dense\(lora_rank=2\)"):
        read(model)


@pytest.mark.parametrize(
    ("model", "unknown"),
    [
        (lambda: chain(L.GaussianNoise(0.1, name="x")), "x (GaussianNoise)"),
        (lambda: chain(OwnConvolution(4, 3, name="x")), "x (OwnConvolution)"),
        (lambda: functional(lambda x: L.ReLU()(x**2)), "power (Power)"),
        (lambda: chain(keras.Sequential([keras.Input((8, 6, 3)), L.UpSampling2D(name="x")], name="in")), "in/x (UpSampling2D)"),
    ],
)
def test_unknown_layers_are_named_and_reading_lists_the_known_ones(model, unknown):
    keras.utils.clear_session()
    assert unknown_layers(model()) == [unknown]
    keras.utils.clear_session()
    with pytest.raises(UnsupportedError) as error:
        read(model())
    assert unknown in str(error.value)
    assert all(kind in str(error.value) for kind in KINDS)


def test_a_model_of_known_layers_has_no_unknown_ones():
    assert unknown_layers(chain(L.Conv2D(4, 3), L.Flatten())) == []


def test_sums_and_products_by_operators_are_read_as_layers():
    keras.utils.clear_session()
    x = keras.Input((8, 6, 3), name="x")
    model = keras.Model(x, 2 * L.ReLU(name="a")(x) * (L.ELU(name="b")(x) + 0.5))
    number, total, product = (read(model).by_name[name] for name in ("multiply", "add", "multiply_1"))
    assert (number.kind, number.config, number.inputs) == ("Rescaling", {"scale": 2.0, "offset": 0.0}, ("a",))
    assert (total.kind, total.config, total.inputs) == ("Rescaling", {"scale": 1.0, "offset": 0.5}, ("b",))
    assert (product.kind, product.config, product.inputs) == ("Multiply", {}, ("multiply", "add"))
    assert unknown_layers(model) == training_obstacles(model) == []
    assert variables(model) == {}
    assert frozen_layers(model) == frozenset()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x + np.ones(3, np.float32), "layer add: Eyespot knows Add of two tensors"),
        (lambda x: x * L.GlobalAveragePooling2D()(x), "layer multiply: Eyespot knows Multiply of two tensors"),
    ],
    ids=["an array", "axes of the batch and of the picture"],
)
def test_operators_that_take_anything_else_are_named(call, words):
    keras.utils.clear_session()
    with pytest.raises(UnsupportedError, match=words):
        read(functional(call, (3, 3, 3)))


def test_a_sum_of_whole_numbers_which_wraps_around_is_refused():
    pixels = keras.Input((8, 6, 3), dtype="uint8")
    with pytest.raises(UnsupportedError, match=r"dtype=u?int\d+"):
        read(keras.Model(pixels, L.ReLU()(pixels + 200)))


def test_a_layer_used_twice_is_named():
    relu = L.ReLU(name="twice")
    with pytest.raises(UnsupportedError, match="twice is used more than once"):
        read(functional(lambda x: L.Add()([relu(x), relu(L.ELU()(x))])))


def test_a_layer_used_within_and_outside_of_a_nested_model_is_named():
    relu = L.ReLU(name="twice")
    inner = keras.Sequential([keras.Input((8, 6, 3)), relu], name="inner")
    with pytest.raises(UnsupportedError, match=r"inner/twice.* is used more than once"):
        read(functional(lambda x: relu(inner(x))))


def test_a_nested_model_used_twice_is_named():
    inner = keras.Sequential([keras.Input((8, 6, 3)), L.ReLU()], name="inner")
    with pytest.raises(UnsupportedError, match="inner is used more than once"):
        read(functional(lambda x: inner(inner(x))))


def test_several_inputs_or_outputs_are_refused():
    left, right = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    with pytest.raises(UnsupportedError, match="2 inputs"):
        read(keras.Model([left, right], L.Add()([left, right])))
    with pytest.raises(UnsupportedError, match="2 outputs"):
        read(keras.Model(left, [L.ReLU()(left), L.ELU()(left)]))


def test_inputs_of_any_size_are_refused():
    with pytest.raises(UnsupportedError, match="any size"):
        read(chain(L.Conv2D(2, 3), shape=(None, None, 3)))


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(InputError, match="expected a Keras model, received int"):
        read(3)
    with pytest.raises(InputError, match=r"keras\.Input"):
        read(keras.Sequential([L.Dense(2)]))
    with pytest.raises(UnsupportedError, match="OwnModel"):
        read(OwnModel())


def test_a_layer_always_called_in_training_mode_is_refused():
    with pytest.raises(UnsupportedError, match="drop is called with training=True"):
        read(functional(lambda x: L.Dropout(0.5, name="drop")(x, training=True)))


def test_what_stock_fit_would_honor_is_an_obstacle_to_training_but_not_to_reading():
    calm = L.BatchNormalization(name="calm")
    inner = keras.Sequential([keras.Input((8, 6, 3)), calm], name="inner")
    conv = L.Conv2D(3, 3, kernel_regularizer="l2", bias_constraint="non_neg", padding="same", name="conv")
    dense = L.Dense(2, activity_regularizer="l1", name="dense")
    model = functional(lambda x: dense(inner(conv(x), training=False)))
    calm.moving_mean.trainable = True
    read(model)
    obstacles = training_obstacles(model)
    assert [line.split("=")[0] for line in obstacles] == [
        "layer conv: kernel_regularizer",
        "layer conv: bias_constraint",
        "layer inner/calm: moving_mean.trainable",
        "layer inner/calm: called with training",
        "layer dense: activity_regularizer",
    ]
    assert "0.01" in obstacles[0]


def test_a_plain_model_has_no_obstacles_frozen_or_not():
    model = chain(L.Conv2D(3, 3, name="conv"), L.BatchNormalization(name="calm"), L.Dense(2, name="dense"))
    assert training_obstacles(model) == []
    model.layers[0].trainable = False
    assert training_obstacles(model) == []
    assert frozen_layers(model) == {"conv"}
    model.trainable = False
    assert frozen_layers(model) == {"conv", "calm", "dense"}
    assert training_obstacles(model) == []


def test_a_single_weight_may_be_frozen():
    model = chain(L.Conv2D(3, 3, name="conv"), L.Dense(2, name="dense"))
    model.layers[0].kernel.trainable = False
    model.layers[1].trainable = False
    assert training_obstacles(model) == []
    assert frozen_layers(model) == {"dense"}
    assert frozen_weights(model) == {("conv", "kernel"), ("dense", "kernel"), ("dense", "bias")}


def test_variables_are_the_models_own():
    model = chain(L.Conv2D(3, 3, name="conv"), L.BatchNormalization(name="calm"), L.Dropout(0.5))
    assert {name: list(weights) for name, weights in variables(model).items()} == {
        "conv": ["kernel", "bias"],
        "calm": ["gamma", "beta", "moving_mean", "moving_variance"],
    }
    assert variables(model)["conv"]["kernel"] is model.layers[0].kernel
