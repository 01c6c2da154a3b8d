"""One training with several seeds, each of which is an ordinary run; and what their figures come to."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from eyespot import recipes
from eyespot.errors import InputError
from eyespot.progress import SILENT, Progress
from eyespot.recipes.order import MAX_SEED
from eyespot.run_folder import RUNS, create_at, run_name
from eyespot.runs.training import Run, train

_WORD = "seed"

MAX_SEEDS = 1000
"""So many runs, at most, are one set."""


@dataclass(frozen=True)
class Spread:
    """How a figure scatters from seed to seed.

    Attributes:
        n: how many runs it is of; those whose training was interrupted do not count.
        mean: of the runs, 0-1.
        deviation: their standard deviation, with n - 1; None of one run.
        lowest, highest: of the runs.
    """

    n: int
    mean: float
    deviation: float | None
    lowest: float
    highest: float

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return vars(self).copy()


def train_seeds(
    data: str | Path,
    recipe: str | Path | None = None,
    *,
    seeds: int,
    seed: int = 0,
    began: float | None = None,
    out: str | Path | None = None,
    progress: Progress = SILENT,
    **asked: Any,
) -> Iterator[Run]:
    """Train `seeds` times, with the seeds `seed`, `seed + 1` and so on; each run is given when it is finished.

    Every run is what `train` alone would make of it: it reads the pictures itself, and a budget is that of each. After a run
    in which a signal came there is no other.

    Args:
        data, recipe: as of `train`.
        seeds: how many runs; at least 1.
        seed: the first seed.
        began: when the first run's budget began to be spent; the others' begin with them.
        out: the folder that holds the runs, as `seed0` and so on; None: they lie in `./runs`, their names alike up to the seed.
        progress: is told how far it has come.
        asked: whatever else `train` takes.

    Errors: InputError for a number of seeds that cannot be; RunError, where a folder in `out` holds something; as `train`.
    """
    if not 1 <= seeds <= MAX_SEEDS or not 0 <= seed <= MAX_SEED - seeds + 1:
        raise InputError(f"there can be 1 to {MAX_SEEDS:,} seeds, from 0 to {MAX_SEED}; got {seeds} from {seed} on")
    last = seed + seeds - 1
    names = [f"{_WORD}{number:0{len(str(last))}d}" for number in range(seed, last + 1)]
    stem = _new_stem(data, recipe, names[0]) if out is None else f"{out}/"
    folders: list[Path] = []
    try:
        # All of them at once: what is in the way is to be said now, not hours later.
        for name in names:
            folders.append(create_at(Path(stem + name)).path)
        progress.note(f"{seeds} runs, one after another; a budget is that of each")
        for done, folder in enumerate(folders):
            progress.note(f"seed {seed + done}, {done + 1} of {seeds}: {folder}")
            run = train(
                data,
                recipe,
                seed=seed + done,
                began=began if done == 0 else None,
                out=folder,
                progress=progress,
                **asked,
            )
            yield run
            if run.interrupted is not None:
                return
    finally:
        for folder in (*folders, RUNS if out is None else Path(out)):
            with suppress(OSError):  # it holds something
                folder.rmdir()


def spread(runs: Sequence[Run]) -> Spread | None:
    """How the accuracy scatters over runs; None where all of them were interrupted."""
    figures = [float(run.metrics["test"]["accuracy"]) for run in runs if not run.metrics["interrupted"]]
    if not figures:
        return None
    deviation = statistics.stdev(figures) if len(figures) > 1 else None
    return Spread(len(figures), statistics.fmean(figures), deviation, min(figures), max(figures))


def pattern(runs: Sequence[Run]) -> str:
    """What a shell expands to the folders of the runs, quoted where it has to be."""
    first = runs[0].folder.path
    stem = first.name.rstrip("0123456789")
    return f"{shlex.quote(str(first.parent / stem))}*"


def _new_stem(data: str | Path, recipe: str | Path | None, first: str) -> str:
    """What the names of the runs begin with, which no other runs' do."""
    name = run_name(str(data), str(recipe or recipes.DEFAULT), datetime.now())
    stem, attempt = RUNS / name, 1
    while Path(f"{stem}-{first}").exists():
        attempt += 1
        stem = RUNS / f"{name}-{attempt}"
    return f"{stem}-"
