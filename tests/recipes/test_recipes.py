"""Recipes: found by name or file, changed field by field, each one trainable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from eyespot import recipes
from eyespot.errors import UnknownRecipeError, UsageError
from eyespot.models.backend import keras
from eyespot.training import supports


@pytest.mark.parametrize("name", recipes.NAMES)
@pytest.mark.parametrize("size", [32, 48])
def test_every_recipe_makes_a_network_of_known_layers_that_takes_pixels_and_returns_probabilities(name: str, size: int) -> None:
    recipe = recipes.load(name)
    model = recipe.model((size, size, 3), 7, **recipe.network)
    assert supports(model) == []
    assert model.input_shape == (None, size, size, 3)
    first = next(layer for layer in model.layers if type(layer) is not keras.layers.InputLayer)
    assert type(first) is keras.layers.Rescaling
    assert keras.ops.convert_to_numpy(model(keras.ops.full((1, size, size, 3), 255))).sum() == pytest.approx(1, abs=1e-5)
    assert isinstance(recipe.optimizer(recipe.learning_rate, 100, 32), keras.optimizers.Optimizer)


def test_every_recipe_file_is_listed_and_says_its_command() -> None:
    folder = Path(recipes.__file__).parent
    others = ("__init__", "recipe", "order", "fine_tuning", "muon_sgd")
    assert sorted(recipes.NAMES) == sorted(path.stem for path in folder.glob("*.py") if path.stem not in others)
    for name in recipes.NAMES:
        assert "eyespot train" in (folder / f"{name}.py").read_text(encoding="utf-8").split('"""')[1]


def test_the_tutorial_is_what_the_tutorial_says() -> None:
    recipe = recipes.load("tutorial")
    model = recipe.model((32, 32, 3), 10)
    assert model.count_params() == 776_394
    optimizer = recipe.optimizer(recipe.learning_rate, 1, 128)
    assert (type(optimizer).__name__, optimizer.epsilon, optimizer.beta_1, optimizer.beta_2) == ("Adam", 1e-7, 0.9, 0.999)
    # Keras' legacy `decay=1e-6`.
    for step in (0, 1, 1000, 20_000):
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(1e-4 / (1 + 1e-6 * step), rel=1e-6)
    assert (recipe.batch_size, recipe.epochs, recipe.patience, recipe.min_delta, recipe.watch) == (128, 50, 3, 0.001, "test")


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownRecipeError, match="did you mean tutorial"):
        recipes.load("tutorail")


OWN = """
import dataclasses
from eyespot.recipes import load
recipe = dataclasses.replace(load("tutorial"), epochs=2)
"""


def test_a_file_of_your_own_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    assert recipes.load(str(path)).epochs == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [("x = 1", "defines no recipe"), ("recipe = 3", "defines no recipe"), ("1/0", "ZeroDivisionError"), ("def", "SyntaxError")],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=named):
        recipes.load(str(path))


def test_a_file_whose_recipe_has_an_impossible_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import dataclasses, eyespot.recipes.tutorial as t\nrecipe = dataclasses.replace(t.recipe, flip='sideways')"
    )
    with pytest.raises(UsageError, match=r"mine\.py: flip must be one of auto, random, never"):
        recipes.load(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n\nrecipe = 1/0", "mine.py fails in line 3: ZeroDivisionError: division by zero"),
        ("x = 1\nrecipe = (3", r"mine.py fails in line 2: SyntaxError: '\(' was never closed"),
        ("import json\njson.loads('{')", "mine.py fails in line 2: JSONDecodeError: "),
        (
            "from dataclasses import replace\nfrom eyespot.recipes import load\n\nrecipe = replace(load('quick'), epoch=3)",
            "mine.py fails in line 4: a recipe has no field 'epoch'; did you mean epochs\\? the fields are model, optimizer, ",
        ),
    ],
)
def test_a_file_that_fails_is_told_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        recipes.load(str(path))


