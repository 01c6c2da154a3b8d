"""What lies where in a run.

runs/letters-tutorial-2026-11-22-1830/
  args.yaml             everything that went into the training; `--config` takes it
  history.csv           one row an epoch
  metrics.json          the outcome; written last, so a run that has it is finished
  model.onnx            the classifier, complete in itself
  model.keras           the same for Keras
  predictions.csv       one row a tested picture
  skipped.csv           the files that were left out, and why
  report.html           everything to look at
  curves.png  confusion_matrix.png
  README.md             the model card
  checkpoints/          for resuming
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from eyespot.errors import RunError
from eyespot.run_folder.small_files import (
    guarded_path,
    guarded_text,
    read_csv,
    read_json,
    read_yaml,
    unguarded_text,
    write_csv,
    write_json,
    write_yaml,
)

RUNS = Path("runs")
"""Where runs go, and are looked for, unless another place is named; relative to the working folder."""


@dataclass(frozen=True)
class Epoch:
    """One row of history.csv.

    Attributes:
        epoch: counted from 1.
        loss, accuracy: of the pictures trained on, as the network was while it learned from them.
        val_loss, val_accuracy: of the watched part after the epoch; None where none was watched.
        learning_rate: of the epoch's last step.
        seconds: that the epoch took.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class RunFolder:
    """One run: where its files lie."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def args(self) -> Path:
        """Everything that went into the training, as YAML."""
        return self.path / "args.yaml"

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.path / "history.csv"

    @property
    def metrics(self) -> Path:
        """The outcome, as JSON; written last."""
        return self.path / "metrics.json"

    @property
    def model(self) -> Path:
        """The classifier, complete in itself."""
        return self.path / "model.onnx"

    @property
    def keras_model(self) -> Path:
        """The same classifier for Keras."""
        return self.path / "model.keras"

    @property
    def predictions(self) -> Path:
        """One row a tested picture."""
        return self.path / "predictions.csv"

    @property
    def skipped(self) -> Path:
        """The files that were left out, and why."""
        return self.path / "skipped.csv"

    @property
    def report(self) -> Path:
        """Everything to look at, in one page."""
        return self.path / "report.html"

    @property
    def curves(self) -> Path:
        """Loss and accuracy, epoch by epoch."""
        return self.path / "curves.png"

    @property
    def confusion_matrix(self) -> Path:
        """Which classes are taken for which."""
        return self.path / "confusion_matrix.png"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.path / "README.md"

    @property
    def checkpoints(self) -> Path:
        """The folder of states to resume from."""
        return self.path / "checkpoints"

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.metrics.is_file()

    @property
    def is_run(self) -> bool:
        """Whether the folder is a run at all, finished or not."""
        return self.is_finished or self.args.is_file()

    def write_args(self, arguments: Mapping[str, Any]) -> None:
        """Write args.yaml: numbers, words, lists and mappings of them."""
        write_yaml(self.args, arguments)

    def read_args(self) -> dict[str, Any]:
        """What args.yaml says.

        Errors: RunError, where it is missing, damaged or not a mapping.
        """
        return read_yaml(self.args)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json, which marks the run as finished; figures that are not finite become null."""
        write_json(self.metrics, metrics)

    def read_metrics(self) -> dict[str, Any]:
        """What metrics.json says.

        Errors: RunError, where it is missing, damaged or not an object.
        """
        return read_json(self.metrics)

    def write_history(self, history: Iterable[Epoch]) -> None:
        """Write history.csv anew, whole; to be called after every epoch."""
        write_csv(self.history, [field.name for field in fields(Epoch)], (asdict(epoch).values() for epoch in history))

    def read_history(self) -> tuple[Epoch, ...]:
        """The epochs in history.csv.

        Errors: RunError, where it is missing or damaged.
        """
        rows = read_csv(self.history)
        try:
            return tuple(
                Epoch(
                    epoch=int(row["epoch"]),
                    loss=float(row["loss"]),
                    accuracy=float(row["accuracy"]),
                    val_loss=float(row["val_loss"]) if row["val_loss"] else None,
                    val_accuracy=float(row["val_accuracy"]) if row["val_accuracy"] else None,
                    learning_rate=float(row["learning_rate"]),
                    seconds=float(row["seconds"]),
                )
                for row in rows
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.history} is damaged: {type(error).__name__} {error}") from error

    def write_predictions(self, rows: Iterable[tuple[str, str, str, float]]) -> None:
        """Write predictions.csv from rows of filename, label (the true class), predicted, probability (of the predicted).

        Names that a spreadsheet would take for a formula are defused: `guarded_path`, `guarded_text`.
        """
        guarded = (
            (guarded_path(filename), guarded_text(label), guarded_text(predicted), f"{probability:.6f}")
            for filename, label, predicted, probability in rows
        )
        write_csv(self.predictions, ["filename", "label", "predicted", "probability"], guarded)

    def read_predictions(self) -> list[tuple[str, str, str, float]]:
        """The rows that `write_predictions` was given; a filename that was defused stays so.

        Errors: RunError, where the file is missing or damaged, or names a picture twice.
        """
        try:
            rows = [
                (row["filename"], unguarded_text(row["label"]), unguarded_text(row["predicted"]), float(row["probability"]))
                for row in read_csv(self.predictions)
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{self.predictions} is damaged: {type(error).__name__} {error}") from error
        if len({row[0] for row in rows}) < len(rows):
            raise RunError(f"{self.predictions} is damaged: it names a picture twice")
        return rows

    def write_skipped(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write skipped.csv from rows of path and reason."""
        write_csv(self.skipped, ["path", "reason"], ((guarded_path(path), guarded_text(reason)) for path, reason in rows))


def create(parent: Path | None, name: str) -> RunFolder:
    """Make a new run folder `name` in `parent` (None: `./runs`); a number is added where that name is taken.

    The name is a stem such as `run_name` gives. Two processes never get the same folder.

    Errors: RunError, where the folder cannot be made.
    """
    parent = RUNS if parent is None else parent
    attempt = 1
    while True:
        path = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError as error:
            if not parent.is_dir():
                raise RunError(f"{parent} is not a folder, so no run can be made in it") from error
            attempt += 1
        except OSError as error:
            raise _unwritable(path, error) from error
        else:
            return RunFolder(path)


def create_at(path: Path) -> RunFolder:
    """Make the run folder `path` itself, or take it where it is an empty folder (what `--out` does).

    A folder that holds anything is refused, a run too: what was trained is never overwritten.

    Errors: RunError, where it holds something, is a file, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        occupied = any(path.iterdir())
    except (FileExistsError, NotADirectoryError) as error:
        raise RunError(f"{path} is not a folder; choose another with --out") from error
    except OSError as error:
        raise _unwritable(path, error) from error
    if occupied:
        holds = "holds a run already" if RunFolder(path).is_run else "is not empty"
        raise RunError(f"{path} {holds}, and nothing in it is overwritten; choose another folder with --out, or remove it")
    return RunFolder(path)


def discard(run: RunFolder) -> None:
    """Remove a run that came to nothing, whatever lies in it, and the folder `runs` too where nothing else is in that.

    What cannot be removed stays.
    """
    shutil.rmtree(run.path, ignore_errors=True)
    if run.path.absolute().parent == RUNS.absolute():
        with suppress(OSError):  # other runs are in it
            RUNS.rmdir()


def run_name(data: str, recipe: str, when: datetime) -> str:
    """The stem of a run's name, such as `letters-tutorial-2026-11-22-1830`, from names of any kind."""
    words = [_slug(Path(data).stem) or "data", _slug(Path(recipe).stem) or "recipe"]
    return "-".join((*words, f"{when:%Y-%m-%d-%H%M}"))


def _slug(text: str) -> str:
    """Small letters and digits of any script, and hyphens, at most 40: harmless in every file system and shell."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:40].strip("-")


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"the run folder {path} cannot be made: {error.strerror or error}")
