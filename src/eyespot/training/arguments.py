"""What `fit` was given, checked: either honoured or refused by name, never ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.recipes.recipe import MOST_DATA_PRUNING
from eyespot.training.arrays import Arrays, Expected, read_arrays, with_class_weights
from eyespot.training.augment import Augmentation

DEFAULT_BATCH_SIZE = 32
"""Keras' own."""


@dataclass(frozen=True)
class FitArguments:
    """The arguments of `fit`, ready for the loop.

    Attributes:
        training: what to train on; class weights have become weights of the examples.
        validation: what to watch, or None.
        batch_size: examples in one step of training.
        validation_batch_size: examples in one step of validation.
        epochs: the numbers of the epochs to train, from `initial_epoch`.
        steps: so many are done at most; None: all of the epochs.
        shuffle: whether each epoch has an order of its own.
        callbacks: Keras callbacks in the order given.
        verbose: 0 silent, 1 a progress bar, 2 one line an epoch, or `auto`.
        augmentation: how pictures are varied in training; None: not at all.
        label_smoothing: how much of each target is spread over all classes in training, 0-1.
        micro_batch: examples whose gradient is computed at once; None: those of a whole step.
        data_pruning: the share of the examples that is left out of most epochs, 0-0.5.
    """

    training: Arrays
    validation: Arrays | None
    batch_size: int
    validation_batch_size: int
    epochs: range
    steps: int | None
    shuffle: bool
    callbacks: tuple[Any, ...]
    verbose: str | int
    augmentation: Augmentation | None
    label_smoothing: float
    micro_batch: int | None
    data_pruning: float
    _validation_freq: int | tuple[int, ...]

    def validates(self, epoch: int) -> bool:
        """Whether the epoch numbered `epoch`, counted from 0, ends with a validation."""
        if isinstance(self._validation_freq, int):
            return (epoch + 1) % self._validation_freq == 0
        return epoch + 1 in self._validation_freq


