"""`fit`: what Keras' own `fit` does, on the native engine."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_network import frozen_layers, frozen_weights, read, unknown_layers
from eyespot.training import losses, metrics, optimizers
from eyespot.training.arguments import FitArguments, read_fit
from eyespot.training.arrays import Arrays
from eyespot.training.augment import Augmentation
from eyespot.training.compiled import Compiled, ensure_built, read_compiled
from eyespot.training.compute import choose_device, choose_precision, torch_set_up
from eyespot.training.data_pruning import DataPruning
from eyespot.training.exchange import CallbackObserver, WeightExchange, named_parameters
from eyespot.training.interruption import Interrupted, Interruption, noticed
from eyespot.training.loop import Engine, Examples, Schedule
from eyespot.training.lowering import NativeNetwork

_LOG = logging.getLogger("eyespot")

_MEANS = ("sum_over_batch_size", "mean")

_FLOATS = {"bfloat16": torch.float32, "float32": torch.float32, "float64": torch.float64}
"""The type that weights are held in for each precision: bfloat16 is only computed in."""


def fit(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    fallback: str | None = None,
    seed: int = 0,
    precision: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    augmentation: Augmentation | None = None,
    label_smoothing: float = 0.0,
    micro_batch: int | None = None,
    data_pruning: float = 0.0,
    steps: int | None = None,
    interruption: Interruption | None = None,
    **arguments: Any,
) -> Any:
    """Train a compiled Keras model, as `model.fit(x, y, ...)` would, in native torch.

    What `compile` and `fit` were given is honoured: optimizer (SGD, Adam, AdamW, RMSprop, Muon, MuonSGD) with its state,
    learning rate or schedule, categorical cross-entropy (one-hot or sparse), metrics, batch_size, epochs, initial_epoch,
    shuffle, validation_data, validation_split, validation_freq, class_weight, sample_weight, verbose and Keras callbacks. The
    weights and the optimizer's state are in the Keras model afterwards, so that stock `fit` can go on from there.

    Args:
        model: a compiled Keras model of known layers; see `supports`.
        x: pictures, (n, height, width, channels), an array in memory.
        y: class numbers (n,), or one-hot targets (n, classes), as the loss takes them.
        fallback: `keras`: hand the whole to stock `fit` where the engine does not know something, and say so in the log.
        seed: from which the order, the augmentation and the dropout follow; at least 0.
        precision: `bfloat16` (weights and updates in float32, but for MuonSGD's products), `float32`, `float64`, or `auto`:
            that of the model where it is float64, else bfloat16 where the device computes in it, else float32.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: processor threads; None: as torch has it.
        augmentation: how pictures are varied in training, not in validation; None: not at all.
        label_smoothing: what is minimized is the loss as if so much of each target, 0-1, were spread over all classes, as
            Keras' CategoricalCrossentropy has it. The figures, those of the training too, are of the loss without it.
        micro_batch: the gradient of a step is computed for so many examples at a time, of which alone batch normalization takes
            its statistics: less memory for large batches; None: for all at once.
        data_pruning: so large a share of the examples, at most 0.5, is left out of each epoch but the first two and the last:
            every other one of the easiest, by their loss when they were last learned from. The others of these count double for
            it. The figures of such an epoch are of the examples that it learns from. What `fit` is called anew for is not known
            yet, and not left out before the network has seen it.
        steps: training ends after so many, at the latest, in the middle of an epoch if need be, which then ends as others do,
            with its validation; None: all of the epochs.
        interruption: notes signals from the first step on, and goes on doing so afterwards; None: they are noted in `fit`
            alone.
        arguments: the other arguments of Keras' `fit`.

    Returns: Keras' `History`.

    On Linux the process keeps the memory that it freed from then on, which is much faster;
    `eyespot.training.memory.release_freed_memory` gives it back.

    Errors: UnsupportedError names what the engine does not know, InputError what does not fit; `Interrupted` (a
    KeyboardInterrupt) after Ctrl-C or SIGTERM, with the weights learned until then in the model.
    """
    if fallback not in (None, "keras"):
        raise InputError(f"fallback must be None or 'keras'; got {fallback!r}")
    if seed < 0:
        raise InputError(f"the seed must be a whole number of at least 0; got {seed!r}")
    own = {
        "augmentation": augmentation,
        "label_smoothing": label_smoothing,
        "micro_batch": micro_batch,
        "data_pruning": data_pruning,
        "steps": steps,
    }
    given = [name for name, value in own.items() if value]
    if fallback is not None and given:
        raise InputError(f"stock fit does not know {' and '.join(given)}; leave that out, or fallback={fallback!r}")
    try:
        ensure_built(model, tuple(getattr(x, "shape", ())[1:]))
        prepared = _prepare(model, x, y, seed, precision, device, {**own, **arguments})
    except UnsupportedError as error:
        if fallback is None:
            raise
        _LOG.warning("handing over to stock fit: %s", error)
        return model.fit(x, y, **arguments)
    with torch_set_up(threads):
        return prepared.run(interruption)


def supports(model: Any) -> list[str]:
    """The layers of a Keras model that the engine does not know, as `name (class)`; an empty list: it knows them all.

    `fit` may still refuse how they are put together or what they were given, such as a regularizer, and says so.

    Errors: InputError, where it is not a built Keras model; UnsupportedError for a subclassed one.
    """
    return unknown_layers(model)


class _Prepared:
    """A training ready to run."""

    def __init__(self, model: Any, engine: Engine, arguments: FitArguments, device: torch.device) -> None:
        self._model = model
        self._engine = engine
        self._arguments = arguments
        self._device = device

    def run(self, outer: Interruption | None) -> Any:
        """Train, and return Keras' History; signals are noted by `outer`, where there is one."""
        model, arguments = self._model, self._arguments
        exchange = WeightExchange(model, self._engine.network)
        callbacks = keras.callbacks.CallbackList(
            list(arguments.callbacks),
            add_history=True,
            add_progbar=arguments.verbose != 0,
            verbose=1 if arguments.verbose == "auto" else arguments.verbose,
            epochs=arguments.epochs.stop,
            steps=-(-len(arguments.training) // arguments.batch_size),
            model=model,
        )
        observer = CallbackObserver(model, callbacks, exchange)
        model.stop_training = False
        callbacks.on_train_begin()
        exchange.take_changes()
        with noticed(outer) as interruption:
            try:
                self._engine.train(
                    self._examples(arguments.training),
                    None if arguments.validation is None else self._examples(arguments.validation),
                    Schedule(
                        epochs=arguments.epochs,
                        steps=arguments.steps,
                        batch_size=arguments.batch_size,
                        validation_batch_size=arguments.validation_batch_size,
                        shuffle=arguments.shuffle,
                        validates=arguments.validates,
                    ),
                    observer,
                    interruption,
                )
            finally:
                exchange.put()
                self._engine.optimizer.write_back()
        callbacks.on_train_end(logs=_last(model.history))
        if interruption.signal is not None:
            raise Interrupted(interruption.signal)
        return model.history

    def _examples(self, arrays: Arrays) -> Examples:
        pixels, targets = (torch.from_numpy(np.ascontiguousarray(array)) for array in (arrays.pixels, arrays.targets))
        weights = None if arrays.weights is None else torch.from_numpy(arrays.weights).to(self._device)
        return Examples(pixels.to(self._device), targets.to(self._device), weights)


def _prepare(model: Any, x: Any, y: Any, seed: int, precision: str, device_name: str, arguments: dict[str, Any]) -> _Prepared:
    """Check everything and translate it; nothing is changed yet."""
    compiled = read_compiled(model)
    network = read(model)
    device = choose_device(device_name)
    if precision == "auto" and any(variable.dtype == "float64" for variable in model.trainable_variables):
        precision = "float64"
    precision = choose_precision(precision, device)
    frozen, frozen_ones = frozen_layers(model), frozen_weights(model)
    native = NativeNetwork(network, dtype=_FLOATS[precision], frozen=frozen, frozen_weights=frozen_ones).to(device)
    loss = losses.translate(compiled.loss, softmax_left_out=native.ends_in_softmax)
    output_shape = network.shapes[network.output]
    try:
        checked = read_fit(
            x, y, input_shape=network.input_shape, output_shape=output_shape, is_sparse=loss.is_sparse, **arguments
        )
    except TypeError as error:
        raise InputError(f"fit does not know an argument it was given: {str(error).rpartition(' ')[2]}") from None
    if checked.micro_batch is not None and loss.reduction not in _MEANS:
        raise UnsupportedError(f"the engine knows micro_batch for losses that are a mean; got reduction={loss.reduction!r}")
    autocast = torch.bfloat16 if precision == "bfloat16" else None
    engine = Engine(
        network=native,
        optimizer=optimizers.translate(compiled.optimizer, named_parameters(model, native), autocast),
        loss=loss,
        objective=_smoothed(loss, checked.label_smoothing),
        metrics=_metrics(compiled, checked.training, output_shape[0], native.ends_in_softmax),
        autocast=autocast,
        seed=seed,
        augmentation=checked.augmentation,
        micro_batch=checked.micro_batch,
        data_pruning=DataPruning(checked.data_pruning, len(checked.training), device) if checked.data_pruning else None,
    )
    return _Prepared(model, engine, checked, device)


def _smoothed(loss: losses.Loss, label_smoothing: float) -> losses.Loss:
    if label_smoothing and loss.label_smoothing:
        raise InputError(
            f"label_smoothing is given twice: {label_smoothing} to fit and {loss.label_smoothing} to the compiled loss; "
            "leave out one of them"
        )
    return replace(loss, label_smoothing=label_smoothing) if label_smoothing else loss


def _metrics(compiled: Compiled, training: Arrays, classes: int, softmax_left_out: bool) -> metrics.Metrics:
    return metrics.translate(
        compiled.metrics, classes=classes, target_shape=training.target_shape, softmax_left_out=softmax_left_out
    )


def _last(history: Any) -> dict[str, Any]:
    """The figures of the last epoch; none where there was no epoch."""
    return {name: values[-1] for name, values in history.history.items()}
