"""The seal of a model file: its own checksum, kept within it.

The last entry of the metadata is `eyespot.sha256`; its 64 digits are the SHA-256 of the whole file with zeros in their place.
It is found by a search for bytes, so that a damaged file is told from a whole one before any parser sees it. It says that the
file is as Eyespot wrote it, not who wrote it.
"""

from __future__ import annotations

import hashlib

KEY = "eyespot.sha256"
BLANK = "0" * 64
"""Stands in the digits' place while the checksum is computed."""

# Protobuf writes the entry as: key (field 1, 14 bytes), value (field 2, 64 bytes).
_MARK = b"\x0a\x0e" + KEY.encode() + b"\x12\x40"


def seal(model: bytes) -> bytes:
    """The file with its checksum set in place of the blank one.

    Errors: ValueError, where it holds no blank seal.
    """
    start = _digits_start(model)
    if start is None or model[start : start + 64] != BLANK.encode():
        raise ValueError("there is no blank seal to fill in")
    return model[:start] + _checksum(model, start) + model[start + 64 :]


def is_sealed(model: bytes) -> bool:
    """Whether the file bears a seal, right or wrong."""
    return _digits_start(model) is not None


def is_intact(model: bytes) -> bool:
    """Whether the file bears a seal and is, byte for byte, what was sealed."""
    start = _digits_start(model)
    return start is not None and model[start : start + 64] == _checksum(model, start)


def _digits_start(model: bytes) -> int | None:
    position = model.rfind(_MARK)
    start = position + len(_MARK)
    return start if position >= 0 and start + 64 <= len(model) else None


def _checksum(model: bytes, start: int) -> bytes:
    digest = hashlib.sha256(memoryview(model)[:start])
    digest.update(BLANK.encode())
    digest.update(memoryview(model)[start + 64 :])
    return digest.hexdigest().encode()
