"""A model in 8-bit integers: a quarter of the size, and faster where the processor multiplies bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.bundle import read, read_network, write_graph
from eyespot.bundle.graph import PIXELS, to_onnx
from eyespot.errors import InputError
from eyespot.exporting.folding import fold_normalizations

_WEIGHTED = ("Conv", "Gemm")
_OPERATORS = (
    *_WEIGHTED,
    *("Relu", "Clip", "Add", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool", "Reshape", "Transpose", "Flatten"),
)
"""What computes in integers: what weighs, and what lies between in most networks and has integers in and out."""

_GROUP = 10
"""The range of a layer's numbers, which eight bits divide into steps, is the mean of those over groups of so many pictures.

The range over all of them would make the steps coarse for the sake of one picture: on the network that ships, the divergence
from the original's probabilities was six times as large. With groups of one it was nine times: too many numbers lay outside.
"""


@dataclass
class _Calibration:
    """The pictures as ONNX Runtime asks for them."""

    batches: Iterator[NDArray[np.uint8]]

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self.batches, None)
        return None if batch is None else {PIXELS: batch}


def quantize(model_path: Path, pictures: NDArray[np.uint8], out_path: Path) -> float:
    """Write a model file as one that computes in integers: quantized statically, in ONNX's form with explicit scales.

    Activations have 8 bits unsigned, weights a scale for each output channel. Two layers stay in float32: the first, which is
    small and, where it takes differences of pixels, needs exact weights; and the last, which tells the classes apart. Weights
    have 7 bits, as processors without instructions for it (VNNI) add two products in 16 bits: so the sum always fits.

    Args:
        model_path: a model file that Eyespot wrote.
        pictures: (n, height, width, 3) uint8 at the model's size, such as it was trained on, in any order. The range of each
            layer's numbers is taken from them; some hundreds are enough.
        out_path: where the new file goes. It says of itself what the original says; only its golden pictures are computed anew,
            and its network cannot be had back.

    Returns: the share of `pictures` to which both files give the same answer, 0-1.

    Errors: InputError for pictures of another shape or type, or none; ModelError as `eyespot.bundle.read`.
    """
    original, description = read(model_path)
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (*description.size, 3) or not len(pictures):
        wanted = f"(n, {description.size[0]}, {description.size[1]}, 3) uint8"
        raise InputError(f"quantizing takes at least one picture, {wanted}; got {pictures.shape} {pictures.dtype}")
    graph = to_onnx(fold_normalizations(read_network(model_path)))
    write_graph(out_path, _quantized(graph, pictures), description)
    quantized, _ = read(out_path)
    answers = [np.concatenate(list(model.batches(pictures))).argmax(axis=1) for model in (original, quantized)]
    return float((answers[0] == answers[1]).mean())


def _quantized(graph: Any, pictures: NDArray[np.uint8]) -> Any:
    """The graph with integers between its operators, as an `onnx.ModelProto`."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    groups = -(-len(pictures) // _GROUP)
    weighted = [node.name for node in graph.graph.node if node.op_type in _WEIGHTED]
    # The mark keeps ONNX Runtime from advising its own preparation, part of which is done above.
    add_pre_process_metadata(graph)
    with TemporaryDirectory() as folder:
        given, made = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        onnx.save(graph, given)
        quantize_static(
            given,
            made,
            _Calibration(pictures[number::groups] for number in range(groups)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_exclude=[*weighted[:1], *weighted[-1:]],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"CalibMovingAverage": True},
        )
        return onnx.load(made)
