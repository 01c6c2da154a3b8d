"""The examples that `fit` was given, checked against what the network and the loss take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras

Array = NDArray[Any]

_KEPT_PIXELS = ("uint8", "float32", "float64")
_KEPT_TARGETS = ("uint8", "float32", "float64")

_CHUNK = 256
"""So many examples are looked through at a time for the one at fault."""


@dataclass(frozen=True)
class Expected:
    """What examples must look like.

    Attributes:
        input_shape: of a picture, (height, width, channels).
        classes: how many there are.
        is_sparse: whether targets are class numbers; None: either.
    """

    input_shape: tuple[int, ...]
    classes: int
    is_sparse: bool | None


@dataclass(frozen=True)
class Arrays:
    """Examples in memory, not copied where their type can stay.

    Attributes:
        pixels: (n, height, width, channels) uint8, float32 or float64.
        targets: (n,) int64 class numbers, or (n, classes) uint8, float32 or float64 distributions.
        weights: (n,) float32 or float64, how much each example counts; None: each counts 1.
        target_shape: the shape of one target as it came: (), (1,) or (classes,).
    """

    pixels: Array
    targets: Array
    weights: Array | None
    target_shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def part(self, start: int, stop: int) -> Arrays:
        """The examples from `start` up to `stop`."""
        weights = None if self.weights is None else self.weights[start:stop]
        return Arrays(self.pixels[start:stop], self.targets[start:stop], weights, self.target_shape)


def read_arrays(where: str, x: Any, y: Any, sample_weight: Any, expected: Expected) -> Arrays:
    """The examples of one data set.

    Args:
        where: the beginning of an error's text, such as `validation_data: `.
        x: pictures.
        y: targets.
        sample_weight: how much each example counts, (n,) or (n, 1), or None.
        expected: what the network and the loss take.

    Errors: InputError for a wrong shape, type or value; UnsupportedError for data that is not in memory as an array.
    """
    pixels = _pixels(where, _array(f"{where}x", x), expected)
    given = _array(f"{where}y", y)
    targets = _targets(where, given, len(pixels), expected)
    weights = None if sample_weight is None else _weights(where, _array(f"{where}sample_weight", sample_weight), len(pixels))
    return Arrays(pixels, targets, weights, given.shape[1:])


def with_class_weights(arrays: Arrays, class_weight: Any, classes: int) -> Arrays:
    """The examples weighted by their classes, as Keras does: a class that is not named counts 1.

    Errors: InputError, where `class_weight` is no dictionary of class numbers and weights, or there are weights already.
    """
    if arrays.weights is not None:
        raise InputError("class_weight and sample_weight exclude each other, as in Keras; give one of them")
    if not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight must be a dictionary {{class number: weight}}; got {type(class_weight).__name__}")
    table = np.ones(classes, keras.config.floatx())
    for label, weight in class_weight.items():
        if not _is_number(label) or label != int(label) or not 0 <= label < classes:
            raise InputError(f"class_weight must name classes by their numbers, 0 to {classes - 1}; got {label!r}")
        if not _is_number(weight):
            raise InputError(f"class_weight must give each class a number; got {weight!r} for class {label}")
        table[int(label)] = weight
    labels = arrays.targets if arrays.targets.ndim == 1 else arrays.targets.argmax(axis=-1)
    return replace(arrays, weights=table[labels])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _array(name: str, value: Any) -> Array:
    """`value` as an array of numbers, without a copy where that can be."""
    if value is None:
        raise InputError(f"{name} is missing; the engine trains on arrays of pictures and of targets")
    if isinstance(value, (str, bytes, int, float, list, tuple, Mapping)):
        raise InputError(f"{name} must be an array; got {type(value).__name__}")
    if not hasattr(value, "__array__"):
        kind = type(value)
        raise UnsupportedError(
            f"the engine trains on arrays in memory; {name} is a {kind.__name__} ({kind.__module__}), which it does not know"
        )
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} must hold numbers; got an array of {array.dtype}")
    return array


def _pixels(where: str, x: Array, expected: Expected) -> Array:
    if x.ndim != 4 or x.shape[1:] != expected.input_shape:
        wanted = ", ".join(map(str, expected.input_shape))
        raise InputError(f"{where}x must be pictures (n, {wanted}), as the network takes them; got shape {x.shape}")
    if not len(x):
        raise InputError(f"{where}x holds no pictures; got shape {x.shape}")
    return _finite(f"{where}x", x if x.dtype.name in _KEPT_PIXELS else x.astype(np.float32))


def _targets(where: str, y: Array, n: int, expected: Expected) -> Array:
    classes = expected.classes
    is_column = y.shape[1:] in ((), (1,))
    is_distribution = y.shape[1:] == (classes,)
    if y.ndim == 0 or not (is_column or is_distribution):
        raise InputError(f"{where}y must be class numbers (n,) or (n, 1), or one-hot (n, {classes}); got shape {y.shape}")
    if len(y) != n:
        raise InputError(f"{where}x and y must have as many examples; got {n} and {len(y)}")
    if expected.is_sparse is True and not is_column:
        raise InputError(
            f"{where}y is one-hot, shape {y.shape}, but the loss takes class numbers; compile with categorical_crossentropy,"
            " or give y.argmax(axis=-1)"
        )
    if expected.is_sparse is False and not is_distribution:
        raise InputError(
            f"{where}y holds class numbers, shape {y.shape}, but the loss takes one-hot targets; compile with"
            " sparse_categorical_crossentropy, or give keras.utils.to_categorical(y)"
        )
    if is_distribution:
        kept = y if y.dtype.name in _KEPT_TARGETS else y.astype(np.uint8 if y.dtype == bool else np.float32)
        return _finite(f"{where}y", kept)
    return _labels(where, y.reshape(-1), classes)


def _labels(where: str, y: Array, classes: int) -> Array:
    with np.errstate(invalid="ignore"):  # a NaN is found below
        labels = y.astype(np.int64)
    wrong = (labels != y) | (labels < 0) | (labels >= classes)
    if wrong.any():
        raise InputError(
            f"{where}y must hold class numbers from 0 to {classes - 1}, as many as the network has outputs;"
            f" got {y[wrong][0]} at position {int(wrong.argmax())}"
        )
    return labels


def _weights(where: str, weights: Array, n: int) -> Array:
    if weights.shape not in ((n,), (n, 1)):
        raise InputError(f"{where}sample_weight must have one number for each of the {n} examples; got shape {weights.shape}")
    weights = weights.reshape(-1)
    kept = weights if weights.dtype.name in ("float32", "float64") else weights.astype(np.float32)
    return _finite(f"{where}sample_weight", kept)


def _finite(name: str, values: Array) -> Array:
    """The same values, none of them NaN or infinite: with one of those, the first step would turn all weights into NaN."""
    if values.dtype.kind != "f":
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):  # one pass, and no memory; large numbers may overflow, and are looked at below
            return values
    for start in range(0, len(values), _CHUNK):
        wrong = ~np.isfinite(values[start : start + _CHUNK])
        if wrong.any():
            first, *inner = (int(place) for place in np.unravel_index(int(wrong.argmax()), wrong.shape))
            position = (start + first, *inner)
            shown = ", ".join(map(str, position))
            raise InputError(f"{name} must hold finite numbers; got {values[position]} at position {shown}")
    return values
