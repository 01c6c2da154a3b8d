"""A recipe's network, built; and what is said where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot import environment, recipes
from eyespot.data.dataset import Part
from eyespot.errors import UsageError
from eyespot.models.backend import keras
from eyespot.recipes import Recipe
from eyespot.training.building import check_room, compiled

TUTORIAL = recipes.load("tutorial")


def built(recipe: Recipe) -> Any:
    part = Part(np.zeros((4, recipe.size, recipe.size, 3), np.uint8), np.zeros(4, np.int64), ("",) * 4)
    return compiled(recipe, part, classes=3, steps=1, seed=0)


@pytest.mark.parametrize("size", [1, 8, 17])
def test_pictures_too_small_for_the_network_are_told_the_smallest_size_that_will_do(size: int) -> None:
    with pytest.raises(UsageError, match="too small for the network of this recipe") as caught:
        built(replace(TUTORIAL, size=size))
    # By hand: 18 - 2 = 16, pooled 8, pooled 4, 4 - 2 = 2, pooled 1.
    assert "it needs 18 x 18 pixels at least, as with --size 18" in str(caught.value)
    assert "Received" not in str(caught.value)
    assert built(replace(TUTORIAL, size=18)).output_shape == (None, 3)


def test_what_the_network_itself_says_is_passed_on() -> None:
    recipe = replace(recipes.load("accurate"), network={"widths": [8, 8], "stride": 10})
    # 32 // 10 - 1 = 2 positions either way, and two groups need 4.
    with pytest.raises(
        UsageError, match=r"with stride 10 the whitening leaves 2 x 2 of them, and the widths .8, 8.,"
    ) as caught:
        built(recipe)
    assert "need 4 x 4; choose a larger size" in str(caught.value)


def test_a_fault_that_no_size_mends_is_told_as_it_is() -> None:
    def broken(shape: tuple[int, int, int], classes: int) -> Any:
        raise ValueError("this cannot be")

    with pytest.raises(
        UsageError, match="cannot build its network for 32 x 32 pixels and 3 classes: ValueError: this cannot be"
    ):
        built(replace(TUTORIAL, model=broken))


def test_a_fault_in_a_recipe_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import dataclasses\n"
        "from eyespot.recipes import load\n"
        "def network(shape, classes):\n"
        "    return [][classes]\n"
        "recipe = dataclasses.replace(load('tutorial'), model=network)\n"
    )
    with pytest.raises(UsageError, match=r"IndexError: list index out of range \(.*mine\.py, line 4\)"):
        built(recipes.load(str(path)))


def test_a_step_that_needs_more_memory_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((10, 10, 3)), layers.Conv2D(5, 1), layers.Flatten(), layers.Dense(2, "softmax")])
    recipe = replace(TUTORIAL, size=10, batch_size=64)
    # By hand, in two bytes each: 500 of the convolution, 500 again, flattened, and 2.
    for micro_batch, pictures in ((None, 64), (16, 16)):
        needed = pictures * 2 * (500 + 500 + 2)
        monkeypatch.setattr(environment, "memory", lambda needed=needed: needed)
        check_room(replace(recipe, micro_batch=micro_batch), model, "cpu")
        monkeypatch.setattr(environment, "memory", lambda needed=needed: needed - 1)
        with pytest.raises(UsageError, match=f"a step with {pictures} pictures of 10 x 10 pixels needs more than"):
            check_room(replace(recipe, micro_batch=micro_batch), model, "cpu")
    monkeypatch.setattr(environment, "memory", lambda: None)
    check_room(recipe, model, "cpu")


def test_too_little_memory_to_build_is_one_line() -> None:
    def greedy(shape: tuple[int, int, int], classes: int) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    with pytest.raises(UsageError, match=r"there is not enough memory; choose a smaller size \(--size\)$"):
        built(replace(TUTORIAL, model=greedy))
