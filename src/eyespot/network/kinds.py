"""What each kind of layer does to shapes, and which of its Keras arguments matter: one entry a kind.

A kind is named as its Keras class. Shapes leave out the batch axis: (height, width, channels) or (features,).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from eyespot.errors import UnsupportedError

Shape = tuple[int, ...]
Config = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """The k x k window that a layer moves over its input: sizes in units of that input, (vertical, horizontal)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    padding: str = "valid"

    @property
    def extent(self) -> tuple[int, int]:
        """The height and width that the window covers, holes of a dilated one included."""
        vertical, horizontal = ((size - 1) * hole + 1 for size, hole in zip(self.size, self.dilation, strict=True))
        return vertical, horizontal

    def padding_before_after(self, height_width: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows above and below, columns left and right, that Keras adds: with `same`, the odd one goes after.

        Source: TensorFlow's definition of `SAME`, which Keras follows on every backend.
        """
        if self.padding == "valid":
            return (0, 0), (0, 0)
        pads = []
        for n, k, s in zip(height_width, self.extent, self.stride, strict=True):
            total = max((ceil(n / s) - 1) * s + k - n, 0)
            pads.append((total // 2, total - total // 2))
        return pads[0], pads[1]

    def output_size(self, height_width: tuple[int, int]) -> tuple[int, int]:
        """How many positions the window takes: (n - k) / s + 1 rounded down for `valid`, n / s rounded up for `same`."""
        if self.padding == "same":
            height, width = (ceil(n / s) for n, s in zip(height_width, self.stride, strict=True))
        else:
            height, width = ((n - k) // s + 1 for n, k, s in zip(height_width, self.extent, self.stride, strict=True))
        return height, width


def _nothing(config: Config, inputs: Sequence[Shape]) -> Collection[int]:
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of layer.

    Attributes:
        arguments: the names of the Keras arguments that decide the output, and that a description keeps.
        output_shape: (config, input shapes) -> output shape.
        weights: the names of the weights it may have, in the order in which Keras lists them; trained ones first.
        statistics: those of the weights that are not trained.
        window: config -> the window it moves over its input, where it does that.
        mixes: (config, input shapes) -> the axes, positions in the shape, along which each unit of the output depends on all
            units of the input.
        macs: (config, input shapes, output shape) -> multiply-adds for one picture.
    """

    arguments: tuple[str, ...]
    output_shape: Callable[[Config, Sequence[Shape]], Shape]
    weights: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    window: Callable[[Config], Window] | None = None
    mixes: Callable[[Config, Sequence[Shape]], Collection[int]] = _nothing
    macs: Callable[[Config, Sequence[Shape], Shape], int] | None = None


def _same(config: Config, inputs: Sequence[Shape]) -> Shape:
    return inputs[0]


def _window(config: Config, size: str) -> Window:
    stride = config["strides"]
    dilation = config.get("dilation_rate", (1, 1))
    return Window(tuple(config[size]), tuple(stride), tuple(dilation), config["padding"])


def convolution_window(config: Config) -> Window:
    """The window of a convolution."""
    return _window(config, "kernel_size")


def pooling_window(config: Config) -> Window:
    """The window of a pooling."""
    return _window(config, "pool_size")


def _convolution_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    height, width, channels = inputs[0]
    filters = config["filters"] if "filters" in config else channels * config["depth_multiplier"]
    return (*convolution_window(config).output_size((height, width)), filters)


def _convolution_macs(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    groups: int = config["groups"]
    return prod(output) * prod(config["kernel_size"]) * inputs[0][2] // groups


def _depthwise_macs(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    return prod(output) * prod(config["kernel_size"])


def _separable_macs(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    height, width, filters = output
    between = inputs[0][2] * config["depth_multiplier"]
    return height * width * int(between) * (prod(config["kernel_size"]) + filters)


def _pooling_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    height, width, channels = inputs[0]
    return (*pooling_window(config).output_size((height, width)), channels)


def _global_pooling_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    channels = inputs[0][2]
    return (1, 1, channels) if config["keepdims"] else (channels,)


def _dense_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    return (*inputs[0][:-1], config["units"])


def _dense_macs(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    return prod(output) * inputs[0][-1]


def _reshape_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    target = tuple(config["target_shape"])
    if -1 not in target:
        return target
    known = prod(n for n in target if n != -1)
    return tuple(prod(inputs[0]) // known if n == -1 else n for n in target)


def _broadcast_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    rank = max(map(len, inputs))
    return tuple(max(sizes) for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in inputs), strict=True))


def _concatenate_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    axis = feature_axis(config["axis"], len(inputs[0]))
    return tuple(sum(s[i] for s in inputs) if i == axis else n for i, n in enumerate(inputs[0]))


def _zero_padding_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    height, width, channels = inputs[0]
    (top, bottom), (left, right) = config["padding"]
    return (height + top + bottom, width + left + right, channels)


def _dropout_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    drawn = config.get("noise_shape")  # files of an Eyespot that did not know it lack it
    if drawn is not None and not _is_drawn_for_each_picture(drawn, inputs[0]):
        raise UnsupportedError(f"Dropout(noise_shape={drawn}): Eyespot knows what is drawn for each picture anew, [None, ...]")
    return inputs[0]


def _is_drawn_for_each_picture(drawn: Sequence[int | None], shape: Shape) -> bool:
    """Whether a noise shape draws once for each picture and, along each other axis, for every place or once for all."""
    of_batch, others = drawn[:1], drawn[1:]
    fits = len(others) == len(shape) and all(n in (None, 1, size) for n, size in zip(others, shape, strict=True))
    return fits and of_batch[0] is None


def _softmax_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    if not isinstance(config["axis"], int):
        raise UnsupportedError(f"Softmax(axis={config['axis']}): Eyespot knows a softmax over one axis")
    feature_axis(config["axis"], len(inputs[0]))
    return inputs[0]


def _batch_normalization_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    if feature_axis(config["axis"], len(inputs[0])) != len(inputs[0]) - 1:
        raise UnsupportedError(f"BatchNormalization(axis={config['axis']}): Eyespot knows the last axis, the channels")
    return inputs[0]


def _layer_normalization_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    axes, rank = _layer_normalization_axes(config, inputs), len(inputs[0])
    if axes != tuple(range(rank - len(axes), rank)):
        raise UnsupportedError(f"LayerNormalization(axis={config['axis']}): Eyespot knows one or several last axes, in order")
    return inputs[0]


def _layer_normalization_axes(config: Config, inputs: Sequence[Shape]) -> tuple[int, ...]:
    axes = config["axis"] if isinstance(config["axis"], list) else [config["axis"]]
    return tuple(feature_axis(axis, len(inputs[0])) for axis in axes)


def _layer_scale_shape(config: Config, inputs: Sequence[Shape]) -> Shape:
    if config["projection_dim"] != inputs[0][-1]:
        raise UnsupportedError(f"LayerScale(projection_dim={config['projection_dim']}): its input has {inputs[0][-1]} channels")
    return inputs[0]


def _last_axis(config: Config, inputs: Sequence[Shape]) -> Collection[int]:
    return (len(inputs[0]) - 1,)


def _softmax_axis(config: Config, inputs: Sequence[Shape]) -> Collection[int]:
    return _last_axis(config, inputs) if config["activation"] in ("softmax", "log_softmax") else ()


def feature_axis(axis: int, rank: int) -> int:
    """A Keras axis (which counts the batch axis, or from the end) as a position in a shape without the batch axis.

    Errors: UnsupportedError for the batch axis itself.
    """
    position = axis + rank if axis < 0 else axis - 1
    if not 0 <= position < rank:
        raise UnsupportedError(f"axis={axis} is not one of a picture's own {rank} axes")
    return position


_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_POOLING = ("pool_size", "strides", "padding")

KINDS: Mapping[str, Kind] = {
    "InputLayer": Kind(("shape",), lambda config, inputs: tuple(config["shape"])),
    "Rescaling": Kind(("scale", "offset"), _same),
    "Normalization": Kind(("axis", "invert"), _same, ("mean", "variance"), ("mean", "variance")),
    "Conv2D": Kind(
        ("filters", "groups", *_CONVOLUTION),
        _convolution_shape,
        ("kernel", "bias"),
        window=convolution_window,
        macs=_convolution_macs,
    ),
    "DepthwiseConv2D": Kind(
        ("depth_multiplier", *_CONVOLUTION),
        _convolution_shape,
        ("kernel", "bias"),
        window=convolution_window,
        macs=_depthwise_macs,
    ),
    "SeparableConv2D": Kind(
        ("filters", "depth_multiplier", *_CONVOLUTION),
        _convolution_shape,
        ("depthwise_kernel", "pointwise_kernel", "bias"),
        window=convolution_window,
        macs=_separable_macs,
    ),
    "MaxPooling2D": Kind(_POOLING, _pooling_shape, window=pooling_window),
    "AveragePooling2D": Kind(_POOLING, _pooling_shape, window=pooling_window),
    "GlobalMaxPooling2D": Kind(("keepdims",), _global_pooling_shape, mixes=lambda config, inputs: (0, 1)),
    "GlobalAveragePooling2D": Kind(("keepdims",), _global_pooling_shape, mixes=lambda config, inputs: (0, 1)),
    "BatchNormalization": Kind(
        ("axis", "momentum", "epsilon", "center", "scale"),
        _batch_normalization_shape,
        ("gamma", "beta", "moving_mean", "moving_variance"),
        ("moving_mean", "moving_variance"),
    ),
    "LayerNormalization": Kind(
        ("axis", "epsilon", "center", "scale"),
        _layer_normalization_shape,
        ("gamma", "beta"),
        mixes=_layer_normalization_axes,
    ),
    "LayerScale": Kind(("init_values", "projection_dim"), _layer_scale_shape, ("gamma",)),
    "Dense": Kind(
        ("units", "activation", "use_bias"),
        _dense_shape,
        ("kernel", "bias"),
        mixes=_last_axis,
        macs=_dense_macs,
    ),
    "Flatten": Kind((), lambda config, inputs: (prod(inputs[0]),)),
    "Reshape": Kind(("target_shape",), _reshape_shape),
    "Dropout": Kind(("rate", "noise_shape"), _dropout_shape),
    "SpatialDropout2D": Kind(("rate",), _same),
    "Activation": Kind(("activation",), _same, mixes=_softmax_axis),
    "ReLU": Kind(("max_value", "negative_slope", "threshold"), _same),
    "LeakyReLU": Kind(("negative_slope",), _same),
    "PReLU": Kind(("shared_axes",), _same, ("alpha",)),
    "ELU": Kind(("alpha",), _same),
    "Softmax": Kind(("axis",), _softmax_shape, mixes=lambda config, inputs: (feature_axis(config["axis"], len(inputs[0])),)),
    "Add": Kind((), _broadcast_shape),
    "Concatenate": Kind(("axis",), _concatenate_shape),
    "Multiply": Kind((), _broadcast_shape),
    "ZeroPadding2D": Kind(("padding",), _zero_padding_shape),
}
"""Every kind of layer that Eyespot knows."""

ACTIVATIONS = (
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "tanh",
    "exponential",
    "softmax",
    "log_softmax",
)
"""The activations, by Keras' names, that `activation=` and the Activation layer may name."""
