"""The head is scikit-learn's logistic regression, chosen on the folds and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax as scipy_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from eyespot.backbones import features_of, find, joined
from eyespot.bundle import Description, write
from eyespot.errors import InputError
from eyespot.prediction import Model
from eyespot.training import head, logistic
from eyespot.training.head import GRID, Head, fit_again, fit_head

SEARCHED = 5e-3
"""How exact probabilities out of fold are: they are only to be compared."""

Data = tuple[NDArray[np.float32], NDArray[np.int64]]


def drawn(n: int, classes: int, *, d: int = 12, spread: float = 1.0, shares: list[float] | None = None, seed: int = 0) -> Data:
    """Features whose means differ by class, of very different scales and places, and labels; every class at least twice."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes).repeat(2), generator.choice(classes, n - 2 * classes, p=shares)])
    centers = generator.normal(size=(classes, d)) * spread
    features = centers[labels] + generator.normal(size=(n, d))
    scales, places = 10.0 ** generator.uniform(-2, 2, d), generator.normal(size=d) * 5
    return (features * scales + places).astype(np.float32), labels


def numbered(n: int, count: int = 4) -> NDArray[np.int64]:
    """For each of n pictures the number of its fold."""
    return np.random.default_rng(9).permutation(np.arange(n) % count)


