"""Callbacks are told what they ask to be told, and see the weights where they may look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eyespot.models.backend import keras
from eyespot.training import fit
from eyespot.training.exchange import CallbackObserver, WeightExchange
from eyespot.training.metrics import Metrics

N, BATCH = 24, 8


def compiled() -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(*callbacks: Any, epochs: int = 2) -> Any:
    x = np.random.default_rng(0).integers(0, 256, (N, 4, 4, 3), np.uint8)
    y = np.arange(N) % 3
    model = compiled()
    fit(
        model,
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(x, y),
        callbacks=list(callbacks),
        verbose=0,
        precision="float32",
    )
    return model


class Reader(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Asks for the figures after the second step only."""

    only_reads_figures = True

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.figures: dict[str, Any] = {}

    def after_step(self, batch: int, figures: Callable[[], dict[str, Any]]) -> None:
        self.steps.append(batch)
        if len(self.steps) == 2:
            self.figures = figures()


def test_after_every_step_a_callback_is_told_of_it_and_gets_the_figures_it_asks_for() -> None:
    reader = Reader()
    seen: list[dict[str, Any]] = []
    train(reader, keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs)))
    assert reader.steps == [0, 1, 2] * 2
    assert reader.figures == seen[1]


def test_figures_that_nobody_asks_for_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    result = Metrics.result
    monkeypatch.setattr(Metrics, "result", lambda self: (taken.append("once"), result(self))[1])
    train(epochs=2)
    assert len(taken) == 4  # of the training and of the validation, an epoch


@pytest.mark.parametrize(
    ("callback", "looks"),
    [
        (keras.callbacks.EarlyStopping("loss"), False),
        (keras.callbacks.EarlyStopping("loss", restore_best_weights=True), True),
        (type("Mine", (keras.callbacks.EarlyStopping,), {})("loss"), True),
        (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None), True),
        (Reader(), False),
    ],
)
def test_the_weights_are_not_copied_for_callbacks_that_only_read_figures(
    monkeypatch: pytest.MonkeyPatch, callback: Any, looks: bool
) -> None:
    copies: list[str] = []
    put = WeightExchange.put
    monkeypatch.setattr(WeightExchange, "put", lambda self: (copies.append("once"), put(self))[1])
    begin = compiled().get_weights()
    model = train(callback)
    assert len(copies) == (5 if looks else 1)  # before each validation, after each epoch, and at the end
    assert not np.array_equal(model.get_weights()[0], begin[0])


def test_a_function_that_is_called_after_every_step_sees_the_weights_of_that_step() -> None:
    sums: list[float] = []

    class Watching(keras.callbacks.LambdaCallback):  # type: ignore[misc]  # Keras is untyped
        def __init__(self) -> None:
            super().__init__(
                on_train_batch_end=lambda batch, logs: sums.append(float(np.abs(self.model.get_weights()[0]).sum()))
            )

    train(Watching())
    stock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: sums.append(float(batch)))
    assert len(set(sums)) == 6
    assert CallbackObserver(None, keras.callbacks.CallbackList([stock]), None).looks_at_steps
    assert not CallbackObserver(None, keras.callbacks.CallbackList([Reader()], add_history=True), None).looks_at_weights


def test_what_a_test_step_tells_reaches_who_listens() -> None:
    told: list[Any] = []

    class Listener(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            told.append(batch)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append(sorted(logs))

    train(Listener(), epochs=1)
    assert told == [0, ["accuracy", "loss"], 1, ["accuracy", "loss"], 2, ["accuracy", "loss"]]
