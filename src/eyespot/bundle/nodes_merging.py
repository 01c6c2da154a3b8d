"""The nodes of layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from eyespot.bundle.step import Emit, Step
from eyespot.network import Shape, native_axis


def _with_rank(step: Step, tensor: str, shape: Shape, rank: int) -> str:
    """A tensor with axes of size 1 put in after the batch axis until a picture has `rank` of them, as Keras does."""
    if len(shape) == rank:
        return tensor
    longer = step.reshaped(step.to_keras_axes(tensor, len(shape) + 1), (*(1,) * (rank - len(shape)), *shape))
    return step.to_native_axes(longer, rank + 1)


def _elementwise(operator: str) -> Emit:
    def emit(step: Step) -> str:
        rank = max(map(len, step.shapes))
        tensors = [_with_rank(step, tensor, shape, rank) for tensor, shape in zip(step.inputs, step.shapes, strict=True)]
        return reduce(lambda left, right: step.node(operator, left, right), tensors)

    return emit


LAYERS: Mapping[str, Emit] = {
    "Add": _elementwise("Add"),
    "Multiply": _elementwise("Mul"),
    "Concatenate": lambda step: step.node("Concat", *step.inputs, axis=native_axis(step.config["axis"], step.shapes[0])),
}
