"""What the engine does beyond stock Keras: augmented pictures, and an end after so many steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.training import Augmentation, fit
from eyespot.training.loop import Engine, Examples

SHAPE = (10, 8, 3)
CLASSES = 4
BATCH = 8
N = 5 * BATCH - 3
VARIED = Augmentation(flip=True, shift=2)


def pictures(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (n, *SHAPE), np.uint8), random.integers(0, CLASSES, n)


def compiled(rate: float = 0.05) -> Any:
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, "softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def weights_after(**arguments: Any) -> list[np.ndarray]:
    model = compiled()
    fit(model, *pictures(), **{"batch_size": BATCH, "epochs": 3, "verbose": 0, "augmentation": VARIED, **arguments})
    return list(model.get_weights())


def are_equal(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def test_the_outcome_with_augmentation_is_a_function_of_the_seed() -> None:
    first = weights_after(seed=1)
    assert are_equal(weights_after(seed=1), first)
    assert not are_equal(weights_after(seed=2), first)


@pytest.mark.parametrize("augmentation", [None, Augmentation(flip=True), Augmentation(shift=2)])
def test_flips_and_shifts_each_matter(augmentation: Augmentation | None) -> None:
    assert not are_equal(weights_after(augmentation=augmentation), weights_after())


def test_an_augmentation_that_does_nothing_is_none() -> None:
    assert are_equal(weights_after(augmentation=Augmentation()), weights_after(augmentation=None))


def test_a_training_in_two_parts_is_to_the_bit_that_in_one() -> None:
    model = compiled()
    arguments = {"batch_size": BATCH, "verbose": 0, "augmentation": VARIED, "seed": 4}
    fit(model, *pictures(), epochs=1, **arguments)
    fit(model, *pictures(), initial_epoch=1, epochs=3, **arguments)
    assert are_equal(model.get_weights(), weights_after(seed=4))


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """The batches that the engine would have learned from: it learns nothing."""
    batches: list[Examples] = []

    def step(self: Engine, batch: Examples) -> None:
        batches.append(batch)
        self.optimizer.iterations += 1

    monkeypatch.setattr(Engine, "step", step)
    return batches


def test_shifts_are_drawn_anew_at_each_step_and_epochs_alternate_in_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pictures()
    same = np.repeat(x[:1], N, axis=0)
    arguments = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0}
    shifted = recorded(monkeypatch)
    fit(compiled(), same, y, augmentation=Augmentation(shift=2), **arguments)
    assert len({batch.pixels[0].numpy().tobytes() for batch in shifted}) > 5
    flipped = recorded(monkeypatch)
    fit(compiled(), x, y, augmentation=Augmentation(flip=True), **arguments)
    first, second = (np.concatenate([batch.pixels.numpy() for batch in epoch]) for epoch in (flipped[:5], flipped[5:]))
    np.testing.assert_array_equal(second, first[:, :, ::-1])
    assert not np.array_equal(first, x)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("augmentation", [None, VARIED])
def test_targets_and_weights_stay_with_their_pictures(
    monkeypatch: pytest.MonkeyPatch, augmentation: Augmentation | None, shuffle: bool
) -> None:
    steps = recorded(monkeypatch)
    # One color each, which no shift or flip changes, tells which picture it is.
    x = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None, None], (N, *SHAPE)).copy()
    y, sample_weight = pictures()[1], np.arange(N) / 2
    fit(
        compiled(),
        x,
        y,
        batch_size=BATCH,
        sample_weight=sample_weight,
        shuffle=shuffle,
        augmentation=augmentation,
        epochs=2,
        verbose=0,
    )
    assert [len(batch) for batch in steps] == [BATCH, BATCH, BATCH, BATCH, BATCH - 3] * 2
    for epoch in (steps[:5], steps[5:]):
        numbers = np.concatenate([batch.pixels[:, 4, 4, 0].numpy() for batch in epoch])
        assert sorted(numbers) == list(range(N))
        assert (list(numbers) == list(range(N))) is not shuffle
        np.testing.assert_array_equal(np.concatenate([batch.targets.numpy() for batch in epoch]), y[numbers])
        given = np.concatenate([batch.weights.numpy() for batch in epoch if batch.weights is not None])
        np.testing.assert_array_equal(given, sample_weight[numbers])


def test_pictures_are_varied_in_training_and_never_in_validation() -> None:
    x, y = pictures()
    arguments = {"batch_size": BATCH, "validation_data": (x, y), "verbose": 0}
    still, varied = (
        fit(compiled(rate=0.0), x, y, augmentation=augmentation, **arguments).history for augmentation in (None, VARIED)
    )
    # No step changes a weight; only the statistics of the batches differ.
    assert varied["loss"] != still["loss"]
    model = compiled(rate=0.0)
    fit(model, x, y, augmentation=VARIED, precision="float32", **arguments)
    history = model.history.history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-5)


@pytest.mark.parametrize(
    ("augmentation", "said"),
    [
        (Augmentation(shift=8), "from 0 to 7 for pictures of 10 x 8.*got 8"),
        ("flip", "augmentation must be.*got 'flip'"),
    ],
)
def test_an_augmentation_that_cannot_be_is_refused(augmentation: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit(compiled(), *pictures(), augmentation=augmentation)


class StopAfter(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Has stock `fit` stop in the middle of an epoch."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        self.model.stop_training = self.left == 0


def without_dropout() -> Any:
    model = compiled()
    model.layers[-2].rate = 0.0
    return model


@pytest.mark.parametrize("steps", [3, 5, 7, 10])
@pytest.mark.usefixtures("keras_in_float64")
def test_so_many_steps_leave_what_stock_fit_leaves_when_it_is_stopped_there(steps: int) -> None:
    x, y = pictures()
    arguments = {"batch_size": BATCH, "epochs": 9, "shuffle": False, "validation_data": (x, y), "verbose": 0}
    stock, ours = without_dropout(), without_dropout()
    theirs = stock.fit(x, y, callbacks=[StopAfter(steps)], **arguments)
    events: list[str] = []
    listener = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: events.append(f"begin {epoch}"),
        on_epoch_end=lambda epoch, logs: events.append(f"end {epoch}"),
    )
    history = fit(ours, x, y, steps=steps, callbacks=[listener], **arguments)
    assert int(ours.optimizer.iterations) == steps
    assert history.epoch == theirs.epoch
    assert events == [f"{event} {epoch}" for epoch in history.epoch for event in ("begin", "end")]
    for name, values in theirs.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5, err_msg=name)
    for one, other in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


def test_the_epochs_remain_the_upper_bound_and_steps_count_from_the_call() -> None:
    model = compiled()
    fit(model, *pictures(), batch_size=BATCH, epochs=2, steps=100, verbose=0)
    assert int(model.optimizer.iterations) == 10
    fit(model, *pictures(), batch_size=BATCH, epochs=2, steps=3, verbose=0)
    assert int(model.optimizer.iterations) == 13


def test_a_step_in_pieces_is_the_step_at_once_where_no_statistics_are_taken_of_the_batch() -> None:
    def trained(micro_batch: int | None) -> tuple[list[np.ndarray], float]:
        model = compiled()
        model.layers[2].trainable = False  # so that batch normalization behaves as in inference
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = fit(
            model,
            *pictures(),
            batch_size=BATCH,
            epochs=3,
            verbose=0,
            augmentation=VARIED,
            micro_batch=micro_batch,
            precision="float64",
            seed=4,
        )
        return list(model.get_weights()), history.history["loss"][-1]

    whole, whole_loss = trained(None)
    for micro_batch in (3, BATCH):  # 8 pictures, dropout included, in pieces of 3, 3 and 2
        pieces, loss = trained(micro_batch)
        assert loss == pytest.approx(whole_loss, rel=1e-5)
        for one, other in zip(pieces, whole, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_batch_normalization_takes_its_statistics_of_a_piece() -> None:
    assert not are_equal(weights_after(micro_batch=3), weights_after())
    assert are_equal(weights_after(micro_batch=BATCH), weights_after())


def test_the_pieces_of_a_step_move_the_statistics_together_as_far_as_the_step_at_once() -> None:
    half, labels = (array[: BATCH // 2] for array in pictures())
    twice = np.concatenate([half, half]), np.concatenate([labels, labels])

    def statistics(micro_batch: int | None) -> list[np.ndarray]:
        model = compiled()
        normalization = model.layers[2]
        fit(model, *twice, batch_size=BATCH, epochs=1, verbose=0, shuffle=False, micro_batch=micro_batch)
        return [np.array(normalization.moving_mean), np.array(normalization.moving_variance)]

    for pieces, whole in zip(statistics(BATCH // 2), statistics(None), strict=True):
        np.testing.assert_allclose(pieces, whole, rtol=1e-5)


def test_a_step_in_pieces_needs_a_loss_that_is_a_mean() -> None:
    model = compiled()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(reduction="sum"))
    with pytest.raises(UnsupportedError, match="reduction='sum'"):
        fit(model, *pictures(), micro_batch=3)
