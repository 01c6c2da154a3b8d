"""The simulation of whole data sets: what is drawn, which truth is compared with, and what the table says."""

from __future__ import annotations

import numpy as np
import pytest
import simulated_features
from simulated_features import CLASSES, DIMENSIONS, Centroids, Drawn, draw, interval_and_truth, shown, simulated


def test_pictures_of_a_group_are_of_one_class_and_alike() -> None:
    drawn = draw(3000, 5, np.random.default_rng(0))
    assert [len(np.unique(drawn.labels[drawn.groups == group])) for group in range(600)] == [1] * 600
    noise = (drawn.vectors - drawn.means[drawn.labels]).reshape(600, 5, DIMENSIONS)
    assert noise.var() == pytest.approx(1, abs=0.03)
    # Of the variance half lies between groups, of whose means another tenth is chance.
    assert noise.mean(axis=1).var() == pytest.approx(0.5 + 0.5 / 5, abs=0.03)
    alone = draw(3000, 1, np.random.default_rng(0))
    noise = (alone.vectors - alone.means[alone.labels]).reshape(600, 5, DIMENSIONS)
    assert noise.mean(axis=1).var() == pytest.approx(1 / 5, abs=0.02)


def test_the_centroids_are_those_of_scikit_learn() -> None:
    from sklearn.neighbors import NearestCentroid

    drawn = draw(120, 1, np.random.default_rng(1))
    learned = np.arange(60)
    kernel, bias = Centroids(drawn).fitted(learned)
    expected = NearestCentroid().fit(drawn.vectors[learned], drawn.labels[learned]).predict(drawn.vectors)
    np.testing.assert_array_equal((drawn.vectors @ kernel + bias).argmax(axis=1), expected)


def test_the_truth_of_features_that_tell_everything_is_one_and_of_those_that_tell_nothing_chance() -> None:
    generator = np.random.default_rng(2)
    drawn = draw(60, 1, generator)
    apart = Drawn(20 * drawn.means, drawn.labels, drawn.groups, (drawn.vectors + 19 * drawn.means[drawn.labels]))
    interval, truth = interval_and_truth(apart, generator)
    assert (interval.estimate, truth) == (1, 1)
    noise = generator.normal(size=drawn.vectors.shape).astype(np.float32)
    interval, truth = interval_and_truth(Drawn(0 * drawn.means, drawn.labels, drawn.groups, noise), generator)
    assert truth == pytest.approx(1 / len(CLASSES), abs=0.02)
    assert interval.low < truth < interval.high


def test_what_is_counted_is_whether_the_truth_lies_within_and_else_on_which_side(monkeypatch: pytest.MonkeyPatch) -> None:
    from eyespot.evaluation.intervals import Interval

    truths = iter([0.5, 0.7, 0.95] * 6)
    monkeypatch.setattr(simulated_features, "interval_and_truth", lambda *_: (Interval(0.8, 0.6, 0.9), next(truths)))
    rows = simulated(9)
    assert [(row["n"], row["group_size"]) for row in rows] == [(60, 1), (120, 1), (200, 1), (60, 5), (120, 5), (200, 5)]
    assert {(row["data_sets"], row["covered"], row["flattering"], row["width"]) for row in rows} == {(3, 1, 1, 0.3)}
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown(rows).splitlines()]
    assert lines[2] == ["each alone, n = 60", "3", "33.3%", "33.3%", "33.3%", "30.0%", "80.0%", "71.7%"]
    assert lines[5][:2] == ["each alone, all", "9"]
    assert lines[9][:3] == ["groups of 5, correlation 0.5, all", "9", "33.3%"]
