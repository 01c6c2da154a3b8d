"""What the time lets few pictures be learned with: the plan is simulated, the rest is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot import training
from eyespot.backbones import Backbone, cut
from eyespot.data import Dataset, Part
from eyespot.network import Network
from eyespot.recipes.order import Few, Order, ordered
from eyespot.runs.affordable import HOLD_OUT, Settled, settle
from eyespot.runs.backbone import Features
from eyespot.runs.pictures import gathered, rounds
from eyespot.training import Plan

MakeDataset = Callable[..., Dataset]
ALL = [i % 2 for i in range(160)]
NONE = Few("none")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the plan: takes `seconds` for each training; notes what it was asked for."""
    asked: list[dict[str, Any]] = []

    def plan(recipe: Any, given: Any, dataset: Dataset, *, seconds: float, trainings: Sequence[float], **others: Any) -> Plan:
        fitting = [number for number in trainings if 10 * number <= seconds]
        parts = {name: len(part) for name, part in dataset.parts.items()}
        asked.append({"parts": parts, "trainings": list(trainings), **others})
        number = fitting[0] if fitting else trainings[-1]
        return Plan(replace(recipe, epochs=7), 1, ("planned",), {}, {}, number, bool(fitting))

    monkeypatch.setattr(training, "plan", plan)
    return asked


def order(few: Few, budget: float | None = 100.0) -> Order:
    settings = {"flip": "never"} if budget else {"flip": "never", "epochs": 3}
    made = ordered("pets", None, budget=budget, settings=settings, seed=0, device="cpu", threads=None, backbone="none")
    return replace(made, few=few)


def settled(data: Dataset, few: Few = NONE, budget: float | None = 100.0, *, has_backbone: bool = False) -> Settled:
    pictures = gathered(data, None)
    schedule = rounds(pictures, data.classes, few.folds)
    return settle(order(few, budget), few, data, pictures, schedule, began=0.0, has_backbone=has_backbone)


def test_the_last_of_the_trainings_is_longer_for_it_is_of_all_pictures(
    dataset: MakeDataset, planned: list[dict[str, Any]]
) -> None:
    found = settled(dataset(all=ALL))
    (asked,) = planned
    assert asked["parts"] == {"train": 112, "validation": 16, "test": 160}
    assert asked["trainings"][0] == pytest.approx(5 + 160 / 112)
    assert (found.few.folds, found.few.from_scratch, found.order.recipe.epochs, found.order.threads) == (5, True, 7, 1)
    assert found.order.few == found.few
    assert found.notes == ("from scratch, a network is trained in each of 5 folds, then on all", "planned")


@pytest.mark.parametrize(("budget", "folds"), [(70, 5), (60, 4), (50, 3), (40, HOLD_OUT), (10, HOLD_OUT), (1, HOLD_OUT)])
def test_in_less_time_there_are_fewer_folds_and_without_a_backbone_at_last_a_part_held_out(
    dataset: MakeDataset, planned: list[dict[str, Any]], budget: float, folds: int
) -> None:
    found = settled(dataset(all=ALL), budget=budget)
    assert (found.few.folds, found.few.from_scratch) == (folds, True)
    assert ("too short for cross-validation" in found.notes[0]) == (folds == HOLD_OUT)


@pytest.mark.parametrize(("budget", "folds"), [(70, 5), (60, HOLD_OUT)])
def test_a_number_of_folds_that_the_groups_do_not_allow_is_not_planned_for(
    dataset: MakeDataset,
    planned: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    budget: float,
    folds: int,
) -> None:
    monkeypatch.setattr("eyespot.runs.affordable.fold_count", lambda pictures, classes, count: count + 1)
    assert settled(dataset(all=ALL), budget=budget).few.folds == folds
    assert len(planned[0]["trainings"]) == 2


def test_as_many_folds_are_planned_for_as_there_are(dataset: MakeDataset, planned: list[dict[str, Any]]) -> None:
    found = settled(dataset(all=[0, 0, 0, *([1] * 37)]), Few("none", folds=10), budget=100)
    assert found.few.folds == 3
    assert planned[0]["trainings"] == [pytest.approx(3 + 1 / (2 / 3 * 7 / 8))]
    alone = Few("x", folds=10, from_scratch=False)
    assert settled(dataset(all=[0, 0, 0, *([1] * 37)]), alone, has_backbone=True).few.folds == 3


