"""Pictures known again by their pixels: digests, and short ones to write down where that has to be known much later."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

MOST = 5_000
"""Of more pictures than this nothing is written down: their short digests take 40 kB."""

_SHORT = 8  # bytes; of 5,000 pictures and 5,000 others, two different ones are taken for the same once in 10^11 times


def digest(picture: NDArray[np.uint8]) -> bytes:
    """The 16 bytes that (height, width, 3) pixels are known by; only pictures of one size are to be compared."""
    return hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).digest()


def short_digests(pictures: Iterable[NDArray[np.uint8]]) -> tuple[bytes, ...]:
    """The first 8 bytes of each picture's digest."""
    return tuple(digest(picture)[:_SHORT] for picture in pictures)


def to_text(digests: Iterable[bytes]) -> str:
    """Short digests as one text in base64; in which order they came, and how often, it does not say."""
    return base64.b64encode(b"".join(sorted(set(digests)))).decode()


def from_text(text: object) -> frozenset[bytes]:
    """The short digests that `to_text` wrote down. Errors: ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"digests of pictures are a text; got {type(text).__name__}")
    joined = base64.b64decode(text, validate=True)
    if len(joined) % _SHORT:
        raise ValueError(f"digests of pictures have {_SHORT} bytes each; got {len(joined):,} in all")
    return frozenset(joined[start : start + _SHORT] for start in range(0, len(joined), _SHORT))
