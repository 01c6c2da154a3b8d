"""Every environment variable, cache folder and limit, in one place.

| variable | meaning | default |
|---|---|---|
| `EYESPOT_HOME` | where downloads and caches lie | the platform's cache folder |
| `EYESPOT_OFFLINE` | `1`: nothing is ever downloaded | unset |
| `EYESPOT_CIFAR10` | an official CIFAR-10 archive or folder | unset |
| `KERAS_HOME` | where Keras keeps its data sets; a CIFAR-10 there is used | `~/.keras` |
| `KERAS_BACKEND` | the backend Keras is imported with | `torch` |
"""

from __future__ import annotations

import os
from pathlib import Path

MAX_PIXELS = 50_000_000
"""Pictures with more pixels than this are refused before they are decoded."""

MAX_ARCHIVE_BYTES = 20 * 2**30
"""A zip that would unpack to more bytes than this is refused."""

MAX_ARCHIVE_RATIO = 200
"""A zip member of more than `MAX_UNCHECKED_BYTES` that would unpack to more than this many times its packed size is refused."""

MAX_UNCHECKED_BYTES = 16 * 2**20
"""A zip member of at most this many bytes may be packed as tightly as it likes: drawings in plain colours are."""

MAX_PICTURE_BYTES = 2**29
"""A picture in a zip may have at most this many bytes; 50 megapixels of 16 bits in four channels have 400 million."""

MAX_MODEL_BYTES = 2**30
"""A model file larger than this is refused."""

MAX_DOWNLOAD_BYTES = 25_000_000
"""A picture fetched from an address may have at most this many bytes."""

MAX_FEATURES_BYTES = 2**30
"""The features of pictures that are kept for the next time may take about this many bytes; those not used longest go first."""

DOWNLOAD_TIMEOUT = 20.0
"""Seconds without a byte after which a download counts as stalled."""


def home() -> Path:
    """The folder for downloads and caches; not made here."""
    chosen = os.environ.get("EYESPOT_HOME")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("eyespot"))


def backbones_folder() -> Path:
    """The folder for backbones and the weights that they are made of; not made here."""
    return home() / "backbones"


def offline() -> bool:
    """Whether downloads are forbidden."""
    return os.environ.get("EYESPOT_OFFLINE", "") not in ("", "0")


def cifar10_path() -> Path | None:
    """The user's own CIFAR-10 archive or folder, where one is named."""
    chosen = os.environ.get("EYESPOT_CIFAR10")
    return Path(chosen).expanduser() if chosen else None


def keras_home() -> Path:
    """The folder in which Keras keeps the data sets it downloaded."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def choose_keras_backend() -> None:
    """Have Keras use torch unless the user chose otherwise; to be called before Keras is imported."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
