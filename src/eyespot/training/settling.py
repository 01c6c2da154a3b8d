"""What a recipe leaves to the pictures, settled before they are learned from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from eyespot.data import mirroring
from eyespot.data.dataset import Dataset
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.recipes.budget import fitted, lasting, rung_without_budget


def with_flip_settled(recipe: Recipe, dataset: Dataset, progress: Progress = SILENT) -> Recipe:
    """The recipe with `flip` no longer `auto`: pictures are mirrored where that keeps their class. The user is told why."""
    if recipe.flip != "auto":
        return recipe
    found = mirroring.probe(dataset.parts["train"], dataset.parts.get("validation"))
    progress.note(found.line(dataset.classes))
    return replace(recipe, flip="random" if found.keeps_class else "never")


def without_budget(recipe: Recipe, given: Collection[str], dataset: Dataset) -> Recipe:
    """The recipe `budget` where there is none, but its epochs are set by hand: fitted to the pictures."""
    pictures = len(dataset.parts["train"])
    return lasting(fitted(recipe, given, rung_without_budget(pictures), pictures), given, recipe.epochs)
