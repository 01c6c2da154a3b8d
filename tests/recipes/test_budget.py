"""The ladder of the recipe `budget`: what follows from the pictures, and what each rung asks for."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from eyespot import environment
from eyespot.explanation.layers import layer_table
from eyespot.models.keras_network import read
from eyespot.models.whitened import stride_for
from eyespot.recipes import budget, load
from eyespot.recipes.budget import (
    CIFAR10_PICTURES,
    LADDER,
    Rung,
    fitted,
    for_pictures,
    lasting,
    multiply_adds,
    rung_without_budget,
    size_for,
)
from eyespot.recipes.recipe import Recipe

RECIPE = load("budget")


def at(size: int, pictures: int = 45_000, rung: Rung = LADDER[-1], **given: int) -> Recipe:
    return fitted(replace(RECIPE, size=size, **given), given, rung, pictures)


def test_the_ladder_goes_from_cheap_to_dear() -> None:
    costs = [multiply_adds(at(32, rung=rung).network, 32) for rung in LADDER]
    assert costs == sorted(costs)
    for cheaper, dearer in pairwise(LADDER):
        assert cheaper.least_epochs <= dearer.least_epochs
        assert cheaper.least_steps * cheaper.batch_size <= dearer.least_steps * dearer.batch_size
        assert cheaper.batch_size <= dearer.batch_size


@pytest.mark.parametrize("rung", LADDER)
def test_more_training_of_a_rung_is_expected_to_be_better(rung: Rung) -> None:
    known = [accuracy for _, accuracy in rung.reached]
    assert known == sorted(known)
    assert [epochs for epochs, _ in rung.reached] == sorted(epochs for epochs, _ in rung.reached)


def test_a_change_of_rungs_is_expected_to_be_no_worse() -> None:
    for cheaper, dearer in pairwise(LADDER):
        seen = int(dearer.least_epochs * CIFAR10_PICTURES)
        assert (dearer.expected(seen) or 0) >= (cheaper.expected(seen) or 1)


def test_where_epochs_are_set_by_hand_few_pictures_get_the_smallest_network() -> None:
    assert [rung_without_budget(pictures) for pictures in (450, 4_999, 5_000, 10**6)] == [
        LADDER[0],
        LADDER[0],
        LADDER[1],
        LADDER[1],
    ]


def test_what_is_seen_once_is_moved_by_one_pixel() -> None:
    assert [lasting(at(32), (), epochs).shift for epochs in (0.5, 1, 1.5)] == [1, 1, 2]
    assert lasting(at(32, shift=3), ("shift",), 0.5).shift == 3


@pytest.mark.parametrize("rung", LADDER)
@pytest.mark.parametrize("size", [16, 20, 31, 32, 48, 64, 96, 100, 128, 224])
def test_every_size_from_16_on_has_a_network_that_is_built(rung: Rung, size: int) -> None:
    recipe = at(size, rung=rung)
    model = recipe.model((size, size, 3), 5, **recipe.network)
    maps = [layer.output.shape[1] for layer in model.layers if layer.name.startswith("norm")]
    whitened = model.get_layer("whitening").output.shape[1]
    assert min(maps) >= 2
    # What the groups cost hardly depends on the size of the picture.
    assert whitened <= 46
    assert size < 32 or whitened >= 22


@pytest.mark.parametrize("rung", LADDER)
@pytest.mark.parametrize("size", [16, 32, 64, 100])
def test_multiply_adds_are_those_of_the_layer_table(rung: Rung, size: int) -> None:
    network = at(size, rung=rung).network
    rows = layer_table(read(RECIPE.model((size, size, 3), 7, **network)))
    assert multiply_adds(network, size) == sum(row.macs for row in rows if row.name != "dense")


def test_larger_pictures_cost_no_more_than_their_whitening_and_what_looks_at_it() -> None:
    of_32, of_128 = (multiply_adds(at(size).network, size) for size in (32, 128))
    assert stride_for(128) == 4
    more_whitening, more_channels = 24 * 3 * (4 * 8 * 8 - 2 * 2), 3 * 24
    assert of_128 - of_32 == 31 * 31 * (more_whitening + 9 * more_channels * at(32).network["widths"][0])


def test_few_pictures_get_small_batches_of_nearly_equal_size() -> None:
    for pictures in (*range(1, 400), 450, 4_999, 5_000, 12_345, 19_999, 45_000, 1_000_000, 1_000_001):
        recipe = at(32, pictures)
        starts = range(0, pictures, recipe.batch_size)
        sizes = [len(range(pictures)[start : start + recipe.batch_size]) for start in (starts[0], starts[-1])]
        assert min(sizes) >= 0.75 * max(sizes)
        assert max(sizes) == recipe.batch_size <= 1_200
    assert [at(32, pictures).batch_size for pictures in (64, 640, 10_240, 45_000)] == [32, 32, 128, 1024]


def test_another_number_of_pictures_gets_batches_that_suit_it_unless_they_are_set_by_hand() -> None:
    planned = at(32, 112)
    assert planned.batch_size == 29
    # 117 = 4 x 29 + 1: from a last batch of one picture, batch normalization would learn noise.
    assert for_pictures(planned, (), 117).batch_size == 30
    assert for_pictures(planned, ("batch_size",), 117) == planned


def test_batches_larger_than_the_recipe_has_them_are_learned_from_faster_and_in_pieces() -> None:
    for rung, batch_size, micro_batch in ((LADDER[0], 256, None), (LADDER[-1], 1024, 256)):
        recipe = at(32, rung=rung)
        assert (recipe.batch_size, recipe.micro_batch) == (batch_size, micro_batch)
        assert recipe.learning_rate == pytest.approx(RECIPE.learning_rate * (batch_size / 256) ** 0.5)
    assert at(32, 450).learning_rate == RECIPE.learning_rate
    assert at(32, batch_size=1024).learning_rate == pytest.approx(at(32, rung=LADDER[-1]).learning_rate)
    assert at(32, learning_rate=1).learning_rate == 1


def test_the_larger_a_batch_the_less_is_remembered_of_those_before() -> None:
    momenta = [RECIPE.optimizer(0.1, 10, batch_size).momentum for batch_size in (1, 32, 256, 512, 1024, 10**6)]
    assert momenta == pytest.approx([0.85, 0.85, 0.85, 0.77, 0.65, 0], abs=0.005)


def test_what_is_set_by_hand_stays() -> None:
    recipe = at(64, 450, batch_size=100)
    assert (recipe.batch_size, recipe.shift) == (100, 4)
    assert at(64, 450, learning_rate=1).learning_rate == 1
    for given in ("network", "network.widths"):
        assert fitted(replace(RECIPE, network={"widths": [8]}), {given}, LADDER[0], 450).network == {"widths": [8]}


def test_a_network_that_is_changed_in_part_follows_from_the_ladder_but_for_that() -> None:
    changed = replace(RECIPE, network={**RECIPE.network, "stride": 4})
    network = fitted(changed, {"network.stride"}, LADDER[-1], 45_000).network
    # 32 // 4 - 1 = 7 positions either way are halved to 3, and 1 would be too few.
    assert network == {"widths": [64], "depth": LADDER[-1].depth, "learns_bias": LADDER[-1].learns_bias, "stride": 4}


def test_the_other_weights_learn_as_airbench_has_it_whatever_the_batch_and_the_rate_of_the_kernels() -> None:
    # Of the mean loss, where airbench sums it: 0.053 B for biases, 0.67 B for the last layer, 2e-6 B taken off.
    for batch, rate in ((64, 0.06), (256, 0.12), (100, 0.3)):
        optimizer = at(32, 450, batch_size=batch).optimizer(rate, 100, batch)
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert rate * optimizer.vector_ratio == pytest.approx(0.053 * batch)
        assert rate * optimizer.matrix_ratio == pytest.approx(0.67 * batch)
        assert rate * optimizer.shrinkage_ratio == pytest.approx(2e-6 * batch)


@pytest.mark.parametrize(
    ("name", "rung", "own"),
    [("quick", LADDER[0], {"shift"}), ("accurate", LADDER[-1], {"data_pruning"})],
)
def test_the_recipes_for_cifar10_are_rungs_of_the_ladder(name: str, rung: Rung, own: set[str]) -> None:
    recipe, rung_of_45_000 = load(name), at(32, rung=rung)
    duration = {"epochs", "least_steps", "validation_fraction"}
    network = {"depth": 2, "learns_bias": False, **recipe.network}
    different = {
        field.name for field in fields(Recipe) if getattr(recipe, field.name) != getattr(rung_of_45_000, field.name)
    } - duration
    assert network == rung_of_45_000.network
    assert different - {"network", "batch_size"} == own
    assert recipe.batch_size == rung.batch_size


def test_the_rate_falls_along_a_line_to_zero() -> None:
    optimizer = RECIPE.optimizer(0.1, 10, 256)
    rates = []
    for step in range(11):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, np.linspace(0.1, 0, 11), atol=1e-7)


@pytest.mark.parametrize(
    ("native", "pictures", "expected"),
    [
        ([(32, 32)], 50_000, 32),
        ([(28, 40)], 50_000, 32),
        ([(533, 400)], 600, 64),
        ([(48, 200)], 600, 64),
        ([(600, 800)] * 3 + [(20, 20)] * 2, 600, 64),
        ([(600, 800)], 1_000_000, 32),  # at 64 they would take 12 GB
        ([], 5, 32),
    ],
)
def test_the_size_follows_from_the_pictures_and_the_memory(native: list[tuple[int, int]], pictures: int, expected: int) -> None:
    assert size_for(native, pictures) == expected


def test_pictures_are_read_smaller_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    in_use = 600 * 64 * 64 * 3
    for memory, expected in ((4 * in_use, 64), (4 * in_use - 1, 32), (None, 64)):
        monkeypatch.setattr(environment, "memory", lambda memory=memory: memory)
        assert size_for([(400, 533)], 600) == expected


def test_a_rung_needs_epochs_where_pictures_are_many_and_steps_where_they_are_few() -> None:
    rung = Rung((8,), 2, 256, False, least_epochs=2, least_steps=100, least_pictures=0, reached=())
    assert rung.needed_steps(45_000, 250) == 360
    assert rung.needed_steps(1_000, 50) == 100
    # Of a million, no more passes are needed than make twice CIFAR-10.
    assert rung.needed_steps(1_000_000, 250) == 360


def test_what_is_expected_lies_between_what_was_measured() -> None:
    rung = Rung((8,), 2, 256, False, 0, 0, 0, reached=((1, 0.8), (2, 0.84), (8, 0.9)))
    of = [rung.expected(int(epochs * budget.CIFAR10_PICTURES)) for epochs in (1, 2, 4, 8, 100, 0.5)]
    # In the logarithm of the epochs; never beyond the best that was measured.
    assert of == pytest.approx([0.8, 0.84, 0.87, 0.9, 0.9, 0.76])
    assert Rung((8,), 2, 256, False, 0, 0, 0, reached=((2, 0.7),)).expected(5) == 0.7
    assert Rung((8,), 2, 256, False, 0, 0, 0, reached=()).expected(5) is None
    assert rung.expected(1) >= 0.1
