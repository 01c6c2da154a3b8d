"""`fit` does what stock Keras does: the same weights, figures and callbacks."""

from __future__ import annotations

import logging
import os
import signal
from functools import partial
from typing import Any

import numpy as np
import pytest

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.recipes.muon_sgd import MuonSGD
from eyespot.training import Interrupted, fit, supports

SHAPE = (10, 10, 3)
CLASSES = 4
STEPS = 10
BATCH = 8


def pictures(n: int = STEPS * BATCH, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, *SHAPE), np.uint8), random.integers(0, CLASSES, n)


def small_network(dropout: float = 0.0) -> Any:
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(CLASSES),
            layers.Softmax(),
        ]
    )


def compiled(optimizer: Any = "adam", metrics: Any = ("accuracy",), dropout: float = 0.0) -> Any:
    model = small_network(dropout)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=list(metrics))
    return model


def decaying(rate: float) -> Any:
    return keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=0.1)


OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(decaying(1e-2)),
    "SGD with momentum": lambda: keras.optimizers.SGD(decaying(1e-2), momentum=0.9),
    "AdamW": lambda: keras.optimizers.AdamW(decaying(1e-2), weight_decay=0.05),
    "RMSprop": lambda: keras.optimizers.RMSprop(decaying(1e-2)),
    "Muon": lambda: keras.optimizers.Muon(decaying(1e-2)),
    "MuonSGD": lambda: MuonSGD(decaying(0.12), vector_ratio=1.0, matrix_ratio=1.0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.usefixtures("keras_in_float64")
def test_after_ten_steps_the_weights_are_those_of_stock_fit(name: str) -> None:
    x, y = pictures()
    stock, native = compiled(OPTIMIZERS[name]()), compiled(OPTIMIZERS[name]())
    begin = [weight.copy() for weight in native.get_weights()]
    stock.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    fit(native, x, y, batch_size=BATCH, shuffle=False, verbose=0)
    assert int(native.optimizer.iterations) == STEPS
    # Muon orthogonalizes in the optimizer's own lower precision, so its updates agree less closely.
    tolerance = 1e-5 if name == "Muon" else 1e-8
    for ours, theirs, before in zip(native.get_weights(), stock.get_weights(), begin, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
        assert np.abs(ours - before).max() > 1e-3


@pytest.mark.usefixtures("keras_in_float64")
def test_stock_fit_goes_on_where_the_engine_ended_as_if_nothing_had_happened() -> None:
    x, y = pictures()
    stock, mixed = compiled(OPTIMIZERS["Adam"]()), compiled(OPTIMIZERS["Adam"]())
    stock.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    fit(mixed, x, y, batch_size=BATCH, shuffle=False, verbose=0)
    mixed.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    for ours, theirs in zip(mixed.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)


@pytest.mark.usefixtures("keras_in_float64")
def test_the_history_is_that_of_stock_fit() -> None:
    x, y = pictures()
    arguments = {
        "batch_size": BATCH,
        "epochs": 3,
        "shuffle": False,
        "verbose": 0,
        "validation_split": 0.25,
        "class_weight": {0: 2.0, 3: 0.5},
    }
    top2 = "top2"
    metrics = [["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2, name=top2)] for _ in range(2)]
    stock = compiled(OPTIMIZERS["Adam"](), metrics[0]).fit(x, y, **arguments)
    ours = fit(compiled(OPTIMIZERS["Adam"](), metrics[1]), x, y, **arguments)
    assert ours.epoch == stock.epoch
    assert set(ours.history) == set(stock.history) == {"loss", "accuracy", top2, "val_loss", "val_accuracy", f"val_{top2}"}
    for name, values in stock.history.items():
        # Keras keeps the figures of an epoch in float32.
        np.testing.assert_allclose(ours.history[name], values, rtol=1e-5, err_msg=name)


def test_with_dropout_the_losses_lie_within_the_spread_that_seeds_make() -> None:
    x, y = pictures(40 * BATCH)
    x[np.arange(len(x)), 0, y] = 255  # something to learn
    begin = small_network().get_weights()

    def losses(engine: Any, seed: int) -> list[float]:
        model = compiled(keras.optimizers.Adam(3e-3), dropout=0.5)
        model.set_weights(begin)
        keras.utils.set_random_seed(seed)
        of_engine = {"seed": seed, "precision": "float32"} if engine is fit else {}
        return list(engine(model, x, y, batch_size=BATCH, epochs=3, verbose=0, **of_engine).history["loss"])

    seeds = range(6)
    ours, stock = (np.array([losses(engine, seed) for seed in seeds]) for engine in (fit, keras.Model.fit))
    spread = np.sqrt((ours.var(axis=0, ddof=1) + stock.var(axis=0, ddof=1)) / len(seeds))
    assert (np.abs(ours.mean(axis=0) - stock.mean(axis=0)) < 4 * spread).all()
    assert (spread > 0).all()


def test_one_hot_targets_and_label_smoothing_train_as_in_stock_fit() -> None:
    x, y = pictures()
    one_hot = keras.utils.to_categorical(y, CLASSES)
    outcomes = []
    for engine in (keras.Model.fit, fit):
        model = small_network()
        model.compile("sgd", keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
        precision = {"precision": "float32"} if engine is fit else {}
        engine(model, x, one_hot, batch_size=BATCH, shuffle=False, verbose=0, **precision)
        outcomes.append(model.get_weights())
    for ours, theirs in zip(*outcomes, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.usefixtures("keras_in_float64")
def test_label_smoothing_of_class_numbers_trains_as_stock_fit_does_on_smoothed_one_hot_targets() -> None:
    x, y = pictures()
    arguments = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "class_weight": {1: 3.0}, "verbose": 0}
    stock, ours = small_network(), compiled("sgd")
    stock.compile("sgd", keras.losses.CategoricalCrossentropy(label_smoothing=0.3))
    stock.fit(x, keras.utils.to_categorical(y, CLASSES), **arguments)
    fit(ours, x, y, label_smoothing=0.3, **arguments)
    for one, other in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


@pytest.mark.usefixtures("keras_in_float64")
def test_the_figures_are_of_the_compiled_loss_whatever_the_label_smoothing() -> None:
    x, y = pictures()
    # Nothing is learned, so that stock fit sees the same network.
    stock, ours = compiled(keras.optimizers.SGD(0.0)), compiled(keras.optimizers.SGD(0.0))
    arguments = {"batch_size": BATCH, "shuffle": False, "validation_data": (x, y), "verbose": 0}
    theirs = stock.fit(x, y, **arguments).history
    history = fit(ours, x, y, label_smoothing=0.5, **arguments).history
    assert set(history) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)


def test_label_smoothing_is_given_once() -> None:
    x, y = pictures()
    model = small_network()
    model.compile("sgd", keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    with pytest.raises(InputError, match=r"twice: 0\.2 to fit and 0\.1"):
        fit(model, x, keras.utils.to_categorical(y, CLASSES), label_smoothing=0.2)


def test_early_stopping_stops_and_restores_the_best_weights() -> None:
    x, y = pictures()
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True, min_delta=10.0)
    model = compiled()
    history = fit(model, x, y, batch_size=BATCH, epochs=9, validation_data=(x, y), callbacks=[stopping], verbose=0)
    assert len(history.epoch) == 2
    assert stopping.best_epoch == 0
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(history.history["val_loss"][0], abs=2e-2)


def test_a_callback_may_change_the_learning_rate_and_the_weights() -> None:
    class Meddler(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 0:
                self.model.layers[-2].kernel.assign(np.full(self.model.layers[-2].kernel.shape, 0.25))

    x, y = pictures()
    model = compiled("sgd")
    fit(model, x, y, batch_size=BATCH, epochs=2, callbacks=[Meddler()], verbose=0)
    # The second epoch has a rate of zero, so what the callback wrote is what remains.
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.layers[-2].kernel), 0.25)


def test_a_callback_sees_current_weights_after_every_step_and_every_event_of_stock_fit() -> None:
    class Recorder(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.events: list[str] = []
            self.sums: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.sums.append(float(np.abs(self.model.get_weights()[0]).sum()))

    for event in ("train_begin", "epoch_begin", "train_batch_begin", "test_begin", "test_batch_begin", "test_batch_end"):
        setattr(Recorder, f"on_{event}", lambda self, *_, event=event, **__: self.events.append(event))
    for event in ("test_end", "epoch_end", "train_end"):
        setattr(Recorder, f"on_{event}", lambda self, *_, event=event, **__: self.events.append(event))
    x, y = pictures(3 * BATCH)
    ours, theirs = Recorder(), Recorder()
    arguments = {"batch_size": BATCH, "epochs": 2, "validation_data": (x, y), "verbose": 0}
    fit(compiled(), x, y, callbacks=[ours], **arguments)
    compiled().fit(x, y, callbacks=[theirs], **arguments)
    assert ours.events == theirs.events
    assert len(set(ours.sums)) == 6


def test_the_outcome_is_a_function_of_the_seed() -> None:
    x, y = pictures()

    def weights(seed: int) -> list[np.ndarray]:
        model = compiled(dropout=0.5)
        fit(model, x, y, batch_size=BATCH, epochs=2, seed=seed, verbose=0)
        return list(model.get_weights())

    first, again, other = weights(1), weights(1), weights(2)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_ctrl_c_finishes_the_step_and_keeps_what_was_learned() -> None:
    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    x, y = pictures()
    model = compiled()
    before = model.get_weights()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted) as caught:
        fit(model, x, y, batch_size=BATCH, epochs=5, callbacks=[Interrupting()], verbose=0)
    assert caught.value.signal == signal.SIGINT
    assert int(model.optimizer.iterations) == 3
    assert any(not np.array_equal(now, then) for now, then in zip(model.get_weights(), before, strict=True))
    assert signal.getsignal(signal.SIGINT) is handler


def test_frozen_layers_stay_as_they_are() -> None:
    x, y = pictures()
    model = small_network()
    model.layers[1].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    frozen, learning = model.layers[1].get_weights(), model.layers[3].get_weights()
    fit(model, x, y, batch_size=BATCH, verbose=0)
    for now, then in zip(model.layers[1].get_weights(), frozen, strict=True):
        np.testing.assert_array_equal(now, then)
    assert not np.array_equal(model.layers[3].get_weights()[0], learning[0])


def test_a_frozen_kernel_stays_as_it_is_while_its_bias_learns_as_in_stock_fit() -> None:
    x, y = pictures()
    after = []
    for train in (partial(fit, precision="float32"), keras.Model.fit):
        model = small_network()
        model.layers[1].kernel.trainable = False
        model.compile("sgd", "sparse_categorical_crossentropy")
        kernel, bias = model.layers[1].get_weights()
        train(model, x, y, batch_size=BATCH, shuffle=False, verbose=0)
        np.testing.assert_array_equal(model.layers[1].kernel, kernel)
        assert not np.array_equal(model.layers[1].bias, bias)
        after.append(np.array(model.layers[1].bias))
    np.testing.assert_allclose(*after, rtol=1e-3, atol=1e-6)


def with_an_unknown_layer() -> Any:
    layers = keras.layers
    odd = layers.UnitNormalization(name="odd")
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), odd, layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_an_unknown_layer_is_named() -> None:
    model = with_an_unknown_layer()
    assert supports(model) == ["odd (UnitNormalization)"]
    assert supports(compiled()) == []
    with pytest.raises(UnsupportedError, match="odd"):
        fit(model, *pictures())


def test_what_the_engine_does_not_know_goes_to_stock_fit_on_request_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "eyespot"):
        history = fit(with_an_unknown_layer(), *pictures(), fallback="keras", epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert "stock fit" in caplog.text
    assert "UnitNormalization" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"steps_per_epoch": 3}, "steps_per_epoch"),
        ({"workers": 2}, "workers"),
        ({"fallback": "tensorflow"}, "fallback"),
        ({"device": "abacus"}, "abacus"),
        ({"precision": "float8"}, "float8"),
        ({"seed": -1}, "seed"),
        ({"fallback": "keras", "steps": 3, "label_smoothing": 0.1}, "stock fit does not know label_smoothing and steps"),
    ],
)
def test_what_fit_cannot_do_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises((InputError, UnsupportedError), match=named):
        fit(compiled(), *pictures(), **arguments)


def test_a_model_that_is_not_compiled_is_refused() -> None:
    with pytest.raises(InputError, match="compile"):
        fit(small_network(), *pictures())
