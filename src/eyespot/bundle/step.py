"""What the nodes of one layer are written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import NodeProto, TensorProto, helper, numpy_helper

from eyespot.network import Layer, Shape

TO_KERAS = (0, 2, 3, 1)
TO_NATIVE = (0, 3, 1, 2)
"""The orders of axes of a picture's tensor, of four axes."""


@dataclass
class GraphParts:
    """The nodes and constants of a graph as it is written."""

    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)

    def add_initializer(self, name: str, value: ArrayLike) -> None:
        """Keep an array under a name."""
        self.initializers.append(numpy_helper.from_array(np.array(value, order="C"), name))


@dataclass
class Step:
    """One layer as it is written.

    Attributes:
        parts: where nodes and constants go.
        layer: the layer.
        inputs: the names of its input tensors.
        shapes: their shapes in Keras, without the batch axis.
        made: how many tensors of its own the layer has so far.
    """

    parts: GraphParts
    layer: Layer
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    made: int = 0

    @property
    def config(self) -> Mapping[str, Any]:
        """The layer's configuration."""
        return self.layer.config

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Write one node; the name of its output."""
        output = self._new_name(operator)
        self.parts.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, value: ArrayLike, dtype: Any = np.float32) -> str:
        """The name of a new constant."""
        name = self._new_name("constant")
        self.parts.add_initializer(name, np.asarray(value, dtype))
        return name

    def weight(self, name: str) -> str:
        """The name of the layer's weight called `name`; empty, which ONNX takes for left out, where it has none."""
        return f"{self.layer.name}/{name}" if name in self.layer.weights else ""

    def to_keras_axes(self, tensor: str, axes: int) -> str:
        """A tensor of so many axes with Keras' order of them."""
        return self.node("Transpose", tensor, perm=TO_KERAS) if axes == 4 else tensor

    def to_native_axes(self, tensor: str, axes: int) -> str:
        """The reverse of `to_keras_axes`."""
        return self.node("Transpose", tensor, perm=TO_NATIVE) if axes == 4 else tensor

    def reshaped(self, tensor: str, shape: Shape) -> str:
        """A tensor in Keras' order of axes with other axes after that of the batch."""
        return self.node("Reshape", tensor, self.constant((-1, *shape), np.int64))

    def name_output(self, tensor: str) -> str:
        """Give the layer's result the layer's name; returns that name."""
        if tensor not in self.inputs and self.parts.nodes[-1].output[0] == tensor:
            self.parts.nodes[-1].output[0] = self.layer.name
        else:
            self.parts.nodes.append(
                helper.make_node("Identity", [tensor], [self.layer.name], name=f"{self.layer.name}/Identity")
            )
        return self.layer.name

    def _new_name(self, use: str) -> str:
        self.made += 1
        return f"{self.layer.name}/{use}_{self.made}"


Emit = Callable[[Step], str]
"""Writes the nodes of one layer; returns the name of the result."""
