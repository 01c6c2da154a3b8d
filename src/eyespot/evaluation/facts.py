"""What a report and a model card say about a run besides its figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_OF_THE_TEST_PICTURES = re.compile(r"[\d,]+ of the test pictures ")


def flatters(leak: str) -> bool:
    """Whether what two parts share makes the figures too good; else it is that choices rest on what was learned from.

    Args:
        leak: a line of `eyespot.data.folds.leak_lines`, such as `3 of the test pictures belong together with ...`.
    """
    return _OF_THE_TEST_PICTURES.match(leak) is not None


@dataclass(frozen=True)
class Facts:
    """Where a classifier comes from and how its figures came about.

    Attributes:
        run: the name of the run, or of the model where there was none.
        command: the exact command that does it all again.
        fingerprint: the data set's.
        tested: the part that the figures are measured on: `test`, `validation`, or `all` for a data set without parts, which
            may have been judged fold by fold.
        recipe: its name; None where nothing was trained here.
        watched: the part that was watched while training; None where none was.
        known: whether the classifier has learned from the pictures that the figures are measured on.
        parameters: how many numbers the network holds.
        epochs: how many were trained; None or 0 where the classifier was not trained in epochs.
        stopped_early: whether training ended before the epochs the recipe allows.
        interrupted: whether somebody ended it.
        train_seconds: how long training took.
        seed: what all randomness followed from.
        date: when, in words.
        arguments: every setting of the training, as in args.yaml.
        environment: versions, device, threads, by name.
    """

    run: str
    command: str
    fingerprint: str
    tested: str
    recipe: str | None = None
    watched: str | None = None
    known: bool = False
    parameters: int | None = None
    epochs: int | None = None
    stopped_early: bool = False
    interrupted: bool = False
    train_seconds: float | None = None
    seed: int | None = None
    date: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_flattered(self) -> bool:
        """Whether the figures are measured on the part that was watched while training."""
        return self.watched is not None and self.watched == self.tested

    @property
    def tested_pictures(self) -> str:
        """What the figures are measured on, such as `test pictures`."""
        return "pictures" if self.tested == "all" else f"{self.tested} pictures"
