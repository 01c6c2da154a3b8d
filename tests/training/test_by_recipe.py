"""A recipe and a data set in, a trained Keras model out."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot.data.dataset import Dataset, Part
from eyespot.errors import InputError, TrainingError, UsageError
from eyespot.models.backend import keras
from eyespot.recipes import Recipe
from eyespot.run_folder import RunFolder
from eyespot.training import Trained, learn

SIZE, TRAIN, BATCH = 8, 21, 8


def part(n: int) -> Part:
    random = np.random.default_rng(n)
    return Part(random.integers(0, 256, (n, SIZE, SIZE, 3), np.uint8), np.arange(n) % 3, tuple(f"{i}.png" for i in range(n)))


DATA = Dataset("pets", ("cat", "dog", "frog"), {"train": part(TRAIN), "validation": part(6), "test": part(5)})


def network(shape: tuple[int, int, int], classes: int, units: int = 4) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, trainable=False, name="computed"),
            layers.Flatten(),
            layers.Dense(units, "relu", name="hidden"),
            layers.Dense(classes, "softmax"),
        ]
    )


RECIPE = Recipe(
    model=network,
    optimizer=lambda rate, steps, batch_size: keras.optimizers.SGD(
        keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0)
    ),
    learning_rate=0.1,
    size=SIZE,
    epochs=2,
    batch_size=BATCH,
    precision="float32",
)


class Told:
    """A `Progress` and its `Task`, which remember what they are told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.totals: list[int | None] = []
        self.done = 0

    def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
        self.totals.append(total)
        return nullcontext(self)

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount

    def note(self, line: str) -> None:
        self.lines.append(line)


def trained(folder: Path, recipe: Recipe = RECIPE, seed: int = 0, told: Told | None = None, data: Dataset = DATA) -> Trained:
    return learn(recipe, data, RunFolder(folder), seed=seed, device="cpu", progress=told or Told())


def weights(result: Trained) -> list[np.ndarray]:
    return list(result.model.get_weights())


def are_equal(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def test_what_data_pruning_leaves_out_is_not_counted(tmp_path: Path) -> None:
    told = Told()
    result = trained(tmp_path, replace(RECIPE, epochs=5, data_pruning=0.4), told=told)
    # 21 pictures in three steps, but 13 in two in the third and the fourth epoch.
    assert (result.steps, result.pictures, len(result.history)) == (13, 89, 5)
    assert (told.totals, told.done) == ([89], 89)
    assert result.history[-1].learning_rate == pytest.approx(0.1 / 13)


def test_the_gradient_of_a_step_is_computed_in_pieces_where_the_recipe_says_so(tmp_path: Path) -> None:
    def built(shape: tuple[int, int, int], classes: int) -> Any:
        layers = keras.layers
        normalized = [layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(classes, "softmax")]
        return keras.Sequential([keras.Input(shape), *normalized])

    whole, pieces = (trained(tmp_path, replace(RECIPE, model=built, micro_batch=size)) for size in (None, 4))
    assert not are_equal(weights(whole), weights(pieces))


@pytest.mark.parametrize(
    ("epochs", "steps", "pictures", "history", "said"),
    [
        (1, 3, 21, 1, "at most 1 epoch"),
        (0.1, 1, 8, 1, "at most 0.333 epochs"),
        (2.3, 7, 50, 3, "at most 2.33 epochs"),
        (1.5, 4, 29, 2, "at most 1.33 epochs"),
    ],
)
def test_an_epoch_may_be_broken_off(tmp_path: Path, epochs: float, steps: int, pictures: int, history: int, said: str) -> None:
    told = Told()
    result = trained(tmp_path, replace(RECIPE, epochs=epochs), told=told)
    assert (result.steps, result.pictures, len(result.history)) == (steps, pictures, history)
    assert (result.stopped_early, result.interrupted) == (False, None)
    assert (told.totals, told.done) == ([pictures], pictures)
    assert told.lines[0].endswith(f"8 x 8 pixels, {said}")
    assert told.lines[-1].startswith(f"epoch {history}/{history}")
    # The rate falls to zero over just these steps.
    assert result.history[-1].learning_rate == pytest.approx(0.1 / steps)
    assert RunFolder(tmp_path).read_history()[-1].val_loss is not None


def test_what_is_computed_from_pictures_is_computed_once_before_the_first_step(tmp_path: Path) -> None:
    calls: list[Any] = []

    def prepare(model: Any, pictures: Any) -> None:
        calls.append(pictures)
        assert not model.compiled
        model.get_layer("computed").kernel.assign(np.full((3, 3, 3, 2), pictures.mean() / 1000))

    result = trained(tmp_path, replace(RECIPE, prepare=prepare))
    (pictures,) = calls
    np.testing.assert_array_equal(pictures, DATA.parts["train"].images)
    # It is frozen, so this is what the training saw from the first step to the last.
    np.testing.assert_allclose(result.model.get_layer("computed").kernel.numpy(), DATA.parts["train"].images.mean() / 1000)


def test_the_network_gets_the_arguments_of_the_recipe(tmp_path: Path) -> None:
    assert trained(tmp_path, replace(RECIPE, network={"units": 7})).model.get_layer("hidden").units == 7
    with pytest.raises(UsageError, match=r"cannot build its network.*height"):
        trained(tmp_path, replace(RECIPE, network={"height": 7}))


def test_flip_shift_and_label_smoothing_reach_the_training_and_the_seed_decides(tmp_path: Path) -> None:
    plain, again, other = (weights(trained(tmp_path, RECIPE, seed)) for seed in (1, 1, 2))
    assert are_equal(plain, again)
    assert not are_equal(plain, other)
    for change in ({"flip": "random"}, {"shift": 2}, {"label_smoothing": 0.2}):
        changed = weights(trained(tmp_path, replace(RECIPE, **change), 1))  # type: ignore[arg-type]
        assert not are_equal(changed, plain)
        assert are_equal(changed, weights(trained(tmp_path, replace(RECIPE, **change), 1)))  # type: ignore[arg-type]


def test_the_loss_is_told_without_the_smoothing(tmp_path: Path) -> None:
    smoothed = trained(tmp_path, replace(RECIPE, label_smoothing=0.2, learning_rate=1e-12))
    plain = trained(tmp_path, replace(RECIPE, learning_rate=1e-12))
    assert [row.loss for row in smoothed.history] == pytest.approx([row.loss for row in plain.history])
    assert [row.val_loss for row in smoothed.history] == pytest.approx([row.val_loss for row in plain.history])


def test_an_open_question_about_flips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="flip=auto"):
        trained(tmp_path, replace(RECIPE, flip="auto"))


