"""The likeliest wrong labels, held against an example worked by hand, a plain loop, and labels that were changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyespot.errors import InputError
from eyespot.evaluation.mislabels import Suspect, likely_mislabels


def test_an_example_worked_by_hand() -> None:
    probabilities = [
        [0.90, 0.10],
        [0.70, 0.30],
        [0.15, 0.85],  # labelled 0, looks like 1
        [0.20, 0.80],
        [0.40, 0.60],
        [0.80, 0.20],  # labelled 1, looks like 0
        [0.45, 0.55],  # labelled 0, looks like 1, but not very much
    ]
    labels = [0, 0, 0, 1, 1, 1, 0]

    found = likely_mislabels(probabilities, labels, most=5)

    # Pictures labelled 0 have 0.55 for it on average, those labelled 1 0.5333.
    assert found == (Suspect(2, 0, 1, 0.15, 0.85), Suspect(5, 1, 0, 0.2, 0.8), Suspect(6, 0, 1, 0.45, 0.55))
    sterner = [*probabilities[:3], [0.1, 0.9], [0.2, 0.8], *probabilities[5:]]
    assert [suspect.position for suspect in likely_mislabels(sterner, labels, most=5)] == [2, 5]


def by_a_loop(probabilities: np.ndarray, labels: np.ndarray) -> list[int]:
    """Confident learning as its paper puts it, one picture at a time."""
    ranked = []
    for i, row in enumerate(probabilities):
        other = max(range(len(row)), key=lambda k: row[k])
        members = [j for j in range(len(labels)) if labels[j] == other]
        if members and other != labels[i] and row[other] >= np.mean([probabilities[j][other] for j in members]):
            ranked.append((row[labels[i]] - row[other], i))
    return [i for _, i in sorted(ranked)]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), classes=st.integers(2, 5), most=st.integers(0, 8))
def test_they_are_those_of_a_plain_loop_and_never_more_than_asked_for(seed: int, n: int, classes: int, most: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(classes, 0.7), n)
    labels = generator.integers(0, classes, n)

    found = likely_mislabels(probabilities, labels, most)

    assert [suspect.position for suspect in found] == by_a_loop(probabilities, labels)[:most]
    for suspect in found:
        row = probabilities[suspect.position]
        assert suspect.given == labels[suspect.position]
        assert (suspect.given_probability, suspect.likelier_probability) == (row[suspect.given], row[suspect.likelier])
        assert suspect.likelier_probability == row.max()


def test_labels_that_were_changed_come_first() -> None:
    generator = np.random.default_rng(3)
    true = generator.integers(0, 4, 200)
    logits = generator.normal(0, 1, (200, 4)) + 5 * np.eye(4)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = true.copy()
    changed = generator.choice(200, 5, replace=False)
    labels[changed] = (true[changed] + 1) % 4

    found = likely_mislabels(probabilities, labels, most=5)

    assert {suspect.position for suspect in found} == set(changed.tolist())
    assert all(suspect.likelier == true[suspect.position] for suspect in found)


def test_equally_likely_ones_come_in_their_order() -> None:
    probabilities = [[0.1, 0.9]] * 6 + [[0.9, 0.1]] * 20
    labels = [1, 1, 0, 0, 0, 0] + [0] * 20

    assert [suspect.position for suspect in likely_mislabels(probabilities, labels)] == [2, 3, 4]


def test_a_class_without_labelled_pictures_is_never_the_likelier_one() -> None:
    assert likely_mislabels([[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]], [0, 1]) == ()


def test_of_no_pictures_none_is_suspect() -> None:
    assert likely_mislabels(np.empty((0, 3)), np.empty(0, int)) == ()


@pytest.mark.parametrize(
    ("probabilities", "labels", "most", "message"),
    [
        ([[0.5, 0.5]], [0, 1], 3, "must fit together"),
        ([0.5, 0.5], [0, 1], 3, "must fit together"),
        ([[0.5, 0.5]], [2], 3, "from 0 to 1; got int64 2 to 2"),
        ([[0.5, 0.5]], [0.0], 3, "whole numbers"),
        ([[np.nan, 0.5]], [0], 3, "between 0 and 1"),
        ([[0.5, 0.5]], [0], -1, "fewer than 0 suspects; got -1"),
    ],
)
def test_what_does_not_fit_together_is_refused(probabilities: object, labels: object, most: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        likely_mislabels(probabilities, labels, most)  # type: ignore[arg-type]  # wrong on purpose
