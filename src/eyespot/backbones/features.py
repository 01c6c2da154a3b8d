"""The features of pictures: computed by ONNX Runtime once, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eyespot import settings
from eyespot.backbones.finding import Backbone
from eyespot.bundle.runtime import Runtime
from eyespot.errors import InputError, ModelError
from eyespot.images import RESIZE_RULE
from eyespot.progress import SILENT, Progress

_FORMAT = 1
"""The version of how features are computed and kept; with another one all are computed anew."""

_CHUNK = 256
"""After so many pictures their features are kept: a long computation that is broken off is not begun anew."""


def features_of(
    backbone: Backbone,
    pictures: NDArray[np.uint8],
    *,
    threads: int | None = None,
    cache_file: Path | None = None,
    progress: Progress = SILENT,
) -> NDArray[np.float32]:
    """What a backbone makes of pictures; of those that it has seen before nothing is computed again.

    A picture is known again by its pixels, whatever its name and wherever it lies. What another backbone makes of it, or what
    was resized by another rule, is something else.

    Args:
        backbone: the network.
        pictures: (n, height, width, 3) uint8 at the backbone's `size`: what `eyespot.data.load(source, backbone.size)` reads.
        threads: how many threads compute; None: as many as the processor has cores.
        cache_file: where features are kept; None: in `settings.home()`. Where that cannot be, they are computed all the same.
        progress: is told how far the work has come, and why features are not kept, where they are not.

    Returns: (n, d).

    Errors: InputError for pictures of another shape or type; ModelError, where ONNX Runtime fails on the network.
    """
    _check(backbone, pictures)
    from eyespot.backbones import cache  # a Python without SQLite can train from scratch all the same

    path = cache_file or settings.home() / "features.sqlite"
    keys = _keys(backbone, pictures)
    found = {key: vector for key, vector in cache.load(path, keys).items() if vector.shape == (backbone.features,)}
    # Pictures that are the same to the last pixel have one key, and are computed once.
    missing = {key: position for position, key in enumerate(keys) if key not in found}
    if missing:
        found |= _computed(backbone, pictures, missing, path, threads, progress)
    return np.stack([found[key] for key in keys]) if keys else np.empty((0, backbone.features), np.float32)


def _computed(
    backbone: Backbone,
    pictures: NDArray[np.uint8],
    missing: Mapping[bytes, int],
    path: Path,
    threads: int | None,
    progress: Progress,
) -> dict[bytes, NDArray[np.float32]]:
    """The features of the pictures at the positions `missing`, by their keys; kept as they come."""
    from eyespot.backbones import cache

    runtime = Runtime(_graph(backbone), threads, name=str(backbone.path))
    keys = list(missing)
    computed: dict[bytes, NDArray[np.float32]] = {}
    prevented = None
    with progress.task("computing features", len(keys)) as task:
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            rows: list[NDArray[np.float32]] = []
            for batch in runtime.batches(pictures[[missing[key] for key in chunk]]):
                rows += list(batch)
                task.advance(len(batch))
            fresh = dict(zip(chunk, rows, strict=True))
            # What cannot be kept once is not tried again: another process may be waited for each time.
            prevented = prevented or cache.keep(path, fresh, settings.MAX_FEATURES_BYTES)
            computed |= fresh
    if prevented:
        progress.note(f"the features are not kept for the next time: {path}: {prevented}")
    return computed


def _graph(backbone: Backbone) -> bytes:
    from eyespot.bundle.graph import to_onnx  # imports onnx

    try:
        graph: bytes = to_onnx(backbone.network).SerializeToString()
    except Exception as error:  # a forged description may hold anything, and onnx raises nearly anything
        raise ModelError(f"{backbone.path} does not hold the network that it describes: {error!r}") from error
    return graph


def _keys(backbone: Backbone, pictures: NDArray[np.uint8]) -> list[bytes]:
    """For each picture the SHA-256 of all that its features follow from."""
    common = {"format": _FORMAT, "backbone": backbone.hash, "size": backbone.size, "resize": RESIZE_RULE}
    digest = hashlib.sha256(json.dumps(common, sort_keys=True).encode())
    keys = []
    for picture in pictures:
        own = digest.copy()
        own.update(np.ascontiguousarray(picture).data)
        keys.append(own.digest())
    return keys


def _check(backbone: Backbone, pictures: NDArray[np.uint8]) -> None:
    expected = (*backbone.size, 3)
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != expected:
        raise InputError(
            f"the backbone takes pictures (n, {', '.join(map(str, expected))}) uint8; got {pictures.shape} {pictures.dtype}"
        )
