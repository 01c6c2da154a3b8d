"""`eyespot train --seeds`: what reaches the training, what is printed at the end."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eyespot import runs
from eyespot.errors import DataError
from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for training: notes what it was asked for. Seed 5 is interrupted, 7 fails, at 9 Ctrl-C comes twice."""
    monkeypatch.chdir(tmp_path)
    noted: list[dict[str, Any]] = []

    def train_seeds(data: str, recipe: str | None, *, seeds: int, seed: int, **asked: Any) -> Iterator[runs.Run]:
        noted.append({"data": data, "recipe": recipe, "seeds": seeds, "seed": seed, **asked})
        for each in range(seed, seed + seeds):
            if each == 7:
                raise DataError("nothing to learn from")
            if each == 9:
                raise KeyboardInterrupt
            folder = RunFolder((asked["out"] or Path("runs")) / f"letters-seed{each}")
            folder.path.mkdir(parents=True)
            test = {"accuracy": 0.9 + 0.01 * each, "balanced_accuracy": 0.9}
            metrics = {"run": str(folder.path), "seed": each, "epochs": 3, "train_seconds": 12.3, "test": test}
            metrics["interrupted"] = each == 5
            folder.write_metrics(metrics)
            yield runs.Run(folder, metrics, signal.SIGINT if each == 5 else None)
            if each == 5:
                return

    monkeypatch.setattr(runs, "train_seeds", train_seeds)
    return noted


def test_the_end_says_how_the_accuracy_scatters_and_what_to_do_next(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seeds", 3, "--budget", "20s")

    assert outcome.code == 0
    assert (calls[0]["seeds"], calls[0]["seed"], calls[0]["budget"]) == (3, 0, 20)
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["seed", "accuracy", "balanced", "epochs", "seconds", "run"]
    assert lines[2].split() == ["1", "91.0", "%", "90.0", "%", "3", "12", str(Path("runs/letters-seed1"))]
    assert lines[4] == "accuracy 91.0 % on average over 3 seeds, standard deviation 1.00 points, from 90.0 % to 92.0 %"
    assert lines[5].startswith(f"latest: {Path('runs/letters-seed2')}, the last to finish, not the best")
    assert lines[6] == f"next: eyespot compare {Path('runs/letters-seed')}* --against OTHER_RUNS"


def test_the_first_seed_is_that_of_the_flag_or_the_config_file(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    Path("args.yaml").write_text("data: letters\nseed: 3\n")
    eyespot("train", "--config", "args.yaml", "--seeds", 1)
    eyespot("train", "letters", "--seed", 1, "--seeds", 2)

    assert [(call["seed"], call["seeds"]) for call in calls] == [(3, 1), (1, 2)]


def test_json_is_one_document_with_all_runs(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    document = eyespot("train", "letters", "--seeds", 2, "--json").json

    assert [run["seed"] for run in document["runs"]] == [0, 1]
    assert document["summary"]["seeds"] == [0, 1]
    assert document["summary"]["accuracy"]["mean"] == pytest.approx(0.905)
    assert document["summary"]["accuracy"]["n"] == 2
    assert document["summary"]["compare"] == f"eyespot compare {Path('runs/letters-seed')}*"


def test_one_seed_has_no_deviation(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seeds", 1)

    assert "accuracy 90.0 % with one seed" in outcome.out


def test_runs_in_a_folder_of_their_own_are_not_the_latest(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seeds", 2, "--out", "my set")

    assert "latest:" not in outcome.out
    assert f"next: eyespot compare '{Path('my set/letters-seed')}'* --against OTHER_RUNS" in outcome.out


def test_an_interruption_is_summarized_with_what_was_finished(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seed", 3, "--seeds", 5)

    assert outcome.code == 130
    assert "over 2 seeds" in outcome.out
    assert "letters-seed5 (interrupted)" in outcome.out
    assert "latest:" not in outcome.out
    assert outcome.err.endswith(f"eyespot: interrupted; what was learned until then is kept in {Path('runs/letters-seed5')}\n")


def test_an_interruption_at_once_is_summarized_too(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seed", 8, "--seeds", 3, "--json")

    assert outcome.code == 130
    assert [run["seed"] for run in json.loads(outcome.out)["runs"]] == [8]
    assert outcome.err.endswith("eyespot: interrupted\n")
    assert eyespot("train", "letters", "--seed", 9, "--seeds", 3).out == ""


def test_a_failure_names_what_was_finished_and_prints_no_answer(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seed", 6, "--seeds", 3, "--json")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines()[-2:] == [
        "eyespot: nothing to learn from",
        f"kept: {Path('runs/letters-seed6')}",
    ]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_seeds_that_is_none_is_wrong_usage(eyespot: Eyespot, calls: list[dict[str, Any]], count: str) -> None:
    assert eyespot("train", "letters", f"--seeds={count}").code == 2
    assert calls == []