def parted(numbers: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The folds of these numbers."""
    return list(PredefinedSplit(numbers).split())


def folded(n: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return parted(numbered(n))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return scipy_softmax(logits, axis=1)


def pipeline(C: float, class_weights: str) -> Pipeline:
    weights = None if class_weights == "none" else class_weights
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, class_weight=weights, tol=1e-9, max_iter=20_000))


def out_of_fold(data: Data, C: float, class_weights: str, folds: Any) -> NDArray[np.float64]:
    x, y = data[0].astype(np.float64), data[1]
    return cross_val_predict(pipeline(C, class_weights), x, y, cv=folds, method="predict_proba")


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_logits_are_scikit_learns(classes: int, class_weights: Any) -> None:
    x, y = drawn(90, classes, spread=0.6)
    found = fit_head(x, y, classes, folds=folded(90), class_weights=class_weights)

    assert found.class_weights == class_weights
    assert found.has_converged
    wide = x.astype(np.float64)
    logits = wide @ found.kernel + found.bias
    own = logits[:, 1] - logits[:, 0] if classes == 2 else logits
    same = pipeline(found.C, class_weights).fit(wide, y)
    np.testing.assert_allclose(own, same.decision_function(wide), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(softmax(logits), same.predict_proba(wide), atol=1e-4)


@pytest.mark.parametrize("d", [12, 200])
def test_mirrored_pictures_are_learned_from_and_not_asked_about(d: int) -> None:
    x, y = drawn(90, 3, d=d, spread=0.6 if d == 12 else 0.2)
    mirrored = x + np.random.default_rng(1).normal(size=x.shape).astype(np.float32) * x.std(axis=0) / 2
    folds = folded(90)
    found = fit_head(x, y, 3, folds=folds, mirrored=mirrored)
    again = fit_again(found, x, y, 3, mirrored=mirrored)

    def expected(learned: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.float64]:
        both = np.concatenate([x[learned], mirrored[learned]]).astype(np.float64)
        return pipeline(found.C, "none").fit(both, np.tile(y[learned], 2)).predict_proba(x[asked].astype(np.float64))

    everything = np.arange(90)
    for head_ in (found, again):
        own = softmax(x.astype(np.float64) @ head_.kernel + head_.bias)
        np.testing.assert_allclose(own, expected(everything, everything), atol=1e-4)
    for learned, held_out in folds:
        np.testing.assert_allclose(found.probabilities[held_out], expected(learned, held_out), atol=SEARCHED)


def test_a_head_is_fitted_again_as_it_was_chosen() -> None:
    first = fit_head(*drawn(90, 3, spread=0.6), 3, folds=folded(90), class_weights="balanced")
    x, y = drawn(120, 3, spread=0.6, shares=[0.6, 0.3, 0.1], seed=1)
    again = fit_again(first, x, y, 3)
    assert (again.C, again.class_weights, len(again.probabilities)) == (first.C, "balanced", 0)
    wide = x.astype(np.float64)
    same = pipeline(first.C, "balanced").fit(wide, y)
    np.testing.assert_allclose(softmax(wide @ again.kernel + again.bias), same.predict_proba(wide), atol=1e-4)


@pytest.mark.parametrize("spread", [0.2, 0.6, 3.0])
def test_C_is_that_of_the_least_log_loss_out_of_fold(spread: float) -> None:
    data = drawn(80, 3, spread=spread)
    folds = folded(80)
    found = fit_head(*data, 3, folds=folds, class_weights="none")

    losses = {C: log_loss(data[1], out_of_fold(data, C, "none", folds)) for C in GRID}
    least = min(losses.values())
    assert losses[found.C] <= least + 1.1e-3
    assert all(loss > least + 0.9e-3 for C, loss in losses.items() if C < found.C)
    assert found.log_losses == pytest.approx(losses, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_probabilities_are_those_of_the_other_folds(class_weights: Any) -> None:
    data = drawn(80, 3, shares=[0.8, 0.1, 0.1])
    folds = folded(80)
    found = fit_head(*data, 3, folds=folds, class_weights=class_weights)
    np.testing.assert_allclose(found.probabilities, out_of_fold(data, found.C, class_weights, folds), atol=SEARCHED)


@pytest.mark.parametrize("seed", [2, 3, 4, 6])
def test_the_weights_of_classes_are_chosen_by_accuracy_and_macro_recall_alike(seed: int) -> None:
    # With balanced weights macro recall is higher and accuracy lower; for 2 and 3 by more than that.
    x, y = drawn(150, 3, spread=0.3, shares=[0.7, 0.2, 0.1], seed=seed)
    heads = {name: fit_head(x, y, 3, folds=folded(150), class_weights=name) for name in ("none", "balanced", "auto")}
    said = {name: found.probabilities.argmax(axis=1) for name, found in heads.items()}
    good = {name: (balanced_accuracy_score(y, own) + accuracy_score(y, own)) / 2 for name, own in said.items()}
    assert good["none"] != pytest.approx(good["balanced"])
    assert good["auto"] == max(good.values())
    assert heads["auto"].class_weights == ("balanced" if good["balanced"] > good["none"] else "none")


def test_with_rare_classes_balanced_weights_are_found_better() -> None:
    x, y = drawn(300, 2, d=4, spread=0.7, shares=[0.95, 0.05])
    assert fit_head(x, y, 2, folds=folded(300)).class_weights == "balanced"


def test_classes_of_much_the_same_size_are_not_weighted() -> None:
    y = np.repeat([0, 1], [50, 60])
    x = np.random.default_rng(0).normal(size=(110, 4)) + y[:, None]
    assert fit_head(x, y, 2, folds=folded(110)).class_weights == "none"


def test_where_there_is_nothing_to_learn_the_head_says_so() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(120, 40)), generator.permutation(np.arange(120) % 4)
    found = fit_head(x, y, 4, folds=folded(120))
    assert log_loss(y, found.probabilities) < np.log(4) + 0.05
    assert found.probabilities.max() < 0.5


def test_a_feature_that_never_changes_counts_for_nothing() -> None:
    x, y = drawn(60, 3)
    constant = np.full((60, 2), [0.0, 1e6], np.float32)
    plain = fit_head(x, y, 3, folds=folded(60))
    found = fit_head(np.hstack([x, constant]), y, 3, folds=folded(60))
    assert np.isfinite(found.kernel).all()
    assert (found.kernel[-2:] == 0).all()
    assert found.C == plain.C
    np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-6)


def test_a_feature_that_is_constant_but_for_rounding_harms_nothing_in_float32() -> None:
    x, y = drawn(60, 3, spread=0.6)
    # Its last bit says the class, as what is left of a rounding may by chance.
    rounded = np.where(y == 0, np.float32(1000), np.nextafter(np.float32(1000), np.float32(2000)))
    found = fit_head(np.hstack([x, rounded[:, None]]), y, 3, folds=folded(60))
    given = np.hstack([x, rounded[:, None]])
    kernel, bias = found.kernel.astype(np.float32), found.bias.astype(np.float32)
    exactly = softmax(given.astype(np.float64) @ found.kernel + found.bias)
    np.testing.assert_allclose(softmax(given @ kernel + bias), exactly, atol=1e-4)
    plain = fit_head(x, y, 3, folds=folded(60))
    np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-2)


def test_a_feature_that_changes_in_one_fold_alone_harms_nothing() -> None:
    x, y = drawn(60, 3)
    numbers = numbered(60)
    x[:, 0] = np.where(numbers == 1, x[:, 0], 7.0)
    folds = parted(numbers)
    found = fit_head(x, y, 3, folds=folds)
    np.testing.assert_allclose(found.probabilities, out_of_fold((x, y), found.C, found.class_weights, folds), atol=SEARCHED)


def test_units_and_offsets_of_features_do_not_matter() -> None:
    x, y = drawn(60, 3)
    wide = x.astype(np.float64)
    one, other = (fit_head(given, y, 3, folds=folded(60)) for given in (wide, wide * 1000 - 7))
    assert one.C == other.C
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)


def test_a_class_that_a_fold_has_alone_cannot_be_told_there() -> None:
    x, y = drawn(60, 3)
    numbers = np.where(y == 2, 0, numbered(60))
    found = fit_head(x, y, 3, folds=parted(numbers))
    assert (found.probabilities[numbers == 0, 2] == 0).all()
    assert (found.probabilities[numbers != 0, 2] > 0).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    final = softmax(x.astype(np.float64) @ found.kernel + found.bias)
    assert final[y == 2].argmax(axis=1).tolist().count(2) > 0.8 * (y == 2).sum()


def test_a_class_without_pictures_is_never_the_answer() -> None:
    x, y = drawn(60, 3)
    with_gap = np.array([0, 2, 3])[y]
    found = fit_head(x, with_gap, 5, folds=folded(60))
    final = softmax(x.astype(np.float64) @ found.kernel + found.bias)
    plain = fit_head(x, y, 3, folds=folded(60))
    for probabilities, expected in ((found.probabilities, plain.probabilities), (final, None)):
        assert (probabilities[:, [1, 4]] == 0).all()
        if expected is not None:
            np.testing.assert_array_equal(probabilities[:, [0, 2, 3]], expected)


def test_two_pictures_a_class_are_enough_to_go_on() -> None:
    x, y = drawn(6, 3)
    found = fit_head(x, y, 3, folds=parted(np.arange(6) % 2))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_folds_of_one_class_each_know_nothing_of_the_other() -> None:
    x, y = drawn(20, 2)
    found = fit_head(x, y, 2, folds=parted(y))
    np.testing.assert_array_equal(found.probabilities, np.eye(2)[1 - y])


def test_without_folds_nothing_is_chosen() -> None:
    x, y = drawn(12, 3, shares=[0.8, 0.1, 0.1])
    found = fit_head(x, y, 3, folds=())
    assert (found.C, found.class_weights, found.probabilities.shape) == (head.DEFAULT_C, "none", (0, 3))
    expected = pipeline(head.DEFAULT_C, "none").fit(x.astype(np.float64), y).predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(softmax(x @ found.kernel + found.bias), expected, atol=1e-4)


def test_the_same_features_give_the_same_head_bit_by_bit() -> None:
    x, y = drawn(80, 3, shares=[0.6, 0.3, 0.1])
    one, other = (fit_head(x, y, 3, folds=folded(80)) for _ in range(2))
    for name in ("kernel", "bias", "probabilities"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.C, one.class_weights, one.log_losses) == (other.C, other.class_weights, other.log_losses)


def test_a_fit_that_was_ended_says_so_and_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 2)
    x, y = drawn(80, 3)
    assert not fit_head(x, y, 3, folds=folded(80)).has_converged


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.ones(10)}, r"an array \(n, d\) .* got \(10,\)"),
        ({"features": np.ones((10, 0))}, r"got \(10, 0\)"),
        ({"features": np.full((10, 3), np.nan)}, "infinite or no number"),
        ({"features": np.full((10, 3), np.inf)}, "infinite or no number"),
        ({"mirrored": np.ones((9, 3))}, r"features of mirrored pictures, \(10, 3\); got \(9, 3\)"),
        ({"mirrored": np.full((10, 3), np.nan)}, "infinite or no number"),
        ({"labels": np.zeros(9, int)}, r"labels are integers, one for each of the 10 pictures; got \(9,\) int64"),
        ({"labels": np.zeros(10)}, r"got \(10,\) float64"),
        ({"labels": np.arange(10)}, "labels lie between 0 and 1; got 0 to 9"),
        ({"labels": np.arange(10) - 9}, "got -9 to 0"),
        ({"folds": parted(np.arange(9) % 3)}, "each of the 10 pictures must be held out in one fold"),
        ({"folds": parted(np.arange(10) % 3)[:2]}, "each of the 10 pictures must be held out in one fold"),
        ({"folds": parted(np.arange(10) % 3) * 2}, "each of the 10 pictures must be held out in one fold"),
        ({"folds": parted(np.zeros(10, int))}, "a fold needs pictures to learn from"),
        ({"folds": [(np.arange(10), np.arange(10))]}, "none of them may be held out in it"),
        ({"folds": parted(np.arange(11) % 3)}, "a fold lists positions from 0 to 9; got 1 to 10"),
        ({"class_weights": "some"}, "class_weights is one of none, balanced, auto; got 'some'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change: dict[str, Any], message: str) -> None:
    good = {"features": np.ones((10, 3)), "labels": np.arange(10) % 2, "classes": 2, "folds": parted(np.arange(10) % 3)}
    given = good | change
    with pytest.raises(InputError, match=message):
        fit_head(given.pop("features"), given.pop("labels"), given.pop("classes"), **given)


@pytest.mark.parametrize("name", ["tiny", "cifar10"])
def test_backbone_and_head_in_one_file_are_scikit_learn_on_the_features(
    name: str, tiny_model: Path, draw: Callable[..., NDArray[np.uint8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EYESPOT_HOME", str(tmp_path / "home"))
    backbone = find(str(tiny_model) if name == "tiny" else name)
    assert backbone is not None
    pictures = np.stack([draw(seed, *backbone.size) for seed in range(48)])
    labels = np.argsort(np.argsort(pictures[..., 0].mean((1, 2)))) // 16  # from little red to much
    features = features_of(backbone, pictures)

    found: Head = fit_head(features, labels, 3, folds=folded(48))

    description = Description(("pale", "pink", "red"), backbone.size, {"name": "colors"}, {"name": "frozen"})
    write(tmp_path / "model.onnx", joined(backbone.network, found.kernel, found.bias), description)
    expected = pipeline(found.C, found.class_weights).fit(features.astype(np.float64), labels)
    model = Model(tmp_path / "model.onnx")
    np.testing.assert_allclose(model.probabilities(pictures), expected.predict_proba(features.astype(np.float64)), atol=1e-4)
    assert model.check() < 1e-4