def read_fit(
    x: Any,
    y: Any,
    *,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    is_sparse: bool | None,
    augmentation: Any = None,
    label_smoothing: Any = 0.0,
    micro_batch: Any = None,
    data_pruning: Any = 0.0,
    steps: Any = None,
    batch_size: Any = None,
    epochs: Any = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: Any = 0.0,
    validation_data: Any = None,
    shuffle: Any = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: Any = 0,
    steps_per_epoch: Any = None,
    validation_steps: Any = None,
    validation_batch_size: Any = None,
    validation_freq: Any = 1,
) -> FitArguments:
    """The arguments of Keras' `fit`, which mean here what they mean there, and those that only `eyespot.fit` has.

    Args:
        x: pictures, (n, height, width, channels), an array in memory.
        y: class numbers (n,) or (n, 1), or distributions (n, classes), as the loss takes them.
        input_shape: what the network takes, (height, width, channels).
        output_shape: what the network gives for one picture, (classes,).
        is_sparse: whether the loss takes class numbers; None: either (`Loss.is_sparse`).
        augmentation: an `Augmentation`, or None.
        label_smoothing: 0-1.
        micro_batch: at least 1, or None.
        data_pruning: 0-0.5; more than 0 only where the examples are shuffled.
        steps: at least 1, or None.

    Errors: InputError says what was expected and what came; UnsupportedError names the argument or the kind of data that the
    engine does not know.
    """
    for name, value in (("steps_per_epoch", steps_per_epoch), ("validation_steps", validation_steps)):
        if value is not None:
            raise UnsupportedError(f"the engine passes over all examples; it does not know {name}; got {value!r}")
    expected = Expected(tuple(input_shape), _classes(output_shape), is_sparse)
    training = read_arrays("", x, y, sample_weight, expected)
    split = _number("validation_split", 0.0 if validation_split is None else validation_split)
    if validation_data is not None:
        validation = _validation(validation_data, expected)  # as in Keras, it goes before validation_split
    elif split:
        training, validation = _split(training, split)
    else:
        validation = None
    if class_weight is not None:
        training = with_class_weights(training, class_weight, expected.classes)
    shuffles = _shuffle(shuffle)
    training_batch = _count("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, least=1)
    return FitArguments(
        training=training,
        validation=validation,
        batch_size=training_batch,
        validation_batch_size=_count(
            "validation_batch_size", training_batch if validation_batch_size is None else validation_batch_size, least=1
        ),
        epochs=range(_count("initial_epoch", initial_epoch, least=0), _count("epochs", epochs, least=0)),
        steps=None if steps is None else _count("steps", steps, least=1),
        shuffle=shuffles,
        callbacks=_callbacks(callbacks),
        verbose=_verbose(verbose),
        augmentation=_augmentation(augmentation, training),
        label_smoothing=_share("label_smoothing", label_smoothing, most=1),
        micro_batch=None if micro_batch is None else _count("micro_batch", micro_batch, least=1),
        data_pruning=_data_pruning(data_pruning, shuffles),
        _validation_freq=_validation_freq(validation_freq),
    )


def _classes(output_shape: tuple[int, ...]) -> int:
    if len(output_shape) != 1 or output_shape[0] < 2:
        raise UnsupportedError(
            "the engine trains classifiers, networks that give one number for each of two or more classes;"
            f" this one gives {tuple(output_shape)} for a picture"
        )
    return output_shape[0]


def _validation(data: Any, expected: Expected) -> Arrays:
    if not isinstance(data, (tuple, list)):
        if hasattr(data, "__array__") or isinstance(data, (str, bytes, int, float, Mapping)):
            raise InputError(f"validation_data must be (x, y) or (x, y, sample_weight); got {type(data).__name__}")
        raise UnsupportedError(
            f"the engine takes validation_data as (x, y) or (x, y, sample_weight); got {type(data).__name__}"
        )
    if len(data) not in (2, 3):
        raise InputError(f"validation_data must be (x, y) or (x, y, sample_weight); got {len(data)} values")
    return read_arrays("validation_data: ", data[0], data[1], data[2] if len(data) == 3 else None, expected)


def _split(arrays: Arrays, fraction: float) -> tuple[Arrays, Arrays]:
    """(the first examples, the last), before any shuffling, as Keras splits."""
    if not 0 < fraction < 1:
        raise InputError(f"validation_split must be a fraction, at least 0 and below 1; got {fraction}")
    at = math.floor(len(arrays) * (1 - fraction))
    if at == 0:
        raise InputError(f"validation_split={fraction} of {len(arrays)} examples leaves none to train on")
    if at == len(arrays):
        raise InputError(f"validation_split={fraction} of {len(arrays)} examples leaves none to validate on")
    return arrays.part(0, at), arrays.part(at, len(arrays))


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{name} must be a number; got {value!r}")
    return float(value)


def _share(name: str, value: Any, *, most: float) -> float:
    number = _number(name, value)
    if not 0 <= number <= most:
        raise InputError(f"{name} must be from 0 to {most:g}; got {value!r}")
    return number


def _data_pruning(value: Any, shuffles: bool) -> float:
    share = _share("data_pruning", value, most=MOST_DATA_PRUNING)
    if share and not shuffles:
        raise InputError("data_pruning leaves out every other easy example of a random order, so it needs shuffle=True")
    return share


def _augmentation(value: Any, training: Arrays) -> Augmentation | None:
    if value is None:
        return None
    if not isinstance(value, Augmentation):
        raise InputError(f"augmentation must be an eyespot.training.Augmentation or None; got {value!r}")
    value.check(*training.pixels.shape[1:3])
    return value if value.changes_pictures else None


def _count(name: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}; got {value!r}")
    return int(value)


def _shuffle(value: Any) -> bool:
    if isinstance(value, str) and value == "batch":
        raise UnsupportedError("the engine shuffles all examples or none; it does not know shuffle='batch'")
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"shuffle must be True or False; got {value!r}")
    return bool(value)


def _callbacks(value: Any) -> tuple[Any, ...]:
    if isinstance(value, keras.callbacks.CallbackList):
        raise UnsupportedError("the engine makes its own CallbackList; give it the callbacks in a plain list")
    callbacks = () if value is None else tuple(keras.tree.flatten(value))
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks must be Keras callbacks (objects, not classes); got {callback!r}")
    return callbacks


def _verbose(value: Any) -> str | int:
    if value not in ("auto", 0, 1, 2):
        raise InputError(f"verbose must be 'auto', 0, 1 or 2; got {value!r}")
    return value if isinstance(value, str) else int(value)


def _validation_freq(value: Any) -> int | tuple[int, ...]:
    if isinstance(value, (list, tuple, set)):
        return tuple(_count("validation_freq", entry, least=1) for entry in value)
    return _count("validation_freq", value, least=1)