def test_where_pictures_are_too_few_to_compare_on_no_network_is_trained_in_vain(
    dataset: MakeDataset, planned: list[dict[str, Any]]
) -> None:
    data = dataset(all=[0, 0, 1, 1])
    for asked in (Few("x"), Few("x", from_scratch=True)):
        found = settled(data, asked, has_backbone=True)
        assert found.few == Few("x", folds=2, from_scratch=False)
        assert found.notes == ("the pictures are too few to compare candidates on: frozen features alone are tried",)
    assert not planned
    assert settled(data, Few("none")).few.from_scratch is True


@pytest.mark.parametrize(("budget", "from_scratch", "folds"), [(70, True, 5), (50, True, 3), (40, False, 5)])
def test_beside_a_backbone_networks_are_left_out_where_three_folds_do_not_fit(
    dataset: MakeDataset, planned: list[dict[str, Any]], budget: float, from_scratch: bool, folds: int
) -> None:
    found = settled(dataset(all=ALL), budget=budget, has_backbone=True)
    assert (found.few.from_scratch, found.few.folds) == (from_scratch, folds)
    if not from_scratch:
        assert found.plan is None
        assert found.notes == ("the time is too short to train networks from scratch too: frozen features alone are tried",)


def test_a_given_test_part_takes_one_training(dataset: MakeDataset, planned: list[dict[str, Any]]) -> None:
    data = dataset(train=ALL, test=[0, 1] * 5)
    assert settled(data).few == Few("none", folds=None, from_scratch=True)
    assert planned[0]["trainings"] == [1.0]
    assert planned[0]["parts"] == {"train": 140, "validation": 20, "test": 10}
    assert settled(data, budget=5, has_backbone=True).few.from_scratch is False
    assert settled(data, budget=5).few.from_scratch is True


def test_what_is_asked_for_is_done_whatever_the_time(dataset: MakeDataset, planned: list[dict[str, Any]]) -> None:
    data = dataset(all=ALL)
    assert settled(data, Few("x", from_scratch=False), has_backbone=True).few == Few("x", folds=5, from_scratch=False)
    assert not planned
    assert settled(data, Few("x", from_scratch=True), budget=1, has_backbone=True).few.from_scratch is True
    assert settled(data, Few("x", folds=4), budget=60).few.folds == 4
    assert planned[-1]["trainings"] == [pytest.approx(4 + 1 / (0.75 * 0.875))]
    assert settled(data, Few("x", folds=HOLD_OUT)).few.folds == HOLD_OUT
    # Without a backbone there is nothing else.
    assert settled(data, Few("none", from_scratch=False)).few.from_scratch is True


def test_without_a_budget_nothing_is_planned_and_the_recipe_fits_the_first_fold(
    dataset: MakeDataset, planned: list[dict[str, Any]]
) -> None:
    found = settled(dataset(all=ALL), budget=None)
    assert not planned
    assert (found.few.folds, found.few.from_scratch, found.plan, found.order.recipe.epochs) == (5, True, None, 3)
    assert found.order.recipe.batch_size <= 56


@pytest.mark.parametrize("from_scratch", [False, True])
def test_args_yaml_keeps_the_size_that_the_pictures_were_read_at(
    dataset: MakeDataset, planned: list[dict[str, Any]], from_scratch: bool
) -> None:
    found = settled(dataset(all=ALL), Few("x", from_scratch=from_scratch), has_backbone=True)
    assert found.order.arguments()["set"]["size"] == 16
    assert isinstance(found.order.arguments()["set"]["size"], int)


# ------------------------------------------------------------------------------------------------------- fine-tuning


@pytest.fixture
def tunable(tiny_network: Network) -> Features:
    """What is fine-tuned: a backbone for pictures of 8 x 10, and 200 of them."""
    part = Part(np.zeros((200, 8, 10, 3), np.uint8), np.zeros(200, np.int64), ("",) * 200)
    backbone = Backbone("tiny", Path("tiny.onnx"), "a network of a test", cut(tiny_network), "0" * 64)
    return Features(backbone, np.zeros((200, 4), np.float32), part.images[:4], "", 1.0, part)


