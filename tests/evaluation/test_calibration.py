"""Temperature and threshold, chosen on one half of made-up answers and held against the other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from eyespot.evaluation.calibration import calibrate, confidence_on, uncalibrated
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.temperature import tempered, untempered
from eyespot.evaluation.threshold import NoThreshold, Threshold

CLASSES = [f"class {i}" for i in range(10)]


def made(seed: int, n: int, sharpness: float, spread: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, honest but for being raised to the power `sharpness`, the surer with more `spread`; the true classes."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (n, 10))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return softmax(logits * sharpness, axis=1), labels


@pytest.mark.parametrize("sharpness", [0.4, 2.0])
def test_the_temperature_undoes_what_made_answers_too_sure_or_not_sure_enough(sharpness: float) -> None:
    found = calibrate(*made(0, 2000, sharpness), 0.05)

    assert found.temperature == pytest.approx(sharpness, rel=0.07)
    assert (found.n, found.reason) == (2000, None)
    probabilities, labels = made(1, 5000, sharpness)
    assert evaluate(probabilities, labels, CLASSES).ece > 0.1
    assert evaluate(tempered(probabilities, found.temperature), labels, CLASSES).ece < 0.025
    assert "surer than they should be" in found.fitted if sharpness > 1 else "less sure than they could be" in found.fitted


def test_the_threshold_keeps_the_error_rate_on_other_pictures() -> None:
    chosen_on = made(2, 2000, 2.0, 5.0)
    found = calibrate(*chosen_on, 0.1)
    assert isinstance(found.threshold, Threshold)
    at_temperature = tempered(chosen_on[0], found.temperature).max(axis=1)
    assert int((at_temperature >= found.threshold.threshold).sum()) == found.threshold.answered < 2000
    probabilities, labels = made(3, 5000, 2.0, 5.0)
    answers = tempered(probabilities, found.temperature)

    confidence = confidence_on(answers, labels, found.temperature, found.unsure_threshold)

    assert confidence.check is not None
    sure = answers.max(axis=1) >= found.unsure_threshold
    assert (confidence.check.answered, confidence.check.n) == (int(sure.sum()), 5000)
    assert 0.3 < confidence.check.coverage < 1
    assert confidence.check.error_rate == pytest.approx(1 - (answers.argmax(1) == labels)[sure].mean())
    assert confidence.check.error_rate < 0.1
    told = found.checked(confidence.check)
    assert f"of 5,000 pictures held out it answers {100 * confidence.check.coverage:.0f} %" in told.unsure
    assert json.loads(json.dumps(told.to_json(), allow_nan=False))["threshold_check"]["n"] == 5000


def test_the_error_before_calibration_is_that_at_a_temperature_of_1() -> None:
    probabilities, labels = made(4, 3000, 0.4)

    confidence = confidence_on(tempered(probabilities, 0.4), labels, 0.4, None)

    assert confidence.ece_before == pytest.approx(evaluate(probabilities, labels, CLASSES).ece, abs=1e-3)
    assert confidence.check is None
    assert confidence_on(probabilities, labels, 1.0, None).before is None


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_a_temperature_is_taken_back_also_where_probabilities_are_tiny(temperature: float) -> None:
    logits = np.random.default_rng(5).normal(0, 6, (200, 10))
    given = softmax(logits / temperature, axis=1).astype(np.float32)

    found = untempered(given, temperature)

    exact = given.min(axis=1) > 1e-37  # those that float32 holds
    assert exact.sum() > 20
    np.testing.assert_allclose(np.log(found[exact]), log_softmax(logits[exact], axis=1), atol=1e-4)


def test_where_no_temperature_can_be_fitted_a_threshold_still_is() -> None:
    found = calibrate(*made(6, 2000, 1.0, 5.0), 0.1, reason="the network ends in something else")

    assert (found.temperature, found.n) == (1.0, 0)
    assert found.unsure_threshold is not None
    assert found.fitted == "1.00; none is fitted: the network ends in something else"


def test_few_pictures_support_no_threshold_and_that_is_said() -> None:
    found = calibrate(*made(7, 12, 1.0), 0.05)

    assert isinstance(found.threshold, NoThreshold)
    assert found.unsure.startswith("never said, for no threshold is supported (")
    assert found.to_json()["threshold"]["threshold"] is None


def test_without_pictures_held_out_nothing_is_fitted() -> None:
    found = uncalibrated("nothing is held out", 0.05)

    assert (found.temperature, found.unsure_threshold, found.n) == (1.0, None, 0)
    assert found.fitted == "1.00; none is fitted: nothing is held out"
    assert found.unsure == "never said, for no threshold is supported (nothing is held out)"
    assert confidence_on([[0.9, 0.1]], np.array([0]), 1.0, None).to_json() == {
        "temperature": 1.0,
        "ece_before": None,
        "unsure_threshold": None,
        "answered": None,
        "answered_wrongly": None,
    }
