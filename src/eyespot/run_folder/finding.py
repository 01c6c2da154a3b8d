"""The runs that lie in a folder, and which model a name means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eyespot.errors import ModelError, RunError
from eyespot.run_folder.folder import RUNS, RunFolder

LATEST = "latest"
"""The name that stands for the latest finished run."""

_SHIPPED = Path(__file__).parent.parent / "shipped"
_DEFAULT_SHIPPED = "cifar10"
_HOW_TO_GET_ONE = "train one with: eyespot train letters, eyespot train PHOTOS/, or take the tour: eyespot demo"


@dataclass(frozen=True)
class RunSummary:
    """One run in a line.

    Attributes:
        name: the folder's name.
        path: the folder.
        recipe, data: their names; None where the run does not say.
        accuracy, balanced_accuracy: on the test part, 0-1; None while unfinished.
        epochs: how many were trained; None where it is not known.
        seconds: of training; None while unfinished.
        date: when it finished, or was begun.
        is_finished: whether it came to its end, and its figures can be read.
        interrupted: whether somebody ended the training before it was done.
        problem: what is wrong with its files, or None.
    """

    name: str
    path: Path
    recipe: str | None
    data: str | None
    accuracy: float | None
    balanced_accuracy: float | None
    epochs: int | None
    seconds: float | None
    date: datetime
    is_finished: bool
    interrupted: bool = False
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "recipe": self.recipe,
            "data": self.data,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "epochs": self.epochs,
            "seconds": self.seconds,
            "date": self.date.isoformat(),
            "finished": self.is_finished,
            "interrupted": self.interrupted,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class ModelChoice:
    """The model that a name stands for.

    Attributes:
        path: its .onnx file.
        origin: where it came from, in words that complete "the model is ...".
        is_shipped: whether it came with Eyespot.
    """

    path: Path
    origin: str
    is_shipped: bool = False


def runs(parent: Path = RUNS) -> list[RunFolder]:
    """All runs in `parent`, finished or not, the newest first; none where there is no such folder.

    Errors: RunError, where the folder cannot be read.
    """
    try:
        entries = list(parent.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(f"{parent} cannot be read: {error.strerror or error}") from error
    found = [RunFolder(path) for path in entries if not path.name.startswith(".")]
    return sorted((run for run in found if run.is_run), key=lambda run: (_date(run), run.name), reverse=True)


def finished(parent: Path = RUNS) -> list[RunFolder]:
    """The finished runs in `parent`, the newest first."""
    return [run for run in runs(parent) if run.is_finished]


def latest(parent: Path = RUNS) -> RunFolder | None:
    """The run in `parent` that finished last, its training not interrupted, and has its model still."""
    return _latest_and_passed_over(parent)[0]


def _latest_and_passed_over(parent: Path) -> tuple[RunFolder | None, RunFolder | None]:
    """The latest run, and the newest of those that are newer but were interrupted; None where there is none."""
    passed_over = None
    for run in finished(parent):
        if not run.model.is_file():
            continue
        if not summarize(run).interrupted:
            return run, passed_over
        passed_over = passed_over or run
    return None, passed_over


def find_run(name: str | Path, parent: Path = RUNS) -> RunFolder:
    """The run that `name` stands for: `latest`, a run's folder, or the name of a run in `parent`.

    Errors: RunError, where it stands for none.
    """
    if str(name) == LATEST:
        run = latest(parent)
        if run is None:
            raise RunError(f"there is no finished run in {parent}; {_HOW_TO_GET_ONE}")
        return run
    found = next((run for run in (RunFolder(Path(name)), RunFolder(parent / name)) if run.is_run), None)
    if found is not None:
        return found
    import difflib

    near = difflib.get_close_matches(str(name), [run.name for run in runs(parent)], n=1)
    if near:
        raise RunError(f"there is no run {name}; did you mean {near[0]}?")
    raise RunError(f"there is no run {name}: it is neither a run's folder nor the name of one in {parent}; see: eyespot runs")


def summarize(run: RunFolder) -> RunSummary:
    """One run in a line; a damaged file is named in `problem`, never raised."""
    arguments: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    epochs: int | None = None
    problem = None
    try:
        if run.is_finished:
            metrics = run.read_metrics()
        else:
            arguments = run.read_args()
            epochs = len(run.read_history()) if run.history.is_file() else 0
    except RunError as error:
        problem = str(error)
    test = metrics.get("test")
    figures = test if isinstance(test, dict) else {}
    trained = _number(metrics.get("epochs"))
    return RunSummary(
        name=run.name,
        path=run.path,
        recipe=_word(metrics.get("recipe", arguments.get("recipe"))),
        data=_word(metrics.get("data", arguments.get("data"))),
        accuracy=_number(figures.get("accuracy")),
        balanced_accuracy=_number(figures.get("balanced_accuracy")),
        epochs=epochs if trained is None else int(trained),
        seconds=_number(metrics.get("train_seconds")),
        date=_date(run),
        is_finished=run.is_finished and problem is None,
        interrupted=metrics.get("interrupted") is True,
        problem=problem,
    )


def shipped() -> dict[str, Path]:
    """The models that came with Eyespot, by name."""
    return {path.stem: path for path in sorted(_SHIPPED.glob("*.onnx"))}


def find_card(model: Path) -> Path | None:
    """The model card that lies beside a model file: how it was trained, its figures and limits; None where there is none.

    It bears the model's name, as `cifar10.md`; in a run folder it is `README.md`.
    """
    run = RunFolder(model.parent)
    cards = [model.with_suffix(".md"), *([run.card] if run.is_run else [])]
    return next((card for card in cards if card.is_file()), None)


def find_model(name: str | Path | None = None, parent: Path = RUNS) -> ModelChoice:
    """The model that `name` stands for.

    Tried in this order: `latest`; a path to a run folder or an .onnx file; the name of a run in `parent`; that of a shipped
    model. None: the latest finished run in `parent`, else the shipped `cifar10`. A run that was interrupted is no finished one.

    Errors: ModelError, where it stands for none, says how to get one.
    """
    if name is None:
        return _default(parent)
    if str(name) == LATEST:
        run, passed_over = _latest_and_passed_over(parent)
        if run is None:
            raise ModelError(f"there is no finished run in {parent}{_named(passed_over)}; {_HOW_TO_GET_ONE}")
        return _of_latest(run, passed_over)
    try:
        choice = _of_path(Path(name), parent)
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror or error}") from error
    if choice is not None:
        return choice
    if str(name) in shipped():
        return _of_shipped(str(name))
    raise _unknown(Path(name), parent)


def _default(parent: Path) -> ModelChoice:
    run, passed_over = _latest_and_passed_over(parent)
    if run is not None:
        return _of_latest(run, passed_over)
    if _DEFAULT_SHIPPED in shipped():
        return _of_shipped(_DEFAULT_SHIPPED, passed_over)
    raise ModelError(f"there is no model yet: {parent} holds no finished run{_named(passed_over)}; {_HOW_TO_GET_ONE}")


def _of_latest(run: RunFolder, passed_over: RunFolder | None) -> ModelChoice:
    return ModelChoice(run.model, f"the latest finished run, {run.path}{_named(passed_over)}")


def _of_shipped(name: str, passed_over: RunFolder | None = None) -> ModelChoice:
    return ModelChoice(shipped()[name], f"{name}, which ships with Eyespot{_named(passed_over)}", is_shipped=True)


def _named(passed_over: RunFolder | None) -> str:
    return "" if passed_over is None else f" (not {passed_over.path}, which was interrupted and is used where it is named)"


def _of_path(path: Path, parent: Path) -> ModelChoice | None:
    if path.is_file():
        if path.suffix.lower() == ".keras":
            raise ModelError(f"{path} is for Keras; predictions are made with the model.onnx that lies beside it")
        return ModelChoice(path, f"the file {path}")
    for run in (RunFolder(path), RunFolder(parent / path)):
        if run.model.is_file():
            state = "unfinished " if not run.is_finished else "interrupted " if summarize(run).interrupted else ""
            return ModelChoice(run.model, f"the {state}run {run.path}")
    return None


def _unknown(path: Path, parent: Path) -> ModelError:
    if path.is_dir():
        state = "the run did not finish" if RunFolder(path).is_run else "it is not a run folder"
        return ModelError(f"{path} holds no model.onnx: {state}; {_HOW_TO_GET_ONE}")
    import difflib

    near = difflib.get_close_matches(str(path), [*(run.name for run in finished(parent)), *shipped()], n=1)
    if near:
        return ModelError(f"there is no model {path}; did you mean {near[0]}?")
    return ModelError(f"there is no model {path}: no run, .onnx file or shipped model has that name; {_HOW_TO_GET_ONE}")


def _date(run: RunFolder) -> datetime:
    """When the run's marking file was written, in the machine's own time zone."""
    for path in (run.metrics, run.args):
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone()
        except OSError:
            continue
    return datetime.fromtimestamp(0, UTC).astimezone()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None
