"""What data pruning leaves out, and how much the rest counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import InputError
from eyespot.models.backend import keras
from eyespot.training import fit
from eyespot.training.data_pruning import DataPruning
from eyespot.training.loop import Engine, Examples
from eyespot.training.randomness import permutation

N, EPOCHS = 100, 6


def known(share: float = 0.25) -> DataPruning:
    """Of 100 pictures; the loss of each is its position, so that the first ones are the easiest."""
    pruning = DataPruning(share, N)
    pruning.note(torch.arange(N), torch.arange(N, dtype=torch.float64))
    return pruning


def order(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).permutation(N))


def test_half_of_the_easiest_are_left_out_and_the_others_of_these_count_double() -> None:
    pruning = known()
    kept = pruning.begin_epoch(order(), 2, EPOCHS)
    assert len(kept) == 75
    assert set(kept.tolist()) >= set(range(50, 100))
    weights = pruning.weights(kept, None)
    assert torch.equal(weights, torch.where(kept < 50, 2.0, 1.0))
    assert weights.sum() == N


def test_which_are_left_out_follows_the_order_and_so_differs_from_epoch_to_epoch() -> None:
    some, others = (set(known().begin_epoch(order(seed), 2, EPOCHS).tolist()) for seed in (1, 2))
    assert some != others
    kept = known().begin_epoch(order(), 2, EPOCHS).tolist()
    assert kept == [position for position in order().tolist() if position in set(kept)]


@pytest.mark.parametrize(("epoch", "learned"), [(0, 100), (1, 100), (2, 75), (4, 75), (5, 100)])
def test_the_first_two_epochs_and_the_last_are_whole(epoch: int, learned: int) -> None:
    pruning = known()
    pruning.begin_epoch(order(), 2, EPOCHS)  # what counted double then does not any more
    kept = pruning.begin_epoch(order(), epoch, EPOCHS)
    assert len(kept) == learned
    assert pruning.weights(kept, None).sum() == N


def test_a_picture_that_was_never_seen_is_not_easy() -> None:
    pruning = DataPruning(0.25, N)
    pruning.note(torch.arange(40, 100), torch.full((60,), 9.0))
    kept = set(pruning.begin_epoch(order(), 2, EPOCHS).tolist())
    assert kept >= set(range(40))


def test_where_nothing_was_seen_yet_nothing_is_left_out() -> None:
    pruning = DataPruning(0.25, N)
    assert torch.equal(pruning.begin_epoch(order(), 3, EPOCHS), order())
    assert pruning.weights(order(), None).sum() == N


def test_weights_of_the_examples_count_too() -> None:
    pruning = known()
    pruning.begin_epoch(order(), 2, EPOCHS)
    positions = torch.tensor([3, 99])
    assert torch.equal(pruning.weights(positions, torch.tensor([0.5, 0.25])), torch.tensor([1.0, 0.25]))


# ------------------------------------------------------------------------------------------------------------ in training


def compiled(rate: float = 0.5) -> Any:
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), layers.Rescaling(1 / 128, -1), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bright_and_dark() -> tuple[np.ndarray, np.ndarray]:
    """60 pictures that are easily told apart, the last 6 of which are labelled wrong."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60)
    pixels = np.where(labels[:, None, None, None] == 1, 200, 50) + random.integers(-40, 40, (60, 6, 6, 3))
    labels[54:] = 1 - labels[54:]
    return pixels.astype(np.uint8), labels


def learned_from(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> tuple[list[list[int]], list[float]]:
    """The positions that each epoch learns from, and its loss."""
    epochs: list[list[int]] = []
    step = Engine.step

    def recorded(self: Engine, batch: Examples) -> None:
        assert batch.positions is not None
        epochs[-1] += batch.positions.tolist()
        step(self, batch)

    monkeypatch.setattr(Engine, "step", recorded)
    begins = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append([]))
    model = compiled(**{"rate": arguments.pop("rate", 0.5)})
    history = fit(model, *bright_and_dark(), batch_size=16, epochs=EPOCHS, verbose=0, callbacks=[begins], **arguments)
    return epochs, history.history["loss"]


@pytest.mark.parametrize("micro_batch", [None, 5])
def test_what_the_network_knows_is_learned_from_less_often(monkeypatch: pytest.MonkeyPatch, micro_batch: int | None) -> None:
    epochs, _ = learned_from(monkeypatch, rate=0.05, data_pruning=0.3, micro_batch=micro_batch)
    assert [len(epoch) for epoch in epochs] == [60, 60, 42, 42, 42, 60]
    for epoch in epochs[2:5]:
        assert set(epoch) >= set(range(54, 60))


def test_without_it_every_epoch_learns_from_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [sorted(epoch) for epoch in learned_from(monkeypatch)[0]] == [list(range(60))] * EPOCHS


def test_the_gradient_of_a_pruned_epoch_is_that_of_its_weighted_examples() -> None:
    """One step an epoch: the third is that of stock Keras on the examples kept, those that stay for two counting double."""
    pixels, labels = bright_and_dark()
    ours = compiled()
    fit(ours, pixels, labels, batch_size=60, epochs=4, steps=3, verbose=0, data_pruning=0.25, precision="float32", seed=1)
    stock = compiled()
    stock.fit(pixels, labels, batch_size=60, epochs=1, verbose=0)
    # The losses that decide are those the second step began with; in the order of the third epoch every other one goes.
    losses = keras.losses.sparse_categorical_crossentropy(labels, stock.predict(pixels, verbose=0))
    easiest = set(np.argsort(keras.ops.convert_to_numpy(losses), kind="stable")[:30].tolist())
    stock.fit(pixels, labels, batch_size=60, epochs=1, verbose=0)
    kept, easy = [], 0
    for position in permutation(1, 2, 60).tolist():
        easy += position in easiest
        if position not in easiest or easy % 2 == 0:
            kept.append(position)
    weights = np.array([2.0 if position in easiest else 1.0 for position in kept])
    stock.fit(pixels[kept], labels[kept], sample_weight=weights, batch_size=60, epochs=1, verbose=0, shuffle=False)
    for one, other in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


def test_the_figures_are_of_the_examples_learned_from_each_counting_once(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs, losses = learned_from(monkeypatch, rate=0.0, data_pruning=0.4, precision="float32")
    pixels, labels = bright_and_dark()
    of_each = keras.losses.sparse_categorical_crossentropy(labels, compiled().predict(pixels, verbose=0))
    of_each = keras.ops.convert_to_numpy(of_each)
    assert len(epochs[2]) == 36
    assert losses == pytest.approx([of_each[epoch].mean() for epoch in epochs], rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"data_pruning": 0.6}, r"data_pruning must be from 0 to 0\.5; got 0\.6"),
        ({"data_pruning": "much"}, "data_pruning must be a number"),
        ({"data_pruning": 0.2, "shuffle": False}, "shuffle=True"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit(compiled(), *bright_and_dark(), verbose=0, **arguments)