@pytest.fixture
def tuned(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the plan of fine-tuning: an epoch of each training takes 10 s."""
    asked: list[dict[str, Any]] = []

    def plan(recipe: Any, part: Part, classes: int, *, seconds: float, trainings: Sequence[float], **others: Any) -> Plan:
        fitting = [number for number in trainings if 10 * number <= seconds]
        asked.append({"trainings": list(trainings), "tried": len(part), "network": recipe.model(None, None), **others})
        number = fitting[0] if fitting else trainings[-1]
        seconds = {"training": 10 * number}
        return Plan(replace(recipe, epochs=4.5), 2, ("planned",), seconds, {}, number, bool(fitting))

    monkeypatch.setattr(training, "plan_fine_tuning", plan)
    return asked


def settled_with(features: Features, data: Dataset, few: Few, budget: float | None = 100.0) -> Settled:
    pictures = gathered(data, None)
    schedule = rounds(pictures, data.classes, few.folds)
    return settle(order(few, budget), few, data, pictures, schedule, began=0.0, has_backbone=True, features=features)


TUNE = Few("x", fine_tune=True)


def test_fine_tuning_gets_the_time_of_networks_from_scratch(
    dataset: MakeDataset, tunable: Features, planned: list[dict[str, Any]], tuned: list[dict[str, Any]]
) -> None:
    found = settled_with(tunable, dataset(all=ALL), TUNE)
    assert not planned
    assert found.few == Few("x", folds=5, from_scratch=False, fine_tune=True)
    assert found.order.few == found.few
    recipe = found.order.recipe
    assert (recipe.epochs, recipe.learning_rate, recipe.size, found.order.threads) == (4.5, 1e-4, 16, 2)
    assert found.notes == ("the backbone is fine-tuned in each of 5 folds, then on all", "planned")
    (asked,) = tuned
    assert (asked["pictures"], asked["asked"]) == (112, 48)
    assert asked["tried"] == recipe.batch_size
    assert asked["trainings"][0] == pytest.approx(5 + 160 / 112)
    # The backbone has 3 x 3 x 3 x 4 weights and 4 biases, the head 4 x 2 and 2.
    assert asked["network"].count_params() == 122


@pytest.mark.parametrize(("budget", "folds"), [(70, 5), (60, 4), (50, 3)])
def test_fine_tuning_too_takes_fewer_folds_in_less_time(
    dataset: MakeDataset, tunable: Features, tuned: list[dict[str, Any]], budget: float, folds: int
) -> None:
    assert settled_with(tunable, dataset(all=ALL), TUNE, budget).few.folds == folds


def test_where_there_is_no_time_for_an_epoch_in_each_fold_it_goes_on_without(
    dataset: MakeDataset, tunable: Features, planned: list[dict[str, Any]], tuned: list[dict[str, Any]]
) -> None:
    found = settled_with(tunable, dataset(all=ALL), TUNE, budget=40)
    assert found.few == Few("x", folds=5, from_scratch=False, fine_tune=False)
    assert len(planned) == 1  # networks from scratch might have fitted
    assert found.order.recipe.learning_rate == order(NONE).recipe.learning_rate
    alone = settled_with(tunable, dataset(all=ALL), replace(TUNE, from_scratch=False), budget=40)
    (note,) = alone.notes
    assert note == (
        "the time is too short to fine-tune the backbone: with one epoch in each fold all would take 47 s; it is left out"
    )
    assert len(planned) == 1
    parts = settled_with(tunable, dataset(train=ALL, test=[0, 1] * 5), replace(TUNE, from_scratch=False), budget=4)
    assert parts.notes[0].startswith("the time is too short to fine-tune the backbone: with one epoch all would take 10 s")


def test_without_a_budget_fine_tuning_takes_the_epochs_that_were_asked_for(
    dataset: MakeDataset, tunable: Features, planned: list[dict[str, Any]], tuned: list[dict[str, Any]]
) -> None:
    found = settled_with(tunable, dataset(all=ALL), TUNE, budget=None)
    assert not planned
    assert not tuned
    assert (found.few.folds, found.few.fine_tune, found.plan, found.order.recipe.epochs) == (5, True, None, 3)
    assert found.order.recipe.learning_rate == 1e-4
