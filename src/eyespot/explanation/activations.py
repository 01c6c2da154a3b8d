"""What every layer makes of one picture: all inner tensors of the network, computed by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError, ModelError
from eyespot.network import Network, Shape

Activations = Mapping[str, NDArray[np.float32]]
"""Each layer's output by its name, in Keras' layout without the batch axis: (height, width, channels) or (features,)."""

_FATAL = 4


def activations(network: Network, picture: NDArray[np.uint8]) -> Activations:
    """Each layer's output for one picture, (height, width, 3) uint8 at the network's own size.

    For several pictures, `reader` builds the graph once.

    Errors: InputError for a picture of another shape or type; ModelError, where ONNX Runtime cannot compute the network.
    """
    return reader(network)(picture)


def reader(network: Network) -> Callable[[NDArray[np.uint8]], Activations]:
    """A function from a picture to each layer's output, as `activations`; the graph is built here, once."""
    from onnx import ValueInfoProto
    from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

    from eyespot.bundle.graph import PIXELS, to_onnx

    first, *others = network.layers
    names = [layer.name for layer in others]
    model = to_onnx(network)
    del model.graph.output[:]
    model.graph.output.extend(ValueInfoProto(name=name) for name in names)
    options = SessionOptions()
    options.log_severity_level = _FATAL
    # Every tensor is asked for, so there is nothing to fuse; and the graph is ready sooner.
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        raise ModelError(f"the network cannot be run by ONNX Runtime: {_first_line(error)}") from error

    def read(picture: NDArray[np.uint8]) -> Activations:
        if picture.shape != network.input_shape or picture.dtype != np.uint8:
            wanted = f"({', '.join(map(str, network.input_shape))}) uint8"
            raise InputError(f"the network takes a picture {wanted}; got {picture.shape} {picture.dtype}")
        try:
            results = session.run(names, {PIXELS: np.ascontiguousarray(picture[None])})
        except Exception as error:  # as above
            raise ModelError(f"ONNX Runtime fails on the network: {_first_line(error)}") from error
        outputs = {name: _in_keras_layout(result, network.shapes[name]) for name, result in zip(names, results, strict=True)}
        return {first.name: picture.astype(np.float32), **outputs}

    return read


def _in_keras_layout(result: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """One layer's tensor, (1, ...) with the channels of maps first, as Keras would lay it out."""
    picture: NDArray[np.float32] = result[0]
    return picture.transpose(1, 2, 0) if len(shape) == 3 else picture


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
