"""What makes a classifier's confidence honest, from which confidence on it is trusted, and what that comes to elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.evaluation.reliability import ReliabilityBin, calibration_error, reliability
from eyespot.evaluation.temperature import fit_temperature, tempered, untempered
from eyespot.evaluation.threshold import NoThreshold, Threshold, choose_threshold
from eyespot.evaluation.threshold_check import ThresholdCheck, check_threshold


@dataclass(frozen=True)
class Calibration:
    """How temperature and threshold of a classifier were set.

    Attributes:
        temperature: what the logits are divided by.
        n: how many pictures it was fitted on; 0: it was not fitted; None: that is told elsewhere.
        reason: why it was not; None where it was.
        threshold: under which confidence the classifier calls itself unsure, or why it never does.
        error_rate: the share of wrong answers among the others that was asked for, 0-1.
        check: what the threshold comes to on pictures that had no say in it; None where that is not known.
    """

    temperature: float
    n: int | None
    reason: str | None
    threshold: Threshold | NoThreshold
    error_rate: float
    check: ThresholdCheck | None = None

    @property
    def unsure_threshold(self) -> float | None:
        """Under which confidence the classifier calls itself unsure, 0-1; None: it never does."""
        return self.threshold.threshold if isinstance(self.threshold, Threshold) else None

    @property
    def fitted(self) -> str:
        """The temperature, and what it follows from: a clause that could follow `temperature:`."""
        if self.reason is not None:
            return f"{self.temperature:.2f}; none is fitted: {self.reason}"
        without = ""
        if self.temperature > 1:
            without = "; without it, answers would be surer than they should be"
        elif self.temperature < 1:
            without = "; without it, answers would be less sure than they could be"
        fitted = "" if self.n is None else f", fitted on {self.n:,} pictures that were not learned from"
        return f"{self.temperature:.2f}{fitted}{without}"

    @property
    def unsure(self) -> str:
        """What `unsure` means of an answer, or why none is called so: a clause that could follow `unsure:`."""
        if isinstance(self.threshold, NoThreshold):
            return f"never said, for no threshold is supported ({self.threshold.reason})"
        found, confidence = self.threshold, f"{100 * self.threshold.confidence_level:g} % confidence"
        return (
            f"answers below {100 * found.threshold:.1f} %; of the others at most {100 * self.error_rate:g} % are wrong, "
            f"with {confidence}; {self._answered(found)}"
        )

    def checked(self, check: ThresholdCheck | None) -> Calibration:
        """The same, with what the threshold came to on other pictures."""
        return replace(self, check=check)

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says under `calibration`."""
        return {
            "temperature": self.temperature,
            "n": self.n,
            "reason": self.reason,
            "threshold": {"threshold": None, **asdict(self.threshold)},
            "threshold_check": self.check and asdict(self.check),
            "unsure": self.unsure,
            "error_rate": self.error_rate,
        }

    def _answered(self, threshold: Threshold) -> str:
        """How many pictures are answered so: of those held out, where that is known."""
        check = self.check
        if check is None:
            return f"of the {threshold.n:,} pictures that this was set on it answers {100 * threshold.coverage:.0f} %"
        others = f" ({check.left_out:,} more lie in folds that supported none)" if check.left_out else ""
        answered = f"of {check.n:,} pictures held out{others} it answers {100 * check.coverage:.0f} %"
        return answered if check.error_rate is None else f"{answered}, {100 * check.error_rate:.1f} % of these wrongly"


@dataclass(frozen=True)
class Confidence:
    """How far a classifier's confidence is to be trusted on pictures that had no say in its temperature and threshold.

    Attributes:
        temperature: what its logits are divided by.
        before: the bins of its calibration error, were the temperature 1; None where it is 1, or where that is not known.
        unsure_threshold: under which confidence it calls itself unsure, 0-1; None: it never does.
        check: what that comes to; None where it never does, or where that is not known.
    """

    temperature: float
    before: tuple[ReliabilityBin, ...] | None
    unsure_threshold: float | None
    check: ThresholdCheck | None

    @property
    def ece_before(self) -> float | None:
        """The calibration error, were the temperature 1."""
        return None if self.before is None else calibration_error(self.before)

    def to_json(self) -> dict[str, Any]:
        """What `eyespot evaluate --json` says under `calibration`."""
        check = self.check
        return {
            "temperature": self.temperature,
            "ece_before": self.ece_before,
            "unsure_threshold": self.unsure_threshold,
            "answered": check and check.answered,
            "answered_wrongly": check and check.wrong,
        }


def calibrate(
    probabilities: ArrayLike,
    labels: ArrayLike,
    error_rate: float,
    *,
    groups: ArrayLike | None = None,
    reason: str | None = None,
) -> Calibration:
    """Temperature and threshold, chosen on pictures that were not learned from.

    Args:
        probabilities: (n, classes), 0-1, at a temperature of 1.
        labels: (n,), the true classes.
        error_rate: the highest share of wrong answers among those that are not called unsure, between 0 and 1.
        groups: (n,), what each picture belongs to; None: each stands alone.
        reason: why no temperature is fitted; None: one is.

    Errors: InputError for shapes that do not fit together, no pictures, values out of range.
    """
    temperature = fit_temperature(probabilities, labels) if reason is None else 1.0
    answers = tempered(probabilities, temperature)
    right = answers.argmax(axis=1) == np.asarray(labels)
    threshold = choose_threshold(answers.max(axis=1), right, error_rate, groups=groups)
    return Calibration(temperature, len(right) if reason is None else 0, reason, threshold, error_rate)


def uncalibrated(reason: str, error_rate: float) -> Calibration:
    """That of a classifier for which no pictures were held out.

    Args:
        reason: why, in a sentence without its full stop.
        error_rate: as of `calibrate`.
    """
    return Calibration(1.0, 0, reason, NoThreshold(reason, None), error_rate)


def confidence_on(
    probabilities: ArrayLike, labels: NDArray[np.int64], temperature: float, unsure_threshold: float | None
) -> Confidence:
    """How far the confidence of a model is to be trusted on these pictures.

    Args:
        probabilities: (n, classes), 0-1, as the model gives them.
        labels: (n,), the true classes.
        temperature: what the model's logits are divided by.
        unsure_threshold: under which confidence it calls itself unsure, 0-1; None: it never does.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    right = given.argmax(axis=1) == labels
    before = None
    if temperature != 1:
        before = reliability(untempered(given, temperature).max(axis=1), right)
    check = None if unsure_threshold is None else check_threshold(given.max(axis=1), right, unsure_threshold)
    return Confidence(temperature, before, unsure_threshold, check)
