"""Several seeds: which runs there are, where they lie, what becomes of them when one fails or is interrupted."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eyespot.errors import DataError, InputError, RunError
from eyespot.recipes.order import MAX_SEED
from eyespot.run_folder import RUNS, RunFolder
from eyespot.runs import Run, pattern, seeds, spread, train_seeds


def finished(path: Path, seed: int, accuracy: float = 0.75, *, interrupted: bool = False) -> Run:
    folder = RunFolder(path)
    metrics = {"seed": seed, "test": {"accuracy": accuracy}, "interrupted": interrupted}
    folder.write_metrics(metrics)
    return Run(folder, metrics, signal.SIGINT if interrupted else None)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for training, which seed 6 interrupts and seed 8 fails; notes what it was asked for."""
    noted: list[dict[str, Any]] = []

    def train(data: str, recipe: str | None, *, seed: int, out: Path, **asked: Any) -> Run:
        noted.append({"data": data, "recipe": recipe, "seed": seed, "out": out, **asked})
        if seed == 8:
            out.rmdir()  # as a run that comes to nothing is removed
            raise DataError("nothing to learn from")
        return finished(out, seed, interrupted=seed == 6)

    monkeypatch.setattr(seeds, "train", train)
    return noted


def names(folder: Path = RUNS) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_seed_is_a_run_of_its_own_with_everything_that_was_asked(trained: list[dict[str, Any]]) -> None:
    began = time.monotonic() - 5
    runs = list(train_seeds("letters", "quick", seeds=3, seed=9, budget="20s", began=began, device="cpu"))

    assert [run.metrics["seed"] for run in runs] == [9, 10, 11]
    assert [call["seed"] for call in trained] == [9, 10, 11]
    assert all(
        (call["data"], call["recipe"], call["budget"], call["device"]) == ("letters", "quick", "20s", "cpu") for call in trained
    )
    # Only the first has the time before it counted.
    assert [call["began"] for call in trained] == [began, None, None]


def test_their_names_are_alike_up_to_the_seed_and_sort(trained: list[dict[str, Any]]) -> None:
    list(train_seeds("photos/", None, seeds=3, seed=9))

    found = names()
    assert [name[-7:] for name in found] == ["-seed09", "-seed10", "-seed11"]
    assert len({name[:-7] for name in found}) == 1
    assert found[0].startswith("photos-budget-")


def test_another_set_of_the_same_minute_has_another_name(trained: list[dict[str, Any]]) -> None:
    first, second = (list(train_seeds("letters", None, seeds=2)) for _ in range(2))

    assert len(names()) == 4
    assert set(RUNS.parent.glob(pattern(first))) == {run.folder.path for run in first}
    assert set(RUNS.parent.glob(pattern(second))) == {run.folder.path for run in second}


def test_with_out_they_lie_in_it(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    runs = list(train_seeds("letters", None, seeds=2, out=tmp_path / "my set"))

    assert names(tmp_path / "my set") == ["seed0", "seed1"]
    assert pattern(runs) == f"'{tmp_path / 'my set' / 'seed'}'*"
    assert not RUNS.exists()


def test_what_is_in_the_way_is_said_before_the_first_training(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "seed2").mkdir()
    (tmp_path / "seed2" / "notes.txt").touch()

    with pytest.raises(RunError, match="seed2 is not empty"):
        list(train_seeds("letters", None, seeds=4, out=tmp_path))

    assert trained == []
    assert names(tmp_path) == ["seed2"]


def test_after_an_interruption_there_is_no_other_run(trained: list[dict[str, Any]]) -> None:
    runs = list(train_seeds("letters", None, seeds=5, seed=5))

    assert [run.metrics["seed"] for run in runs] == [5, 6]
    assert [name[-5:] for name in names()] == ["seed5", "seed6"]


def test_what_was_finished_stays_where_one_fails(trained: list[dict[str, Any]]) -> None:
    kept = []

    def gather() -> None:
        kept.extend(run for run in train_seeds("letters", None, seeds=4, seed=7))

    with pytest.raises(DataError, match="nothing to learn from"):
        gather()

    assert [name[-7:] for name in names()] == ["-seed07"]


def test_where_the_first_fails_nothing_is_left(trained: list[dict[str, Any]]) -> None:
    with pytest.raises(DataError):
        list(train_seeds("letters", None, seeds=3, seed=8))

    assert not RUNS.exists()


@pytest.mark.parametrize(("count", "first"), [(0, 0), (1001, 0), (2, MAX_SEED), (1, -1)])
def test_seeds_that_cannot_be_are_refused(trained: list[dict[str, Any]], count: int, first: int) -> None:
    with pytest.raises(InputError, match="1 to 1,000 seeds"):
        list(train_seeds("letters", None, seeds=count, seed=first))

    assert trained == []


def test_the_spread_is_of_the_runs_that_were_not_interrupted(tmp_path: Path) -> None:
    runs = []
    for seed, (accuracy, interrupted) in enumerate([(0.5, False), (0.75, False), (0.7, False), (0.1, True)]):
        path = tmp_path / str(seed)
        path.mkdir()
        runs.append(finished(path, seed, accuracy, interrupted=interrupted))

    found = spread(runs)

    assert found is not None
    assert (found.n, found.lowest, found.highest) == (3, 0.5, 0.75)
    assert found.mean == pytest.approx(0.65)
    assert found.deviation == pytest.approx(((0.15**2 + 0.1**2 + 0.05**2) / 2) ** 0.5)
    alone = spread(runs[:1])
    assert alone is not None
    assert (alone.mean, alone.deviation) == (0.5, None)
    assert spread(runs[3:]) is None


def test_two_real_seeds_are_two_different_classifiers(write_photos: Callable[..., Path], place: Path) -> None:
    photos = write_photos(place / "photos", {"dark": 12, "light": 12})

    runs = list(train_seeds(photos, "quick", seeds=2, settings={"epochs": 1}, threads=1))

    assert [run.metrics["seed"] for run in runs] == [0, 1]
    assert runs[0].folder.model.read_bytes() != runs[1].folder.model.read_bytes()
    found = spread(runs)
    assert found is not None
    assert found.n == 2
