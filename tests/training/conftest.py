"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from eyespot.models.backend import keras


@pytest.fixture
def keras_in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras on torch computes in float32 what is float64, as JAX would; this has it compute in float64, as TensorFlow does."""
    dtypes = import_module("keras.src.backend.common.dtypes")
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
