"""The layer table: what each layer does to shapes, what it costs, what it sees, with the arithmetic written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from eyespot.explanation.layers_seen import largest, seen_pixels
from eyespot.network import KINDS, Layer, Network, Shape, Window, receptive_fields

Pair = tuple[int, int]


@dataclass(frozen=True)
class LayerSummary:
    """One row of the table.

    Attributes:
        name: the layer's name.
        type: the Keras class.
        output_shape: (height, width, channels) or (features,).
        parameters: numbers in its weights, statistics included.
        macs: multiplications with additions, for one picture.
        share: of the multiplications with additions of the whole network, 0-1.
        receptive_field: height and width, in pixels of the picture, of what one unit depends on: of that unit of the layer that
            sees most. Padding is not counted, nor what a stride leaves over.
        stride: how far the receptive fields of neighboring units lie apart, vertically and horizontally, in pixels of the
            picture; 0 where all units see the same; None where units do not lie as pixels do, as in a vector.
        formula: the arithmetic of its output size, or of its numbers where the size stays.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    macs: int
    share: float
    receptive_field: Pair
    stride: Pair | None
    formula: str

    def to_json(self) -> dict[str, Any]:
        """The keys of `explain --json`; pairs and shapes as lists."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}


def layer_table(network: Network) -> list[LayerSummary]:
    """One row for every layer, in order."""
    fields, seen = receptive_fields(network), seen_pixels(network)
    macs = {layer.name: _macs(layer, network) for layer in network.layers}
    all_macs = sum(macs.values())
    rows = []
    for layer in network.layers:
        shapes, output = [network.shapes[name] for name in layer.inputs], network.shapes[layer.name]
        rows.append(
            LayerSummary(
                name=layer.name,
                type=layer.kind,
                output_shape=output,
                parameters=sum(weight.size for weight in layer.weights.values()),
                macs=macs[layer.name],
                share=macs[layer.name] / all_macs if all_macs else 0.0,
                receptive_field=largest(seen[layer.name]),
                stride=fields[layer.name].stride if len(output) == 3 else None,
                formula=FORMULAS[layer.kind](layer, shapes, output),
            )
        )
    return rows


def _macs(layer: Layer, network: Network) -> int:
    count = KINDS[layer.kind].macs
    return count(layer.config, [network.shapes[name] for name in layer.inputs], network.shapes[layer.name]) if count else 0


Formula = Callable[[Layer, Sequence[Shape], Shape], str]


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _number(value: Any) -> str:
    """A number, or each of several, with up to four digits."""
    return ", ".join(f"{each:.4g}" for each in value) if isinstance(value, list) else f"{value:.4g}"


def _both(vertical: str, horizontal: str) -> str:
    """Says once what is the same for both directions."""
    return vertical if vertical == horizontal else f"height {vertical}, width {horizontal}"


def _positions(n: int, added: int, k: int, stride: int, positions: int) -> str:
    """How many places a window of extent k has along n units and those added around them: (n + added - k) / s + 1."""
    terms, exact = f"({n}{f' + {added}' if added else ''} - {k}) / {stride} + 1", (n + added - k) / stride + 1
    return f"{terms} = {positions}" if exact == positions else f"{terms} = {exact:.4g}, rounded down to {positions}"


def _window(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    move = KINDS[layer.kind].window
    window = move(layer.config) if move else Window((1, 1), (1, 1))
    height_width = inputs[0][0], inputs[0][1]
    added = map(sum, window.padding_before_after(height_width))
    return _both(*map(_positions, height_width, added, window.extent, window.stride, output))


def _over_map(word: str) -> Formula:
    return lambda layer, inputs, output: f"{word} of {_size(inputs[0][:2])} = {prod(inputs[0][:2])} numbers, for each channel"


def _dense(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    n, units = inputs[0][-1], output[-1]
    bias, weights = (f" + {units}", n * units + units) if layer.config["use_bias"] else ("", n * units)
    return f"{n} x {units}{bias} = {weights} weights"


def _dropout(what: str) -> Formula:
    def formula(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
        rate = layer.config["rate"]
        return f"while training, {rate:.4g} of the {what} become 0, the rest are divided by {_number(1 - rate)}"

    return formula


def _dropout_of_blocks(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    """Of numbers one by one, or of blocks within which all share one fate: those along whose axes `noise_shape` has a 1."""
    drawn = layer.config.get("noise_shape") or ()
    block = [size for size, n in zip(inputs[0], drawn[1:], strict=False) if n == 1 < size]
    return _dropout(f"blocks of {_size(tuple(block))} numbers" if block else "numbers")(layer, inputs, output)


def _relu(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    highest, slope, threshold = (layer.config[name] for name in ("max_value", "negative_slope", "threshold"))
    if not threshold and not slope:
        return "max(0, x)" if highest is None else f"min(max(0, x), {_number(highest)})"
    above = "x" if highest is None else f"min(x, {_number(highest)})"
    return f"{above} above {_number(threshold)}, {_number(slope)} * (x - {_number(threshold)}) below"


_ACTIVATIONS = {
    "linear": "x",
    "relu": "max(0, x)",
    "relu6": "min(max(0, x), 6)",
    "sigmoid": "1 / (1 + e^-x)",
    "silu": "x / (1 + e^-x)",
    "exponential": "e^x",
    "softplus": "ln(1 + e^x)",
    "softmax": "e^x / sum of all e^x",
    "log_softmax": "x - ln(sum of all e^x)",
}


def _activation(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    name: str = layer.config["activation"]
    return _ACTIVATIONS.get(name, f"{name}(x)")


def _affine(layer: Layer, core: str) -> str:
    scale, center = (" * gamma" if layer.config["scale"] else ""), (" + beta" if layer.config["center"] else "")
    return f"{core}{scale}{center}"


def _concatenate(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    (axis,) = {i for i, n in enumerate(output) if any(shape[i] != n for shape in inputs)} or {len(output) - 1}
    return f"{' + '.join(str(shape[axis]) for shape in inputs)} = {output[axis]}"


def _zero_padding(layer: Layer, inputs: Sequence[Shape], output: Shape) -> str:
    return _both(
        *(
            f"{before} + {n} + {after} = {total}"
            for (before, after), n, total in zip(layer.config["padding"], inputs[0], output, strict=False)
        )
    )


def _text(words: str) -> Formula:
    return lambda layer, inputs, output: words


FORMULAS: Mapping[str, Formula] = {
    "InputLayer": lambda layer, inputs, output: f"{_size(output)} = {prod(output)} numbers",
    "Rescaling": lambda layer, inputs, output: f"x * {_number(layer.config['scale'])} + {_number(layer.config['offset'])}",
    "Normalization": lambda layer, inputs, output: (
        "x * sqrt(variance) + mean" if layer.config["invert"] else "(x - mean) / sqrt(variance)"
    ),
    "Conv2D": _window,
    "DepthwiseConv2D": _window,
    "SeparableConv2D": _window,
    "MaxPooling2D": _window,
    "AveragePooling2D": _window,
    "GlobalMaxPooling2D": _over_map("largest"),
    "GlobalAveragePooling2D": _over_map("mean"),
    "BatchNormalization": lambda layer, inputs, output: _affine(
        layer, f"(x - mean) / sqrt(variance + {_number(layer.config['epsilon'])})"
    ),
    "LayerNormalization": lambda layer, inputs, output: _affine(
        layer, f"(x - mean of the picture's own) / sqrt(their variance + {_number(layer.config['epsilon'])})"
    ),
    "LayerScale": _text("x * gamma"),
    "Dense": _dense,
    "Flatten": lambda layer, inputs, output: f"{_size(inputs[0])} = {output[0]}",
    "Reshape": lambda layer, inputs, output: f"{_size(inputs[0])} = {_size(output)}",
    "Dropout": _dropout_of_blocks,
    "SpatialDropout2D": _dropout("channels"),
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": lambda layer, inputs, output: f"x above 0, {_number(layer.config['negative_slope'])} * x below",
    "PReLU": _text("x above 0, alpha * x below"),
    "ELU": lambda layer, inputs, output: f"x above 0, {_number(layer.config['alpha'])} * (e^x - 1) below",
    "Softmax": _text("e^x / sum of all e^x"),
    "Add": lambda layer, inputs, output: " + ".join(layer.inputs),
    "Concatenate": _concatenate,
    "Multiply": lambda layer, inputs, output: " * ".join(layer.inputs),
    "ZeroPadding2D": _zero_padding,
}
"""Kind of layer -> (layer, input shapes, output shape) -> its arithmetic; one for each of `eyespot.network.KINDS`."""
