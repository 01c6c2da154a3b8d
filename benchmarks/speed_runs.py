"""The rows of `accuracy_speed.py`: what each is, and how it is run once, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import HERE, RUNS, Document, document, eyespot, machine, measure, run_json
from peer_patches import SCRIPTS
from peers import on_the_processor

from eyespot.run_folder import RunFolder

NAME = "accuracy_speed"
PEER_OPTIONS = ("allocator", "compiled", "float32-weights")
"""What `peer_support.py` can do for a peer."""


@dataclass(frozen=True)
class Few:
    """Instead of all pictures, the first so many of the training and of the test part."""

    train: int
    test: int


SMOKE = Few(2000, 500)
TRIAL = Few(4000, 500)
"""What tells a peer's forms apart: all its epochs, of two steps each."""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: as `--only` takes it.
        seeds: how many, unless it is said otherwise.
        options: of `eyespot train`, or of the peer's script.
        script: the peer's, as a key of `SCRIPTS`; None: Eyespot.
    """

    name: str
    seeds: int
    options: tuple[str, ...]
    script: str | None = None


FLOAT32 = ("--set", "precision=float32")
EYESPOT = (
    Row("quick", 5, ("--recipe", "quick")),
    Row("quick-float32", 3, ("--recipe", "quick", *FLOAT32)),
    Row("budget-20s", 3, ("--budget", "20s")),
    Row("budget-1m", 3, ("--budget", "1m")),
    Row("budget-5m", 3, ("--budget", "5m")),
    Row("budget-20m", 3, ("--budget", "20m")),
    Row("accurate", 3, ("--recipe", "accurate")),
    Row("accurate-float32", 3, ("--recipe", "accurate", *FLOAT32)),
)
TUTORIAL = Row("tutorial", 1, ("--recipe", "tutorial"))
"""Half an hour, and measured by `tutorial_accuracy.py`: run only where it is named."""


def peer_row(name: str) -> Row:
    """The row of a peer called SCRIPT, SCRIPT+allocator, SCRIPT+allocator+compiled...

    Errors: SystemExit for a name that means nothing.
    """
    script, *options = name.split("+")
    unknown = [option for option in options if option not in PEER_OPTIONS]
    if script not in SCRIPTS or unknown:
        known = [row.name for row in (*ROWS, TUTORIAL)]
        raise SystemExit(f"no row is called {name}; there are {', '.join(known)}, and other options joined to a peer's name")
    seeds = 3 if "allocator" in options else 1
    return Row(name, seeds, tuple(f"--{option}" for option in options), script)


ROWS: tuple[Row, ...] = EYESPOT
for _forms in ("", "+allocator", "+allocator+float32-weights"):
    ROWS += tuple(peer_row(f"{_script}{_forms}") for _script in SCRIPTS)


def run(row: Row, seed: int, *, few: Few | None = None) -> Document:
    """Train once and judge: one result. `SMOKE` also cuts the training short; `few` is for peers, or a smoke check."""
    return _run_eyespot(row, seed, few) if row.script is None else _run_peer(row, seed, few)


def _run_eyespot(row: Row, seed: int, few: Few | None) -> Document:
    folder = RunFolder(RUNS / NAME / f"{'smoke-' if few else ''}{row.name}-seed{seed}")
    shutil.rmtree(folder.path, ignore_errors=True)  # of a run that broke off before it was recorded
    with tempfile.TemporaryDirectory() as scratch:
        pictures, options = "cifar10", list(row.options)
        if few is not None:
            pictures, options = scratch, _short(options)
            _copy("folders", Path(scratch), few)
        command = ["train", pictures, *options, "--seed", seed]
        measured = measure(eyespot(*map(str, command), "--out", folder.path, "--json"))
    outcome = json.loads(measured.output)
    return document(
        NAME,
        row=row.name,
        seed=seed,
        command=f"eyespot train cifar10 {' '.join(row.options)}",
        settings=None if "--budget" in row.options else folder.read_args()["set"],
        seconds=measured.seconds,
        train_seconds=outcome["train_seconds"],
        warm_up_seconds=None,
        peak_bytes=measured.peak_bytes,
        parameters=outcome["parameters"],
        epochs=outcome["epochs"],
        steps=outcome["steps"],
        budget=outcome.get("budget"),
        held_out_accuracy=held_out_accuracy(folder),
        test=_accuracy(folder.model, few),
    )


def _run_peer(row: Row, seed: int, few: Few | None) -> Document:
    assert row.script is not None
    script = SCRIPTS[row.script]
    cores = machine()["cores"]
    with tempfile.TemporaryDirectory() as scratch:
        _copy("torch", Path(scratch) / "cifar10", few)
        out = Path(scratch) / "out"
        out.mkdir()
        command = [sys.executable, on_the_processor(script), *row.options, "--seed", str(seed), "--threads", str(cores)]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        measured = measure([*command, "--out", out, *(["--smoke"] if few is SMOKE else [])], environment, Path(scratch))
        figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
        test = _accuracy(out / "logits.npy", few)
    apart = figures["seconds_after_the_end"] + (figures["warm_up_seconds"] or 0.0)
    return document(
        NAME,
        row=row.name,
        seed=seed,
        command=f"{script.repository} {script.path} at {script.commit[:7]} {' '.join(row.options)}".strip(),
        seconds=measured.seconds - apart,
        train_seconds=figures["train_seconds"],
        warm_up_seconds=figures["warm_up_seconds"],
        peak_bytes=figures["peak_bytes"],
        parameters=figures["parameters"],
        own_accuracy=figures["own_accuracy"],
        test=test,
    )


def held_out_accuracy(folder: RunFolder) -> float | None:
    """That on the part which was watched while training, after the last epoch, 0-1; None: none was."""
    return folder.read_history()[-1].val_accuracy


def _short(options: Sequence[str]) -> list[str]:
    """The options of a run that only has to come to its end."""
    if "--budget" in options:
        return ["--budget", "20s"]
    return [*options, "--epochs", "1"]


def _copy(form: str, folder: Path, few: Few | None) -> None:
    counts = [] if few is None else ["--train", str(few.train), "--test", str(few.test)]
    measure([sys.executable, HERE / "cifar10_copy.py", form, folder, *counts])


def _accuracy(file: Path, few: Few | None) -> Any:
    counts = [] if few is None else ["--test", str(few.test)]
    return run_json([sys.executable, HERE / "views.py", file, *counts])
