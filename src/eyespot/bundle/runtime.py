"""A model's bytes, computed by ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.environment import threads as usable_threads
from eyespot.errors import ModelError

_BATCH_PIXELS = 2**15
"""So many pixels, at most, go through the network at once: what one layer leaves for the next then stays in a core's cache."""
_LARGEST_BATCH = 256
_FATAL = 4


class Runtime:
    """A model ready to compute.

    A few pictures are computed one batch after another, the threads sharing the work within each layer: the first answer comes
    soonest. With more of them each thread computes batches of its own, so that none waits for another at every layer's end.

    Args:
        model: the bytes of an ONNX file with one input and one output.
        threads: how many threads compute; None: as many as there are cores for this process.
        name: what errors call the model.

    Attributes:
        metadata: the file's own, key -> value.
        inputs, outputs: the graph's, each with `name`, `type` and `shape`.

    Errors: ModelError, where ONNX Runtime cannot run the model.
    """

    def __init__(self, model: bytes, threads: int | None = None, *, name: str = "the model") -> None:
        self._model = model
        self._name = name
        self._threads = threads or usable_threads()
        # Left to itself, ONNX Runtime counts the cores of the whole machine, but knows which threads are two halves of one.
        has_whole_machine = threads is None and self._threads == os.cpu_count()
        self._session = self._open(0 if has_whole_machine else self._threads)
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()

    def batches(self, images: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        """The probabilities of `images`, (n, height, width, 3) uint8, in batches of bounded size: (m, classes) float32 each."""
        height, width = images.shape[1:3]
        size = min(max(_BATCH_PIXELS // (height * width), 1), _LARGEST_BATCH)
        side_by_side = len(images) >= max(size, 2) and self._threads > 1
        if side_by_side:
            size = min(size, -(-len(images) // self._threads))
        batches = (images[start : start + size] for start in range(0, len(images), size))
        if side_by_side:
            with ThreadPoolExecutor(self._threads) as pool:
                yield from pool.map(partial(self._run, self._session_of_one_thread), batches)
        else:
            yield from map(partial(self._run, self._session), batches)

    @cached_property
    def _session_of_one_thread(self) -> Any:
        """Runs within the thread that calls it; any number of threads may call it at once."""
        return self._open(threads=1)

    def _open(self, threads: int) -> Any:
        """A session in which so many threads share the work of a layer; 0: as many as there are cores."""
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        # What goes wrong is raised as an error; the log beside it is not for the user.
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = threads
        try:
            return InferenceSession(self._model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            raise ModelError(f"{self._name} cannot be run by ONNX Runtime: {_first_line(error)}") from error

    def _run(self, session: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            (probabilities,) = session.run(None, {self.inputs[0].name: np.ascontiguousarray(images)})
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            raise ModelError(f"ONNX Runtime fails on the model: {_first_line(error)}") from error
        result: NDArray[np.float32] = probabilities
        return result


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
