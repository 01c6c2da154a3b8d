"""What was asked for: when there is a budget, and what args.yaml holds."""

from __future__ import annotations

from typing import Any

import pytest

from eyespot.errors import InputError, UsageError
from eyespot.recipes.order import DEFAULT_BUDGET, Order, ordered


def order(recipe: str | None = None, budget: Any = None, settings: dict[str, Any] | None = None, **others: Any) -> Order:
    arguments = {"seed": 0, "device": "auto", "threads": None, **others}
    return ordered("photos", recipe, budget=budget, settings=settings or {}, **arguments)


def test_without_recipe_and_epochs_there_is_a_minute() -> None:
    assert DEFAULT_BUDGET == 60
    assert order().budget == order("budget").budget == 60
    assert order(settings={"batch_size": 8}).budget == 60
    assert (order().recipe_name, order().fits_the_data) == ("budget", True)


def test_a_budget_is_given_in_seconds_or_in_words() -> None:
    assert [order(budget=budget).budget for budget in (90, "90", "1m30s", "0.5h")] == [90, 90, 90, 1800]
    with pytest.raises(InputError, match="such as 20s"):
        order(budget="soon")


def test_with_epochs_or_another_recipe_there_is_none() -> None:
    assert order(settings={"epochs": 3}).budget is None
    assert order("tutorial").budget is None
    assert not order("tutorial").fits_the_data


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": "1m", "settings": {"epochs": 3}}, "a budget and epochs both say how long"),
        ({"budget": "1m", "settings": {"data_pruning": 0.2}}, "is planned for epochs of all pictures; leave out data_pruning"),
        ({"budget": "1m", "settings": {"epochs": "0.5"}}, "a budget and epochs both say how long"),
        ({"budget": 60, "recipe": "tutorial"}, "a budget chooses network and epochs, and the recipe tutorial has its own"),
    ],
)
def test_a_budget_excludes_what_settles_the_training_otherwise(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        order(**arguments)


def test_the_size_is_left_to_the_pictures_unless_it_is_set_or_the_recipe_has_one() -> None:
    free = order().size
    assert callable(free)
    assert free([(400, 533)], 600) == (64, 64)
    assert order(settings={"size": 48}).size == (48, 48)
    assert order("tutorial").size == (32, 32)


def test_the_arguments_make_the_same_order_again_without_a_budget() -> None:
    first = order(settings={"epochs": 2.5, "network": {"widths": [8]}}, seed=3, threads=1, device="cpu")
    kept = first.arguments()
    again = ordered(
        kept["data"],
        kept["recipe"],
        budget=None,
        settings=kept["set"],
        seed=kept["seed"],
        device=kept["device"],
        threads=kept["threads"],
    )
    assert again.arguments() == kept
    assert again.budget is None


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 2**32}, {"threads": 0}, {"threads": True}])
def test_a_number_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        order(**arguments)
