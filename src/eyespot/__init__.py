"""Eyespot turns pictures into image classifiers. The public names, imported when first used.

run = eyespot.train("letters")
model = eyespot.load("latest")
model.predict("cat.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyespot import errors as errors
    from eyespot.data.dataset import Dataset as Dataset
    from eyespot.prediction import Model as Model
    from eyespot.prediction import Prediction as Prediction
    from eyespot.prediction import load as load
    from eyespot.recipes.recipe import Recipe as Recipe
    from eyespot.runs import Run as Run
    from eyespot.runs import train as train
    from eyespot.training import fit as fit
    from eyespot.training import supports as supports

    __version__: str

_HOMES = {
    "train": ("eyespot.runs", "train"),
    "Run": ("eyespot.runs", "Run"),
    "load": ("eyespot.prediction", "load"),
    "Model": ("eyespot.prediction", "Model"),
    "Prediction": ("eyespot.prediction", "Prediction"),
    "fit": ("eyespot.training", "fit"),
    "supports": ("eyespot.training", "supports"),
    "Dataset": ("eyespot.data.dataset", "Dataset"),
    "Recipe": ("eyespot.recipes.recipe", "Recipe"),
}
"""A public name -> the module that it lives in, and its name there."""

__all__ = ["train", "load", "fit", "supports", "Run", "Model", "Prediction", "Dataset", "Recipe", "errors", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("eyespot")
    if name == "errors":
        return import_module("eyespot.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'eyespot' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
