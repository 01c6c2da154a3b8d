"""A trained network written into its run, as model.keras and model.onnx, and the latter compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot import bundle
from eyespot.errors import RunError, VerificationError
from eyespot.files import atomic_path
from eyespot.models.keras_network import read, uncompiled
from eyespot.run_folder import RunFolder

_AT_ONCE = 32  # Keras holds every layer of so many pictures

VERIFIED_PICTURES = 256
"""So many real pictures are put through the trained network and the written model, and must come out alike."""


def write_model(
    folder: RunFolder,
    model: Any,
    description: bundle.Description,
    pictures: NDArray[np.uint8],
    expected: NDArray[np.floating[Any]] | None = None,
) -> float:
    """Write both files, and return by how much, at most, model.onnx's probabilities differ from those expected.

    Args:
        folder: the run.
        model: the trained Keras model.
        description: what model.onnx says about itself.
        pictures: (n, height, width, 3) uint8, at least one; the first 256 are compared.
        expected: (n, classes), the probabilities of these pictures; None: what Keras computes, which may take long.

    Errors: RunError, where a file cannot be written; VerificationError, where the written model does not compute what was
    trained: then there is none.
    """
    with _writing(folder.keras_model) as path, atomic_path(path) as temporary:
        uncompiled(model).save(temporary)
    with _writing(folder.model) as path:
        bundle.write(path, read(model), description)
    pictures = pictures[:VERIFIED_PICTURES]
    if expected is None:
        expected = model.predict(pictures.astype(np.float32), batch_size=_AT_ONCE, verbose=0)
    try:
        return bundle.verify(folder.model, pictures, expected[:VERIFIED_PICTURES])
    except VerificationError:
        folder.model.unlink()  # nobody is to predict with it
        raise


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """The path, with a disk that is full or not writable turned into a RunError that names it."""
    try:
        yield path
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
