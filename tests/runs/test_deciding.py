"""Which candidate is used, and on which pictures that is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from eyespot.errors import UnsupportedError
from eyespot.evaluation.temperature import fit_temperature, tempered
from eyespot.evaluation.threshold import NoThreshold, Threshold
from eyespot.evaluation.threshold_check import ThresholdCheck
from eyespot.network import Layer, Network
from eyespot.runs.candidate import Tried, Unseen, better, of_nothing, with_temperature
from eyespot.runs.deciding import by_cross_validation, by_validation

NOTHING: Any = None


def says(positions: Sequence[int], of_dog: Sequence[float]) -> Unseen:
    """What somebody says: how likely each picture shows a dog."""
    likely = np.array(of_dog, np.float64)
    return Unseen(np.array(positions, np.int64), np.stack([1 - likely, likely], axis=1).reshape(-1, 2))


def tried(validation: Unseen, held_out: Unseen, unseen: Unseen | None = None) -> Tried:
    return Tried(validation, held_out, validation if unseen is None else unseen, NOTHING)


LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1])


def test_the_more_accurate_one_is_better_and_of_equal_ones_that_of_the_lower_loss() -> None:
    right, half, surer = says([0, 1], [0.4, 0.6]), says([0, 1], [0.1, 0.4]), says([0, 1], [0.2, 0.8])
    assert better({"one": half, "other": right}, LABELS) == "other"
    assert better({"one": right, "other": surer}, LABELS) == "other"
    assert better({"one": surer, "other": right}, LABELS) == "one"


def test_the_first_is_taken_where_nothing_tells_them_apart() -> None:
    assert better({"one": says([0], [0.3]), "other": says([0], [0.3])}, LABELS) == "one"
    assert better({"one": of_nothing(2), "other": says([0], [0.1])}, LABELS) == "one"
    assert better({"one": says([0], [0.9]), "other": of_nothing(2)}, LABELS) == "one"


def test_what_was_held_out_does_not_decide() -> None:
    good, bad = says([0, 1], [0.1, 0.9]), says([0, 1], [0.9, 0.1])
    for held_out in (says([2, 3], [0.0, 1.0]), says([2, 3], [1.0, 0.0])):
        decision = by_validation({"one": tried(bad, held_out), "other": tried(good, says([2, 3], [0.5, 0.5]))}, LABELS)
        assert decision.chosen == "other"
        np.testing.assert_allclose(decision.answers.probabilities, 0.5)


def test_the_answers_are_at_the_temperature_of_what_the_candidate_had_not_seen() -> None:
    unseen = says([4, 5, 6, 7], [0.01, 0.99, 0.99, 0.99])
    held_out = says([2, 3], [0.1, 0.9])
    decision = by_validation({"one": tried(of_nothing(2), held_out, unseen)}, LABELS)
    temperature = fit_temperature(unseen.probabilities, LABELS[4:])
    assert temperature > 1.2
    np.testing.assert_allclose(decision.answers.probabilities, tempered(held_out.probabilities, temperature))
    assert decision.unseen is unseen
    assert of_nothing(2).temperature(LABELS) == 1


@pytest.fixture
def folds() -> list[dict[str, Tried]]:
    """Two folds: in the first, `one` is better on validation, in the second `other`; over both held-out sides, `other` is."""
    first = {
        "one": tried(says([1, 2], [0.9, 0.1]), says([4, 0], [0.8, 0.7])),
        "other": tried(says([1, 2], [0.1, 0.1]), says([4, 0], [0.3, 0.3])),
    }
    second = {
        "one": tried(says([0, 4], [0.1, 0.9]), says([1, 5], [0.1, 0.9])),
        "other": tried(says([0, 4], [0.1, 0.1]), says([1, 5], [0.8, 0.2])),
    }
    return [first, second]


def test_over_folds_the_figure_is_that_of_what_was_chosen_within_them(folds: list[dict[str, Tried]]) -> None:
    decision = by_cross_validation(folds, LABELS)
    assert decision.chosen == "other"
    assert decision.answers.positions.tolist() == [0, 1, 4, 5]
    # Of the first fold those of `one`, wrong both times; of the second those of `other`, right and wrong.
    assert decision.answers.probabilities.argmax(axis=1).tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(decision.compared["other"].probabilities[:, 1], [0.3, 0.8, 0.3, 0.2])
    np.testing.assert_allclose(decision.compared["one"].probabilities[:, 1], [0.7, 0.1, 0.8, 0.9])
    assert decision.unseen is decision.compared["other"]


def test_where_no_fold_could_compare_the_first_one_answers_and_is_kept() -> None:
    folds = [
        {"one": tried(of_nothing(2), says([0, 1], [0.9, 0.1])), "other": tried(of_nothing(2), says([0, 1], [0.1, 0.9]))},
        {"one": tried(of_nothing(2), says([2, 3], [0.9, 0.1])), "other": tried(of_nothing(2), says([2, 3], [0.1, 0.9]))},
    ]
    decision = by_cross_validation(folds, LABELS)
    assert decision.chosen == "one"
    np.testing.assert_allclose(decision.answers.probabilities[:, 1], [0.9, 0.1, 0.9, 0.1])
    assert decision.unseen is decision.compared["one"]
    # One fold that could compare is enough.
    folds[1]["one"] = tried(says([0, 1], [0.9, 0.1]), says([2, 3], [0.9, 0.1]))
    folds[1]["other"] = tried(says([0, 1], [0.1, 0.9]), says([2, 3], [0.1, 0.9]))
    assert by_cross_validation(folds, LABELS).chosen == "other"


def test_the_candidates_have_the_figures_of_what_decided(folds: list[dict[str, Tried]]) -> None:
    decision = by_cross_validation(folds, LABELS)
    one, other = decision.candidates(LABELS, np.arange(8), {"one": "frozen", "other": "scratch"})
    assert (one.name, one.accuracy.estimate, one.n, one.is_chosen) == ("frozen", 0.25, 4, False)
    assert (other.name, other.accuracy.estimate, other.n, other.is_chosen) == ("scratch", 0.75, 4, True)
    nothing = by_validation({"one": tried(of_nothing(2), says([0], [0.1]))}, LABELS)
    assert nothing.candidates(LABELS, np.arange(8), {"one": "frozen"}) == ()


def test_labels_are_doubted_of_all_pictures_that_were_not_learned_from(folds: list[dict[str, Tried]]) -> None:
    unseen, held_out = says([4, 5, 6, 7], [0.01, 0.99, 0.99, 0.99]), says([3, 2], [0.1, 0.9])
    decision = by_validation({"one": tried(of_nothing(2), held_out, unseen)}, LABELS)
    found = decision.of_all_unlearned(LABELS)
    assert found.positions.tolist() == [3, 2, 4, 5, 6, 7]
    at_one_temperature = tempered(np.concatenate([held_out.probabilities, unseen.probabilities]), unseen.temperature(LABELS))
    np.testing.assert_allclose(found.probabilities, at_one_temperature)
    # Over folds these are the pictures that the figure is of, each once.
    over_folds = by_cross_validation(folds, LABELS)
    np.testing.assert_array_equal(over_folds.of_all_unlearned(LABELS).positions, over_folds.answers.positions)
    np.testing.assert_allclose(over_folds.of_all_unlearned(LABELS).probabilities, over_folds.answers.probabilities)


def test_the_threshold_follows_from_what_was_not_seen_and_from_its_groups() -> None:
    labels = np.arange(200) % 2
    sure = says(range(200), np.where(labels == 1, 0.97, 0.03).tolist())
    decision = by_validation({"one": tried(sure, says([0], [0.5]))}, labels)
    assert isinstance(decision.threshold(labels, np.arange(200), 0.05), Threshold)
    few_groups = decision.threshold(labels, np.arange(200) // 20, 0.05)
    assert isinstance(few_groups, NoThreshold)
    assert "10 groups of pictures" in few_groups.reason
    unknown = by_validation({"one": tried(of_nothing(2), says([0], [0.5]))}, labels)
    assert isinstance(unknown.threshold(labels, np.arange(200), 0.05), NoThreshold)


def test_what_a_threshold_comes_to_is_counted_on_pictures_that_had_no_say_in_it() -> None:
    labels = np.arange(400) % 2

    def answers(start: int, wrong: int) -> Unseen:
        """Of 200 pictures, all but the first ten of them sure; `wrong` of the sure ones are wrong."""
        of_dog = np.where(labels[start : start + 200] == 1, 0.97, 0.03)
        of_dog[10 : 10 + wrong] = 1 - of_dog[10 : 10 + wrong]
        of_dog[:10] = 0.5
        return says(range(start, start + 200), of_dog.tolist())

    sure, unsure = answers(200, 1), says([200, 201], [0.5, 0.5])
    folds = [
        {"one": tried(of_nothing(2), answers(0, 4), sure)},
        {"one": tried(of_nothing(2), answers(200, 2), answers(0, 0))},
    ]
    alone = np.arange(400)
    decision = by_cross_validation(folds, labels)
    assert isinstance(decision.threshold(labels, alone, 0.05), Threshold)
    assert decision.threshold_check(labels, alone, 0.05) == ThresholdCheck(n=400, answered=380, wrong=6)
    # A fold of too few pictures to choose a threshold on has no say.
    folds[1] = {"one": tried(of_nothing(2), answers(200, 2), unsure)}
    assert by_cross_validation(folds, labels).threshold_check(labels, alone, 0.05) == ThresholdCheck(200, 190, 4, left_out=200)
    assert by_cross_validation(folds[1:], labels).threshold_check(labels, alone, 0.05) is None
    # With a part held out, it is that part.
    assert by_validation(folds[0], labels).threshold_check(labels, alone, 0.05) == ThresholdCheck(200, 190, 4)


def test_a_network_at_a_temperature_divides_its_logits(tiny_network: Network) -> None:
    cooled = with_temperature(tiny_network, 2.5)
    assert cooled.by_name["temperature"].config["scale"] == pytest.approx(0.4)
    kept = [layer.config for layer in tiny_network.layers if layer.name != "temperature"]
    assert [layer.config for layer in cooled.layers if layer.name != "temperature"] == kept


def test_a_network_that_ends_otherwise_takes_no_temperature(tiny_network: Network) -> None:
    *others, _, softmax = tiny_network.layers
    bare = Network((*others, Layer("probabilities", "Softmax", softmax.config, ("logits",))), "probabilities")
    with pytest.raises(UnsupportedError, match=r"this one ends in logits \(Dense\), probabilities \(Softmax\)"):
        with_temperature(bare, 2.0)
    with pytest.raises(UnsupportedError, match=r"ends in logits \(Dense\), temperature \(Rescaling\)"):
        with_temperature(Network(tiny_network.layers[:-1], "temperature"), 2.0)