@pytest.mark.parametrize(
    ("name", "network", "message"),
    [
        (
            "budget",
            "{width: [8]}",
            r"no setting 'width'; did you mean widths\? the settings are widths, depth, stride, learns_bias$",
        ),
        ("budget", {"xyz": 3}, "has no setting 'xyz'; the settings are widths"),
        ("tutorial", "{widths: [8]}", "the network of this recipe has no settings; got 'widths'"),
    ],
)
def test_a_setting_that_the_network_does_not_have_is_refused(name: str, network: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recipes.with_settings(recipes.load(name), {"network": network})


def test_a_network_that_takes_anything_is_asked_itself() -> None:
    recipe = replace(recipes.load("tutorial"), model=lambda shape, classes, **others: None)
    assert recipes.with_settings(recipe, {"network": {"xyz": 3}}).network == {"xyz": 3}


def test_of_a_network_that_text_changes_what_it_names_is_set_by_hand() -> None:
    assert recipes.set_by_hand({"network": "{stride: 2, depth: 3}", "size": 8}) == {"network.stride", "network.depth", "size"}
    assert recipes.set_by_hand({"network": {"stride": 2}}) == {"network"}


def test_text_changes_what_it_names_of_the_network_and_a_mapping_all() -> None:
    accurate = recipes.load("accurate")
    assert recipes.with_settings(accurate, {"network": "{widths: [8]}"}).network == {"widths": [8], "learns_bias": True}
    assert recipes.with_settings(accurate, {"network": {"widths": [8]}}).network == {"widths": [8]}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownRecipeError, match=r"none\.py"):
        recipes.load(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("epochs", "3", 3.0),
        ("epochs", "0.25", 0.25),
        ("batch_size", "3", 3),
        ("flip", "never", "never"),
        ("network", "{widths: [8, 16], stride: 2}", {"widths": [8, 16], "stride": 2}),
        ("network", {"widths": (8, 16)}, {"widths": [8, 16]}),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", 2, 2.0),
        ("patience", "null", None),
        ("patience", 4, 4),
        ("precision", "float32", "float32"),
    ],
)
def test_a_setting_takes_the_type_of_its_field(key: str, given: object, expected: object) -> None:
    recipe = replace(recipes.load("accurate"), network={})
    changed = getattr(recipes.with_settings(recipe, {key: given}), key)
    assert changed == expected
    assert type(changed) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("epoch", "3", "did you mean epochs"),
        ("model", "3", "no setting 'model'"),
        ("depth", "3", "no setting 'depth'; the settings are"),
        ("epochs", "[", "cannot be read"),
        ("epochs", "three", "a number"),
        ("batch_size", "2.5", "whole number"),
        ("epochs", "0", "positive"),
        ("size", "0", "positive"),
        ("epochs", "true", "a number"),
        ("network", "3", "names with values"),
        ("network", "{1: 2}", "names with values"),
        ("flip", "sometimes", "one of auto, random, never"),
        ("prepare", "3", "no setting 'prepare'"),
        ("learning_rate", "-1", "positive"),
        ("learning_rate", "nan", "number"),
        ("precision", "float8", "one of auto, bfloat16, float32"),
        ("validation_fraction", "1", "below 1"),
        ("data_pruning", "0.6", "at most 0.5"),
        ("label_smoothing", "2", "at most 1"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(key: str, value: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        recipes.with_settings(recipes.load("tutorial"), {key: value})


def test_there_are_more_steps_where_pictures_are_few_unless_the_epochs_are_set_by_hand() -> None:
    recipe = recipes.with_settings(recipes.load("tutorial"), {"epochs": 5, "least_steps": 100, "batch_size": 10})
    assert [recipe.steps_for(pictures) for pictures in (1000, 100, 95, 1)] == [500, 100, 100, 100]
    assert recipes.with_settings(recipe, {"epochs": 7}).steps_for(1) == 7


def test_pruned_epochs_have_fewer_steps() -> None:
    recipe = recipes.with_settings(recipes.load("tutorial"), {"epochs": 6, "batch_size": 10, "data_pruning": 0.25})
    assert recipe.epochs_for(100) == (100, 100, 75, 75, 75, 100)
    assert recipe.steps_for(100) == 3 * 10 + 3 * 8
    assert recipes.with_settings(recipe, {"epochs": 5.5}).steps_for(100) == 2 * 10 + 3 * 8 + 5
    fewer = recipes.with_settings(recipe, {"epochs": 1.5})
    assert (fewer.epochs_for(100), fewer.steps_for(100)) == ((100, 100), 15)


def test_an_epoch_may_be_broken_off_but_not_before_the_first_step() -> None:
    recipe = recipes.with_settings(recipes.load("budget"), {"epochs": 1.26, "batch_size": 10})
    assert [recipe.steps_for(pictures) for pictures in (1000, 95, 1)] == [126, 13, 1]


@pytest.mark.parametrize("name", recipes.NAMES)
def test_the_settings_of_a_recipe_are_plain_values_and_make_the_same_recipe_again(name: str) -> None:
    recipe = recipes.load(name)
    kept = yaml.safe_load(yaml.safe_dump(recipes.settings(recipe)))
    assert recipes.settings(recipes.with_settings(recipe, kept)) == kept == recipes.settings(recipe)
