"""Comparisons: what they claim, what flipped, what they warn of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.compare import COUNTED, MEANINGS, Comparison, compare, rank
from eyespot.evaluation.intervals import difference_interval
from eyespot.evaluation.judged import JudgedRun, read_run
from eyespot.evaluation.seed_intervals import seed_difference
from eyespot.run_folder import RunFolder

CLASSES = ("cat", "dog", "frog")
CROSS_VALIDATED = {"few": {"method": "5-fold cross-validation", "groups": 120, "leaks": []}}


@pytest.fixture
def judge(write_run: Callable[..., RunFolder], tmp_path: Path) -> Callable[..., JudgedRun]:
    """A run that judged 120 pictures of three classes, and takes those at some positions for the next class."""

    def run(name: str, wrong: Sequence[int] = (), **settings: Any) -> JudgedRun:
        labels = [CLASSES[i % 3] for i in range(120)]
        answers = [CLASSES[(i + (i in set(wrong))) % 3] for i in range(120)]
        return read_run(write_run(tmp_path / name, labels, answers, **settings))

    return run


def answers_of(found: Comparison) -> tuple[Any, Any, Any]:
    return found.first.predicted[0], found.second.predicted[0], found.pictures.labels


def test_one_run_on_each_side_is_a_claim_about_two_models(judge: Callable[..., JudgedRun]) -> None:
    found = compare([judge("one", range(5, 10))], [judge("other", range(30))])

    assert found.claim == "models"
    assert found.difference == difference_interval(*answers_of(found))
    assert found.difference.estimate == pytest.approx(25 / 120)
    assert found.is_real
    assert (found.gained, found.lost) == (25, 0)
    assert found.test is not None
    assert found.p_value == found.test.mid_p == pytest.approx(0.5**25)
    assert found.caveats == ()


def test_several_runs_on_both_sides_are_a_claim_about_recipes(judge: Callable[..., JudgedRun]) -> None:
    first = [judge(f"a{seed}", range(seed, seed + 8), seed=seed) for seed in range(3)]
    second = [judge(f"b{seed}", range(20 + 2 * seed), seed=seed) for seed in range(2)]

    found = compare(first, second)

    expected = seed_difference(found.first.right, found.second.right)
    assert (found.claim, found.test) == ("recipes", None)
    assert (found.difference, found.p_value, found.by_seeds) == (expected.interval, expected.p_value, expected)
    assert found.difference.estimate == pytest.approx(21 / 120 - 8 / 120)
    assert found.first.deviation == pytest.approx(0)
    assert found.second.deviation == pytest.approx(np.std([20 / 120, 22 / 120], ddof=1))


def test_one_run_against_several_is_a_claim_about_a_model_and_a_recipe(judge: Callable[..., JudgedRun]) -> None:
    found = compare([judge("one", range(4))], [judge(f"b{seed}", range(30 + seed), seed=seed) for seed in range(3)])

    assert found.claim == "model and recipe"
    assert found.by_seeds is not None


def test_cross_validated_runs_are_trainings_and_have_wider_intervals_and_no_test(judge: Callable[..., JudgedRun]) -> None:
    models = compare([judge("one", range(9))], [judge("other", range(30))])
    trainings = compare([judge("a", range(9), metrics=CROSS_VALIDATED)], [judge("b", range(30), metrics=CROSS_VALIDATED)])

    assert (trainings.claim, trainings.test, trainings.p_value) == ("trainings", None, None)
    widths = [found.difference.high - found.difference.low for found in (models, trainings)]
    assert 1.1 < widths[1] / widths[0] < 1.3
    assert any("classifiers of the folds" in line for line in trainings.caveats)


def test_a_comparison_turned_around_says_the_same_of_the_other(judge: Callable[..., JudgedRun]) -> None:
    one, other = judge("one", [3, 4, 5]), judge("other", range(20))

    found, turned = compare([one], [other]), compare([other], [one])

    assert turned.difference.low == pytest.approx(-found.difference.high)
    assert (turned.gained, turned.lost) == (found.lost, found.gained)
    assert found.to_json()["better"] == "first"
    assert turned.to_json()["better"] == "second"


def test_what_chance_explains_is_not_called_real(judge: Callable[..., JudgedRun]) -> None:
    found = compare([judge("one", [3, 4])], [judge("other", [7, 8, 9])])

    assert not found.is_real
    assert found.to_json()["better"] is None
    assert found.p_value == pytest.approx(2 * stats.binom.cdf(2, 5, 0.5) - stats.binom.pmf(2, 5, 0.5))


def test_the_classes_say_what_they_gained_and_lost(judge: Callable[..., JudgedRun]) -> None:
    # Pictures 0, 3, 6 ... are cats. The one takes 2 cats for dogs, the other 4 other cats and a frog.
    found = compare([judge("one", [0, 3])], [judge("other", [6, 9, 12, 15, 2])])

    cat, frog, dog = found.classes
    assert [change.name for change in found.classes] == ["cat", "frog", "dog"]
    assert (cat.n, cat.gained, cat.lost) == (40, 4, 2)
    assert (cat.first, cat.second) == pytest.approx((38 / 40, 36 / 40))
    assert cat.difference.low < 0 < cat.difference.high
    assert (frog.gained, frog.lost, dog.gained, dog.lost) == (1, 0, 0, 0)


def test_a_class_without_pictures_is_left_out(write_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", ["cat", "dog"], ["cat", "frog"]))
    other = read_run(write_run(tmp_path / "other", ["cat", "dog"], ["cat", "dog"]))

    assert [change.name for change in compare([one], [other]).classes] == ["cat", "dog"]


def test_flips_are_named_and_the_surest_come_first(judge: Callable[..., JudgedRun]) -> None:
    sure = np.full(120, 0.8)
    sure[[10, 50]] = 0.99, 0.6
    found = compare([judge("one", [50, 70], probabilities=sure.tolist())], [judge("other", [10, 30], probabilities=0.9)])

    assert [flip.name for flip in found.flips] == ["test/010", "test/030", "test/070", "test/050"]
    surest = found.flips[0]
    assert (surest.label, surest.first, surest.second) == ("dog", "dog", "frog")
    assert (surest.first_probability, surest.second_probability) == pytest.approx((0.99, 0.9))
    assert [flip.is_gained for flip in found.flips] == [True, True, False, False]


def test_a_picture_flips_only_where_most_runs_of_both_sides_say_so(judge: Callable[..., JudgedRun]) -> None:
    first = [judge(f"a{seed}", wrong, seed=seed) for seed, wrong in enumerate([[1, 9], [1], [2]])]
    second = [judge(f"b{seed}", wrong, seed=seed) for seed, wrong in enumerate([[5, 7], [5, 7], [5]])]

    found = compare(first, second)

    # 5: none of three against all; 7: one of three is right against all; 1: two of three are wrong.
    assert [(flip.name, flip.first_right, flip.second_right) for flip in found.flips] == [
        ("test/005", 3, 0),
        ("test/001", 1, 3),
        ("test/007", 3, 1),
    ]
    assert (found.gained, found.lost) == (2, 1)


def test_what_flatters_a_run_is_said(judge: Callable[..., JudgedRun]) -> None:
    leak = "3 of the test pictures belong together with 2 of the train pictures"
    one = judge("one", [1], arguments={"set": {"watch": "test"}}, metrics={"interrupted": True, "data": "pets"})
    other = judge("other", [2], metrics={"few": {"method": "the test part", "groups": 120, "leaks": [leak]}})

    caveats = compare([one], [other]).caveats

    for text in (
        "the data were called pets, photos",
        "one was interrupted",
        "one watched the test pictures",
        "other learned from some of the test pictures",
    ):
        assert any(text in line for line in caveats)


def test_runs_that_are_no_seeds_of_one_recipe_are_said_to_be_none(judge: Callable[..., JudgedRun]) -> None:
    mixed = [judge("a", [1], seed=0), judge("b", [2], seed=1, arguments={"set": {"epochs": 9}})]
    twice = [judge("c", [3], seed=5), judge("d", [3], seed=5)]

    caveats = compare(mixed, twice).caveats

    assert any("differ in more than their seeds (epochs)" in line for line in caveats)
    assert any("c and d are one training done twice" in line for line in caveats)
    assert len(caveats) == 2


def test_pictures_of_groups_make_the_interval_wider_and_mcnemars_test_impossible(
    write_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    names = [f"cat/{animal}/{i}.png" for animal in range(20) for i in range(4)]
    labels = ["cat"] * 80
    # All four pictures of an animal are told or are not.
    one = [("cat" if animal > 2 else "dog") for animal in range(20) for _ in range(4)]
    other = [("cat" if animal > 8 else "dog") for animal in range(20) for _ in range(4)]

    def found(rule: str | None) -> Comparison:
        sides = [
            read_run(write_run(tmp_path / f"{rule}-{name}", labels, answers, names=names, arguments={"group_by": rule}))
            for name, answers in (("one", one), ("other", other))
        ]
        return compare(sides[:1], sides[1:])

    alone, grouped = found(None), found("folder")
    assert grouped.difference.high - grouped.difference.low > 1.5 * (alone.difference.high - alone.difference.low)
    assert alone.test is not None
    assert grouped.test is None


def test_runs_are_ranked_with_their_distance_to_the_best(judge: Callable[..., JudgedRun]) -> None:
    ranking = rank([judge("worst", range(40)), judge("best", [1]), judge("close", [2, 3])])

    assert [place.run.name for place in ranking.places] == ["best", "close", "worst"]
    assert [place.is_behind for place in ranking.places] == [False, False, True]
    assert ranking.places[0].to_best is None
    assert ranking.places[2].to_best is not None
    assert ranking.places[2].to_best.estimate == pytest.approx(-39 / 120)
    assert ranking.places[2].accuracy.estimate == pytest.approx(80 / 120)
    assert json.loads(json.dumps(ranking.to_json()))["ranking"][2]["is_behind"] is True


def test_the_document_says_what_is_claimed(judge: Callable[..., JudgedRun]) -> None:
    found = compare([judge("one", [1], seed=3)], [judge("other", [2, 4])])

    document = json.loads(json.dumps(found.to_json()))

    assert document["claim"] == "models"
    assert (document["meaning"], document["counted"]) == (MEANINGS["models"], COUNTED["models"])
    assert document["first"]["seeds"] == [3]
    assert document["first"]["accuracy"] == pytest.approx(119 / 120)
    assert document["difference"]["low"] < document["difference"]["estimate"] < document["difference"]["high"]
    assert (document["gained"], document["lost"], len(document["flips"])) == (2, 1, 3)
    assert set(MEANINGS) == set(COUNTED)


def test_a_side_without_runs_is_refused(judge: Callable[..., JudgedRun]) -> None:
    with pytest.raises(InputError, match="at least one run on each side"):
        compare([judge("one")], [])
    with pytest.raises(InputError, match="no runs"):
        rank([])
