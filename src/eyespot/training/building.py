"""A recipe's network, built and compiled; what cannot be is told as one error of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from eyespot import environment
from eyespot.data.dataset import Part
from eyespot.errors import EyespotError, UsageError
from eyespot.models.backend import keras
from eyespot.recipes import Recipe, failing_line
from eyespot.training.compute import choose_device

_LEAST_BYTES = 2
"""What an output takes at least while a step goes on, in bfloat16: the way back needs it."""

_TRIED_SIZES = 4
"""Where a network cannot be built, pictures of up to so many times the size are tried; of 64 pixels in any case."""


def compiled(recipe: Recipe, train: Part, classes: int, steps: int, seed: int) -> Any:
    """The recipe's network with its weights as they are before the first step, and its optimizer for so many steps.

    Errors: UsageError, where the recipe cannot build or prepare its network, or make its optimizer.
    """
    keras.utils.set_random_seed(seed)
    model = _built(recipe, classes)
    if recipe.prepare is not None:
        with _asked_of_the_recipe("prepare its network", recipe.prepare):
            recipe.prepare(model, train.images)
    with _asked_of_the_recipe("make its optimizer", recipe.optimizer):
        optimizer = recipe.optimizer(recipe.learning_rate, steps, recipe.batch_size)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def check_room(recipe: Recipe, model: Any, device: str) -> None:
    """Refuse a step that surely needs more memory than the machine has: the system would end the process without a word.

    Args:
        model: the recipe's, built.
        device: as `fit` takes it; on a GPU nothing is checked, as that tells by itself.

    Errors: UsageError.
    """
    there = environment.memory()
    pictures = recipe.micro_batch or recipe.batch_size
    needed = pictures * _LEAST_BYTES * sum(_numbers_in(layer) for layer in model.layers)
    if there is None or needed <= there or choose_device(device).type != "cpu":
        return
    raise UsageError(
        f"a step with {pictures} pictures of {recipe.size} x {recipe.size} pixels needs more than {needed / 1e9:,.0f} GB of "
        f"memory, and there are {there / 1e9:,.0f} GB; choose a smaller size (--size), smaller batches (--set batch_size=...) "
        "or a smaller network (--set network=...)"
    )


def _built(recipe: Recipe, classes: int) -> Any:
    try:
        return _built_for(recipe, recipe.size, classes)
    except UsageError as error:
        has_a_reason = isinstance(error.__cause__, EyespotError) or not isinstance(error.__cause__, ValueError)
        least = None if has_a_reason else _least_size(recipe, classes)
        if least is None:
            raise
        raise UsageError(
            f"pictures of {recipe.size} x {recipe.size} pixels are too small for the network of this recipe, whose layers "
            f"leave nothing of them; it needs {least} x {least} pixels at least, as with --size {least}"
        ) from error


def _built_for(recipe: Recipe, size: int, classes: int) -> Any:
    with _asked_of_the_recipe(f"build its network for {size} x {size} pixels and {classes} classes", recipe.model):
        return recipe.model((size, size, 3), classes, **recipe.network)


def _least_size(recipe: Recipe, classes: int) -> int | None:
    """The smallest size that the network can be built for; None where no larger one helps, for then the fault is another."""
    failing, largest = recipe.size, max(_TRIED_SIZES * recipe.size, 64)
    size = failing + 1
    while not _builds(recipe, size, classes):
        if size >= largest:
            return None
        failing, size = size, min(size + max(1, size // 4), largest)
    while size - failing > 1:
        between = (failing + size) // 2
        if _builds(recipe, between, classes):
            size = between
        else:
            failing = between
    return size


def _builds(recipe: Recipe, size: int, classes: int) -> bool:
    try:
        _built_for(recipe, size, classes)
    except UsageError:
        return False
    return True


def _numbers_in(layer: Any) -> int:
    """How many numbers a layer puts out for one picture; 0 where Keras does not tell."""
    try:
        return prod(length or 1 for length in layer.output.shape[1:])
    except (AttributeError, ValueError):
        return 0


@contextmanager
def _asked_of_the_recipe(what: str, function: Callable[..., Any]) -> Iterator[None]:
    """A recipe may be the user's own program, and Keras raises nearly anything for impossible shapes: told as one error."""
    try:
        yield
    except EyespotError as error:
        raise UsageError(*error.args) from error
    except Exception as error:
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            raise UsageError(f"the recipe cannot {what}: there is not enough memory; choose a smaller size (--size)") from error
        reason = " ".join(str(error).split())
        raise UsageError(f"the recipe cannot {what}: {type(error).__name__}: {reason}{_where(error, function)}") from error


def _where(error: Exception, function: Callable[..., Any]) -> str:
    """The line that failed in the file of a user's own function."""
    code = getattr(function, "__code__", None)
    if code is None or str(function.__module__).startswith("eyespot."):
        return ""
    line = failing_line(error, code.co_filename)
    return "" if line is None else f" ({code.co_filename}, line {line})"
