"""A network as plain data: layers with kind, configuration, inputs and weights, in numpy and JSON only.

Everything else is a view of it: read from Keras (`eyespot.models`), lowered to torch (`eyespot.training.lowering`), written as
ONNX (`eyespot.bundle`), rebuilt as Keras, read out by `eyespot.explanation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import UnsupportedError
from eyespot.network.kinds import KINDS, Shape

Weights = Mapping[str, NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: unique within the network.
        kind: the Keras class, such as `Conv2D`; one of `eyespot.network.KINDS`.
        config: the Keras arguments that matter for the output, JSON values only.
        inputs: names of the layers whose outputs it takes, in order.
        weights: Keras' name (`kernel`, `moving_mean`) -> array in Keras' layout; empty where it has none.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    weights: Weights = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """Layers in an order in which each comes after its inputs; the first is the only `InputLayer`.

    Attributes:
        layers: all layers.
        output: the name of the layer whose output is the network's.

    Errors: UnsupportedError names every layer of an unknown kind and lists the known ones, or names the layer whose arguments
        Eyespot does not know.
    """

    layers: tuple[Layer, ...]
    output: str

    def __post_init__(self) -> None:
        unknown = [f"{layer.name} ({layer.kind})" for layer in self.layers if layer.kind not in KINDS]
        if unknown:
            raise UnsupportedError(
                f"unknown layer {', '.join(unknown)}; the layers that Eyespot knows are {', '.join(sorted(KINDS))}"
            )

        if len(self.by_name) < len(self.layers):
            raise UnsupportedError("two layers have the same name")
        _ = self.shapes  # computed here, so that a network whose layers do not fit is never made

    @cached_property
    def by_name(self) -> Mapping[str, Layer]:
        """The layers by their names."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Each layer's output shape without the batch axis: (height, width, channels) or (features,)."""
        shapes: dict[str, Shape] = {}
        for layer in self.layers:
            try:
                shapes[layer.name] = KINDS[layer.kind].output_shape(layer.config, [shapes[name] for name in layer.inputs])
            except UnsupportedError as error:
                raise UnsupportedError(f"layer {layer.name}: {error}") from None
        return shapes

    @property
    def input_shape(self) -> Shape:
        """(height, width, channels) of the pictures it takes."""
        return self.shapes[self.layers[0].name]

    @property
    def parameters(self) -> int:
        """How many numbers its weights hold, statistics that are not trained included, as Keras counts."""
        return sum(weight.size for layer in self.layers for weight in layer.weights.values())

    def consumers(self, name: str) -> tuple[str, ...]:
        """The names of the layers that take the output of layer `name`."""
        return tuple(layer.name for layer in self.layers if name in layer.inputs)

    def with_weights(self, weights: Mapping[str, Weights]) -> Network:
        """The same network with other weights, by layer name; layers not named keep theirs."""
        return replace(
            self,
            layers=tuple(replace(layer, weights=weights.get(layer.name, layer.weights)) for layer in self.layers),
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the weights' values: `{"output": name, "layers": [{name, kind, config, inputs, weights}...]}`.

        JSON values only; `weights` maps each weight's name to its shape in Keras.
        """
        return {
            "output": self.output,
            "layers": [
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "config": dict(layer.config),
                    "inputs": list(layer.inputs),
                    "weights": {name: list(weight.shape) for name, weight in layer.weights.items()},
                }
                for layer in self.layers
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], weights: Mapping[str, Weights]) -> Network:
        """The network that `to_json` described, with `weights` by layer name."""
        layers: Sequence[Mapping[str, Any]] = document["layers"]
        return cls(
            layers=tuple(
                Layer(
                    name=entry["name"],
                    kind=entry["kind"],
                    config=entry["config"],
                    inputs=tuple(entry["inputs"]),
                    weights=weights.get(entry["name"], {}),
                )
                for entry in layers
            ),
            output=document["output"],
        )
