"""What was asked for: when there is a budget, and what args.yaml holds."""

from __future__ import annotations

from typing import Any

import pytest

from eyespot.errors import InputError, UsageError
from eyespot.recipes.order import DEFAULT_BUDGET, DEFAULT_ERROR_RATE, Few, Order, ordered


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
    settings = {"epochs": 2.5, "network": {"widths": [8]}}
    computing = {"seed": 3, "threads": 1, "device": "cpu"}
    few = {"backbone": "cifar10", "group_by": "folder:2", "error_rate": 0.1, "folds": 3, "from_scratch": False}
    tuned = {**few, "fine_tune": True}
    for given in ({}, few, tuned):
        first = order(settings=settings, **computing, **given)
        kept = first.arguments()
        again = order(kept.pop("recipe"), settings=kept.pop("set"), **{name: kept[name] for name in kept if name != "data"})
        assert again.arguments() == first.arguments()
        assert again.budget is None


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 2**32}, {"threads": 0}, {"threads": True}, {"folds": 0}])
def test_a_number_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        order(**arguments)


def test_few_pictures_are_asked_about_where_the_time_is_the_budget_or_a_backbone_is_named() -> None:
    assert order().few == Few("auto")
    assert order(backbone="cifar10").few == Few("cifar10")
    assert order(settings={"epochs": 3}).few is None
    assert order("tutorial").few is None
    assert order("tutorial", backbone="none").few is None
    assert order(settings={"epochs": 3}, backbone="none", folds=1, from_scratch=True).few == Few("none", 1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": "tutorial", "backbone": "cifar10"}, "a backbone is used by the default recipe, and tutorial is another"),
        ({"recipe": "tutorial", "folds": 3}, "a number of folds is for the default recipe alone, and tutorial is another"),
        ({"recipe": "tutorial", "from_scratch": False}, "from_scratch is for the default recipe alone"),
        ({"settings": {"epochs": 3}, "folds": 3}, "a number of folds needs a backbone to be named: auto will do"),
        ({"settings": {"epochs": 3}, "from_scratch": False}, "from_scratch needs a backbone to be named"),
        ({"backbone": "none", "from_scratch": False}, "without a backbone there is nothing but a network from scratch"),
        ({"recipe": "tutorial", "fine_tune": True}, "fine-tuning is for the default recipe alone, and tutorial is another"),
        ({"settings": {"epochs": 3}, "fine_tune": True}, "fine-tuning needs a backbone to be named"),
        ({"backbone": "none", "fine_tune": True}, "fine-tuning needs a backbone, and there is to be none"),
        ({"from_scratch": True, "fine_tune": True}, "fine-tuning takes the time of a network from scratch"),
        ({"group_by": "color"}, "pictures cannot be grouped by 'color'"),
        ({"group_by": "name:("}, "is no regular expression"),
    ],
)
def test_what_few_pictures_alone_need_is_refused_elsewhere(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        order(**arguments)


def test_fine_tuning_is_asked_for_or_not() -> None:
    assert order(fine_tune=True).few == Few("auto", fine_tune=True)
    assert order(fine_tune=False).few == order(fine_tune=None).few == order().few
    assert order(settings={"epochs": 3}, backbone="cifar10", fine_tune=True).arguments()["fine_tune"] is True
    assert order("tutorial", fine_tune=None).arguments()["fine_tune"] is None


def test_batches_that_follow_from_the_pictures_are_not_written_down_as_if_they_were_set_by_hand() -> None:
    assert "batch_size" not in order().arguments()["set"]
    assert order(settings={"batch_size": 8}).arguments()["set"]["batch_size"] == 8
    assert "batch_size" in order("tutorial").arguments()["set"]
    assert "batch_size" in order(settings={"epochs": 3}).arguments()["set"]


def test_a_rule_of_grouping_suits_every_recipe() -> None:
    assert order("tutorial", group_by="folder").group_by == "folder"


def test_an_error_rate_suits_every_recipe() -> None:
    assert order("tutorial", error_rate=0.1).error_rate == 0.1
    assert order().error_rate == order(settings={"epochs": 3}).error_rate == DEFAULT_ERROR_RATE


@pytest.mark.parametrize("rate", [0, 1, -0.5, 1.5, True, "0.05"])
def test_an_error_rate_that_cannot_be_is_refused(rate: Any) -> None:
    with pytest.raises(InputError, match="the error rate must lie between 0 and 1"):
        order(error_rate=rate)