def test_a_shift_beyond_the_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="from 0 to 7 for pictures of 8 x 8"):
        trained(tmp_path, replace(RECIPE, shift=8))


def test_many_small_epochs_are_validated_and_told_of_at_most_twenty_times(tmp_path: Path) -> None:
    told = Told()
    result = trained(tmp_path, replace(RECIPE, epochs=120.4), told=told)
    assert len(result.history) == 121
    validated = [row.epoch for row in result.history if row.val_loss is not None]
    assert 15 <= len(validated) <= 20
    assert validated[-1] == 121
    assert set(np.diff(validated)) == {7}
    assert [line.split()[1] for line in told.lines[1:]] == [f"{epoch}/121" for epoch in validated]
    assert RunFolder(tmp_path).read_history() == result.history


def test_with_patience_every_epoch_is_validated_and_an_end_of_its_own_is_early(tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=80, patience=2, min_delta=100.0)
    result = trained(tmp_path, recipe)
    assert (len(result.history), result.stopped_early) == (3, True)
    assert all(row.val_loss is not None for row in result.history)
    assert (result.steps, result.pictures) == (9, 3 * TRAIN)


def test_a_network_that_is_infinite_only_in_its_statistics_has_diverged_too(tmp_path: Path) -> None:
    def normalized(shape: tuple[int, int, int], classes: int) -> Any:
        layers = keras.layers
        kernel = keras.initializers.RandomNormal(stddev=1e25)
        model = keras.Sequential([keras.Input(shape), layers.Conv2D(2, 3, kernel_initializer=kernel, trainable=False)])
        for layer in (layers.BatchNormalization(), layers.Flatten(), layers.Dense(classes, "softmax")):
            model.add(layer)
        return model

    with pytest.raises(TrainingError, match="diverged in epoch 1: the loss or a weight is no longer a number"):
        trained(tmp_path, replace(RECIPE, model=normalized, epochs=1), data=DATA.with_parts(train=DATA.parts["train"]))


def test_without_a_part_to_watch_none_is_watched(tmp_path: Path) -> None:
    told = Told()
    result = trained(tmp_path, data=DATA.with_parts(train=DATA.parts["train"]), told=told)
    assert [row.val_loss for row in result.history] == [None, None]
    assert len(told.lines) == 3
