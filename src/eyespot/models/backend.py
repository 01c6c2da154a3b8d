"""The one place that imports Keras."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eyespot.errors import MissingExtraError
from eyespot.settings import choose_keras_backend


def _import_keras() -> Any:
    choose_keras_backend()
    try:
        return import_module("keras")
    except ModuleNotFoundError as error:
        if error.name not in ("keras", "torch", "tensorflow", "jax"):
            raise
        raise MissingExtraError("Building and training networks", "train") from error


keras = _import_keras()
"""Keras, on the torch backend unless the user chose another."""
