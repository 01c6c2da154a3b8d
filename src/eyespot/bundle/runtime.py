"""A model's bytes, computed by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import ModelError

_BATCH_PIXELS = 2**18
"""So many pixels, at most, go through the network at once: activations take some hundred bytes a pixel."""
_LARGEST_BATCH = 256
_FATAL = 4


class Runtime:
    """A model ready to compute.

    Args:
        model: the bytes of an ONNX file with one input and one output.
        threads: how many threads compute; None: as many as the processor has cores.
        name: what errors call the model.

    Attributes:
        metadata: the file's own, key -> value.
        inputs, outputs: the graph's, each with `name`, `type` and `shape`.

    Errors: ModelError, where ONNX Runtime cannot run the model.
    """

    def __init__(self, model: bytes, threads: int | None = None, *, name: str = "the model") -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        # What goes wrong is raised as an error; the log beside it is not for the user.
        options.log_severity_level = _FATAL
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session: Any = InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            raise ModelError(f"{name} cannot be run by ONNX Runtime: {_first_line(error)}") from error
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()

    def batches(self, images: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        """The probabilities of `images`, (n, height, width, 3) uint8, in batches of bounded size: (m, classes) float32 each."""
        height, width = images.shape[1:3]
        size = min(max(_BATCH_PIXELS // (height * width), 1), _LARGEST_BATCH)
        for start in range(0, len(images), size):
            batch = np.ascontiguousarray(images[start : start + size])
            try:
                (probabilities,) = self._session.run(None, {self.inputs[0].name: batch})
            except Exception as error:  # ONNX Runtime's errors have no base class of their own
                raise ModelError(f"ONNX Runtime fails on the model: {_first_line(error)}") from error
            yield probabilities


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
