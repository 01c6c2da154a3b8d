"""The recipes: one small file each, named by the file's name, or by the path of a file of your own."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from eyespot.errors import UnknownRecipeError, UsageError
from eyespot.recipes.recipe import MOST_DATA_PRUNING
from eyespot.recipes.recipe import Recipe as Recipe

NAMES = ("budget", "quick", "accurate", "tutorial")
"""The recipes that come with Eyespot."""

DEFAULT = "budget"

_FUNCTIONS = ("model", "optimizer", "prepare")

_POSITIVE = ("learning_rate", "size", "epochs", "batch_size", "micro_batch")

_UNKNOWN_FIELD = re.compile(r"Recipe\.__init__\(\) got an unexpected keyword argument '(\w+)'")

_MOST = {"label_smoothing": 1.0, "data_pruning": MOST_DATA_PRUNING}


def load(name: str) -> Recipe:
    """The recipe called `name`, or the one that the Python file `name` binds to `recipe`.

    A recipe file is a program: it is run, so use your own or one that you have read.

    Errors: UnknownRecipeError, which suggests the nearest name; UsageError, where the file does not define a recipe, or fails:
    with the line.
    """
    if name in NAMES:
        return _recipe_of(import_module(f"eyespot.recipes.{name}"), name)
    path = Path(name)
    if path.suffix != ".py":
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? The recipes are" if near else "the recipes are"
        raise UnknownRecipeError(
            f"no recipe is called {name!r}; {hint} {', '.join(NAMES)}, or the path of a .py file of your own"
        )
    if not path.is_file():
        raise UnknownRecipeError(f"no recipe file {name}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UnknownRecipeError(f"{name} cannot be read as a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = failing_line(error, str(path))
        where = "" if line is None else f" in line {line}"
        raise UsageError(f"the recipe file {name} fails{where}: {_reason(error)}") from error
    return _recipe_of(module, name)


def failing_line(error: BaseException, file: str) -> int | None:
    """The line of a Python file that an error arose in, or that called what failed; None where it has nothing to do with it."""
    path = os.path.abspath(file)
    if isinstance(error, SyntaxError) and error.filename and os.path.abspath(error.filename) == path:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if os.path.abspath(frame.filename) == path), None)


def _reason(error: Exception) -> str:
    """What went wrong in a recipe file, in one line."""
    field = _UNKNOWN_FIELD.match(str(error))
    if field and isinstance(error, TypeError):
        return _unknown("a recipe has no field", field[1], [known.name for known in fields(Recipe)], "fields")
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"


def _unknown(what: str, name: str, known: Collection[str], kind: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"{what} {name!r}{hint} the {kind} are {', '.join(known)}"


def _recipe_of(module: ModuleType, name: str) -> Recipe:
    found = getattr(module, "recipe", None)
    if not isinstance(found, Recipe):
        raise UsageError(f"{name} defines no recipe: it must bind an eyespot.Recipe to the name `recipe`")
    try:
        return with_settings(found, settings(found))
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def settings(recipe: Recipe) -> dict[str, Any]:
    """The fields that `--set` can change and `args.yaml` keeps: all but the functions; as plain values."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe) if field.name not in _FUNCTIONS}
    return {**values, "network": {name: _plain(value) for name, value in recipe.network.items()}}


def with_settings(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with some fields changed; a value given as text is read as YAML (`3`, `1e-3`, `null`).

    Of `network`, text such as `{stride: 2}` changes what it names; a mapping replaces all.

    Epochs that are set by hand are meant as they are: `least_steps` falls away, unless it is set too.

    Errors: UsageError, where there is no such field or the value does not fit it.
    """
    types = get_type_hints(Recipe)
    current = settings(recipe)
    if "epochs" in changes and "least_steps" not in changes:
        changes = {**changes, "least_steps": 0}
    checked = {}
    for key, value in changes.items():
        if key not in current:
            raise UsageError(_unknown("a recipe has no setting", key, current, "settings"))
        checked[key] = _as_type(key, value, types[key])
        if key == "network" and isinstance(value, str):
            checked[key] = {**current[key], **checked[key]}
        if key == "network":
            _check_network(recipe.model, checked[key])
    return replace(recipe, **checked)


def set_by_hand(changes: Mapping[str, Any]) -> frozenset[str]:
    """The fields that `changes` sets; of a network that text changes in part, what it names, as `network.stride`."""
    names = set(changes)
    if isinstance(changes.get("network"), str):
        names.remove("network")
        names |= {f"network.{name}" for name in _as_type("network", changes["network"], Mapping[str, Any])}
    return frozenset(names)


def _check_network(model: Callable[..., Any], network: Mapping[str, Any]) -> None:
    """Errors: UsageError, where what builds the network takes no argument of such a name."""
    try:
        parameters = list(signature(model).parameters.values())[2:]  # after shape and classes
    except (TypeError, ValueError):  # not everything that can be called tells its arguments
        return
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    for name in network:
        if not known:
            raise UsageError(f"the network of this recipe has no settings; got {name!r}")
        if name not in known:
            raise UsageError(_unknown("the network of this recipe has no setting", name, known, "settings"))


def _plain(value: Any) -> Any:
    """The value with lists for tuples, as YAML and JSON have it."""
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _as_type(key: str, value: Any, wanted: Any) -> Any:
    """`value` as the type `wanted`: int, float, a choice of words, or one of these or None; or names with plain values."""
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"{key} cannot be read: {value!r}") from None
    options = get_args(wanted)
    if get_origin(wanted) is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise UsageError(f"{key} must be names with values, such as {{widths: [32, 64], stride: 2}}, not {value!r}")
        return {name: _plain(inner) for name, inner in value.items()}
    if options and all(isinstance(option, str) for option in options):
        if value not in options:
            raise UsageError(f"{key} must be one of {', '.join(options)}, not {value!r}")
        return value
    if value is None and type(None) in options:
        return None
    number = next((option for option in options if option is not type(None)), wanted)
    try:
        # Neither true, nor 2.5 for a whole number, nor NaN, which equals nothing.
        if isinstance(value, bool) or number(value) != float(value):
            raise ValueError
        converted = number(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{key} must be {'a whole number' if number is int else 'a number'}, not {value!r}") from None
    if key in _POSITIVE and converted <= 0:
        raise UsageError(f"{key} must be positive, not {value!r}")
    if converted < 0:
        raise UsageError(f"{key} must not be negative: {value!r}")
    if key == "validation_fraction" and converted >= 1:
        raise UsageError(f"{key} must be below 1, not {value!r}")
    if key in _MOST and converted > _MOST[key]:
        raise UsageError(f"{key} must be at most {_MOST[key]:g}, not {value!r}")
    return converted
