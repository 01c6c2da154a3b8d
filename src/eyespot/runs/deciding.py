"""Which candidate is used, decided on pictures that the figures do not come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot.evaluation.appraisal import Candidate, candidate
from eyespot.evaluation.intervals import CROSS_VALIDATED
from eyespot.evaluation.temperature import tempered
from eyespot.evaluation.threshold import NoThreshold, Threshold, choose_threshold
from eyespot.evaluation.threshold_check import ThresholdCheck, check_threshold, pooled
from eyespot.runs.candidate import Tried, Unseen, better

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Decision:
    """The candidate that is used, and what the figures follow from.

    Attributes:
        chosen: its name.
        answers: what the whole procedure says of the pictures held out: the candidate chosen without them, at a temperature
            fitted without them.
        unseen: what the temperature and the threshold of the classifier follow from.
        compared: what decided, by the candidates' names.
        folds: of a cross-validation what was decided in each fold, which `answers` follow from; else none.
    """

    chosen: str
    answers: Unseen
    unseen: Unseen
    compared: Mapping[str, Unseen]
    folds: tuple[Decision, ...] = ()

    @property
    def worth(self) -> float:
        """As how many independent pictures one counts in the intervals of what is said of the pictures held out."""
        return CROSS_VALIDATED if self.folds else 1.0

    def of_all_unlearned(self, labels: Positions) -> Unseen:
        """What is said of every picture by a classifier that has not learned from it: those held out, and those that decided.

        Args:
            labels: (n,), the classes of all pictures.
        """
        others = ~np.isin(self.unseen.positions, self.answers.positions)
        said = tempered(self.unseen.probabilities[others], self.unseen.temperature(labels))
        positions = np.concatenate([self.answers.positions, self.unseen.positions[others]])
        return Unseen(positions, np.concatenate([self.answers.probabilities, said]))

    def candidates(self, labels: Positions, groups: Positions, names: Mapping[str, str]) -> tuple[Candidate, ...]:
        """The candidates with their figures on the pictures that decided; none where there were no such pictures.

        Args:
            labels, groups: (n,), of all pictures.
            names: what the candidates are called, by their names here.
        """
        return tuple(
            candidate(
                names[name],
                answer.probabilities,
                labels[answer.positions],
                groups[answer.positions],
                is_chosen=name == self.chosen,
                worth=self.worth,
            )
            for name, answer in self.compared.items()
            if len(answer.positions)
        )

    def threshold(self, labels: Positions, groups: Positions, error_rate: float) -> Threshold | NoThreshold:
        """Under which confidence the classifier is unsure, so that of its other answers so many are wrong at most.

        Args:
            labels, groups: (n,), of all pictures.
            error_rate: strictly between 0 and 1.
        """
        positions = self.unseen.positions
        if not len(positions):
            return NoThreshold("there are too few pictures to set any aside", None)
        probabilities = tempered(self.unseen.probabilities, self.unseen.temperature(labels))
        own = groups[positions]
        return choose_threshold(
            probabilities.max(axis=1),
            probabilities.argmax(axis=1) == labels[positions],
            error_rate,
            groups=own if len(np.unique(own)) < len(own) else None,
        )

    def threshold_check(self, labels: Positions, groups: Positions, error_rate: float) -> ThresholdCheck | None:
        """What such thresholds come to on the pictures held out, each chosen in its fold without them.

        None, where no fold supports one; a fold that does not has no say, and its pictures are counted apart.

        Args:
            labels, groups, error_rate: as of `threshold`.
        """
        checks, left_out = [], 0
        for each in self.folds or (self,):
            found, answers = each.threshold(labels, groups, error_rate), each.answers
            if isinstance(found, Threshold):
                right = answers.probabilities.argmax(axis=1) == labels[answers.positions]
                checks.append(check_threshold(answers.probabilities.max(axis=1), right, found.threshold))
            else:
                left_out += len(answers.positions)
        return pooled(checks, left_out)


def by_validation(tried: Mapping[str, Tried], labels: Positions) -> Decision:
    """The candidate that is better on the validation pictures of one round.

    Args:
        tried: the candidates, by name.
        labels: (n,), the classes of all pictures.
    """
    compared = {name: each.validation for name, each in tried.items()}
    chosen = better(compared, labels)
    used = tried[chosen]
    probabilities = tempered(used.held_out.probabilities, used.unseen.temperature(labels))
    return Decision(chosen, Unseen(used.held_out.positions, probabilities), used.unseen, compared)


def by_cross_validation(rounds: Sequence[Mapping[str, Tried]], labels: Positions) -> Decision:
    """The candidate that is better over all folds; the answers are those of the candidates chosen within the folds.

    Where no fold had pictures to compare on, each answered by the first candidate, and that is the one: the figure would be of
    another procedure else.

    Args:
        rounds: of each fold the candidates, by name.
        labels: as of `by_validation`.
    """
    folds = tuple(by_validation(tried, labels) for tried in rounds)
    answers = _in_order([fold.answers for fold in folds])
    compared = {name: _in_order([tried[name].held_out for tried in rounds]) for name in rounds[0]}
    could_compare = any(all(len(answer.positions) for answer in fold.compared.values()) for fold in folds)
    chosen = better(compared, labels) if could_compare else next(iter(compared))
    return Decision(chosen, answers, compared[chosen], compared, folds)


def _in_order(folds: Sequence[Unseen]) -> Unseen:
    """What was said fold by fold, in the order of the pictures."""
    positions = np.concatenate([fold.positions for fold in folds])
    order = np.argsort(positions)
    return Unseen(positions[order], np.concatenate([fold.probabilities for fold in folds])[order])
