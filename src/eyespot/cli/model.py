"""Opening the model that the user named, or did not name, and saying which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eyespot.cli.console import listed, one_line, say

if TYPE_CHECKING:
    from eyespot.prediction import Model
    from eyespot.run_folder import ModelChoice

MODEL_HELP = (
    "a run folder, a run's name, a model.onnx that Eyespot wrote, the name of a shipped model, or `latest`; "
    "left out: the latest finished run under ./runs, else the shipped cifar10"
)


def open_model(name: str | None, *, quiet: bool) -> Model:
    """The model that `name` means; the first line on standard error says which it is.

    Errors: ModelError, as `eyespot.run_folder.find_model` and `eyespot.bundle.read`.
    """
    from eyespot.prediction import Model
    from eyespot.run_folder import find_model

    choice = find_model(name)
    model = Model(choice.path)
    if not quiet:
        say(_introduction(choice, model.classes))
    return model


def _introduction(choice: ModelChoice, classes: tuple[str, ...]) -> str:
    limits = f"; it knows only these {len(classes)} things" if choice.is_shipped else ""
    return one_line(f"model: {choice.origin}; {len(classes)} classes: {listed(classes)}{limits}")
