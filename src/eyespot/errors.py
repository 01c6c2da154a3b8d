"""Every error that Eyespot raises on purpose.

    EyespotError                    exit 1
    ├── UsageError                  exit 2: the command or the call was put wrongly
    │   ├── UnknownRecipeError          no recipe of that name
    │   └── MissingExtraError           an optional part of Eyespot is not installed
    ├── DataError                   a data set that cannot be used as it is
    │   └── DownloadError               it could not be fetched
    ├── ImageError                  one picture that cannot be decoded
    ├── InputError (ValueError)     a wrong shape, type or value handed to the Python API
    ├── ModelError                  a file that is not a model Eyespot wrote, or is damaged
    ├── UnsupportedError            a layer, loss, optimizer or option that the engine does not know
    ├── TrainingError               a training that came to nothing
    ├── VerificationError           what was written does not compute what was trained
    └── RunError                    a run folder that cannot be written or read

A message says first what is wrong, then what came, then what to do.
"""

from __future__ import annotations


class EyespotError(Exception):
    """The base of every error that Eyespot raises on purpose; its text is meant for the user.

    Args:
        message: one line; names in it may hold anything, line ends too, which are shown as blanks.
        more: further lines, such as the ways out.
    """

    exit_code = 1

    def __init__(self, message: str, *more: str) -> None:
        super().__init__(message, *more)

    def __str__(self) -> str:
        return "\n".join(self.args)


class UsageError(EyespotError):
    """The command or the call was put wrongly."""

    exit_code = 2


class UnknownRecipeError(UsageError):
    """No recipe has that name."""


class MissingExtraError(UsageError):
    """An optional part of Eyespot is not installed.

    Args:
        purpose: what it is needed for, as the beginning of a sentence.
        extra: the extra of the `eyespot` package that brings it.
    """

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f'{purpose} needs an extra that is not installed: pip install "eyespot[{extra}]"')


class DataError(EyespotError):
    """A data set that cannot be used as it is."""


class DownloadError(DataError):
    """A data set could not be fetched."""


class ImageError(EyespotError):
    """One picture that cannot be decoded.

    Args:
        name: the file's name or address.
        reason: what is wrong with it, in plain words.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class InputError(EyespotError, ValueError):
    """A wrong shape, type or value handed to the Python API."""


class ModelError(EyespotError):
    """A file that is not a model Eyespot wrote, or is damaged."""


class UnsupportedError(EyespotError):
    """A layer, loss, optimizer or option that the engine does not know."""


class TrainingError(EyespotError):
    """A training that came to nothing."""


class VerificationError(EyespotError):
    """What was written does not compute what was trained."""


class RunError(EyespotError):
    """A run folder that cannot be written or read."""
