"""`eyespot train`: what the flags, the config file and the absence of both come to; what is printed at the end."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from eyespot import runs
from eyespot.data import cifar10
from eyespot.progress import SILENT
from eyespot.recipes import NAMES
from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]

KEYS = "data, recipe, seed, device, threads, group_by, backbone, error_rate, folds, from_scratch, fine_tune, set"

METRICS = {
    "run": "runs/new",
    "epochs": 3,
    "train_seconds": 12.3,
    "images_per_second": 1234.4,
    "skipped": 2,
    "test": {"accuracy": 0.912, "balanced_accuracy": 0.9, "loss": 0.3456, "n": 4000, "interval": {"low": 0.903, "high": 0.92}},
    "interrupted": False,
    "budget": None,
}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for training: notes what it was asked for. With seed 130 it is interrupted, with 131 once it is done."""
    monkeypatch.chdir(tmp_path)
    noted: list[dict[str, Any]] = []

    def train(data: str, recipe: str | None, *, began: float, **asked: Any) -> runs.Run:
        assert 0 <= time.monotonic() - began < 60
        noted.append({"data": data, "recipe": recipe, **asked})
        folder = RunFolder(Path("runs/new"))
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_metrics(METRICS)
        metrics = {**METRICS, "interrupted": asked["seed"] == 130}
        return runs.Run(folder, metrics, signal.SIGINT if asked["seed"] >= 130 else None)

    monkeypatch.setattr(runs, "train", train)
    return noted


def test_defaults_are_those_of_the_library(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    assert eyespot("train", "letters", "--quiet").code == 0
    assert calls == [
        {
            "data": "letters",
            "recipe": None,
            "budget": None,
            "seed": 0,
            "settings": {},
            "backbone": None,
            "group_by": None,
            "error_rate": None,
            "folds": None,
            "from_scratch": None,
            "fine_tune": None,
            "ask": None,
            "out": None,
            "device": "auto",
            "threads": None,
            "strict": False,
            "progress": SILENT,
        }
    ]


def test_every_flag_reaches_the_training(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    flags = "--recipe tutorial --epochs 3 --seed 7 --size 48 --out there --device cpu --threads 2 --strict --group-by folder"
    eyespot("train", "photos", *flags.split(), "--set", "learning_rate=1e-3", "--set", "watch=test")
    (call,) = calls
    assert call["settings"] == {"epochs": 3, "size": 48, "learning_rate": "1e-3", "watch": "test"}
    del call["progress"], call["settings"], call["budget"]
    assert [call.pop(name) for name in ("backbone", "error_rate", "folds", "from_scratch", "fine_tune", "ask")] == [None] * 6
    assert call == {
        "data": "photos",
        "recipe": "tutorial",
        "seed": 7,
        "out": Path("there"),
        "device": "cpu",
        "threads": 2,
        "strict": True,
        "group_by": "folder",
    }


def test_flags_come_before_the_config_file(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    config = {
        "data": "photos",
        "recipe": "tutorial",
        "seed": 5,
        "device": "cpu",
        "threads": 1,
        "set": {"epochs": 9, "least_steps": 1100, "size": 20},
    }
    Path("args.yaml").write_text(yaml.safe_dump(config))
    eyespot("train", "--config", "args.yaml")
    eyespot("train", "letters", "--config", "args.yaml", "--seed", 0, "--epochs", 2)
    eyespot("train", "--config", "args.yaml", "--recipe", "quick", "--epochs", 2)
    eyespot("train", "--config", "args.yaml", "--budget", "2m", "--size", 24)
    for call, expected in zip(
        calls,
        [
            {"data": "photos", "recipe": "tutorial", "seed": 5, "settings": {"epochs": 9, "least_steps": 1100, "size": 20}},
            {"data": "letters", "recipe": "tutorial", "seed": 0, "settings": {"epochs": 2, "size": 20}},
            # Another recipe brings settings of its own.
            {"data": "photos", "recipe": "quick", "seed": 5, "settings": {"epochs": 2}},
            # So does a budget, which is to choose them.
            {"data": "photos", "recipe": None, "seed": 5, "settings": {"size": 24}, "budget": 120},
        ],
        strict=True,
    ):
        assert {key: call[key] for key in expected} == expected
        assert call["device"] == "cpu"
        assert call["threads"] == (None if "budget" in expected else 1)  # a budget measures how many are fastest


def test_a_budget_is_not_held_to_what_was_chosen_for_another(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    chosen = {"data": "photos", "recipe": "budget", "set": {"epochs": 9, "network": {"widths": [8]}}}
    Path("args.yaml").write_text(yaml.safe_dump(chosen))
    eyespot("train", "--config", "args.yaml")
    eyespot("train", "--config", "args.yaml", "--recipe", "budget", "--budget", "2m")
    assert [call["settings"] for call in calls] == [chosen["set"], {}]
    assert [call["budget"] for call in calls] == [None, 120]


FEW = {
    "backbone": "keras:MobileNetV3Small",
    "group_by": "folder",
    "error_rate": 0.1,
    "folds": 4,
    "from_scratch": False,
    "fine_tune": True,
}


def test_flags_for_few_pictures_reach_the_training(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    eyespot("train", "photos", "--backbone", "auto", "--group-by", "column:animal", "--error-rate", "0.1", "--fine-tune")
    expected = {"backbone": "auto", "group_by": "column:animal", "error_rate": 0.1, "folds": None, "from_scratch": None}
    assert {name: calls[0][name] for name in expected} == expected
    assert calls[0]["fine_tune"] is True


def test_the_config_file_says_what_few_pictures_were_learned_with(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    config = {"data": "photos", "recipe": "budget", "set": {"epochs": 9}, **FEW}
    Path("args.yaml").write_text(yaml.safe_dump(config))
    eyespot("train", "--config", "args.yaml")
    eyespot("train", "--config", "args.yaml", "--backbone", "cifar10", "--group-by", "folder:1", "--error-rate", "0.2")
    # Another budget chooses anew how many folds it is enough for; another recipe has no use for a backbone.
    eyespot("train", "--config", "args.yaml", "--budget", "2m")
    eyespot("train", "--config", "args.yaml", "--recipe", "quick")
    others = {"backbone": "cifar10", "group_by": "folder:1", "error_rate": 0.2}
    free = {"folds": None, "from_scratch": None}
    none = {"backbone": None, "group_by": "folder", "error_rate": FEW["error_rate"], "fine_tune": None}
    assert [{name: call[name] for name in FEW} for call in calls] == [FEW, {**FEW, **others}, {**FEW, **free}, {**free, **none}]


def test_fine_tuning_takes_over_nothing_that_was_chosen_without_it(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    config = {"data": "photos", "recipe": "budget", "set": {"learning_rate": 0.12}, **FEW, "fine_tune": False}
    Path("args.yaml").write_text(yaml.safe_dump(config))
    eyespot("train", "--config", "args.yaml")
    eyespot("train", "--config", "args.yaml", "--fine-tune")
    assert [call["settings"] for call in calls] == [{"learning_rate": 0.12}, {}]
    assert [(call["folds"], call["from_scratch"], call["fine_tune"]) for call in calls] == [
        (4, False, False),
        (None, None, True),
    ]


def test_fine_tuning_is_switched_off_again_with_all_that_was_chosen_for_it(
    eyespot: Eyespot, calls: list[dict[str, Any]]
) -> None:
    config = {"data": "photos", "recipe": "budget", "set": {"learning_rate": 1e-4}, **FEW}
    Path("args.yaml").write_text(yaml.safe_dump(config))
    eyespot("train", "--config", "args.yaml", "--fine-tune")
    eyespot("train", "--config", "args.yaml", "--no-fine-tune")
    assert [(call["settings"], call["folds"], call["fine_tune"]) for call in calls] == [
        ({"learning_rate": 1e-4}, 4, True),
        ({}, None, False),
    ]


def test_what_was_left_out_beside_a_backbone_is_not_left_out_without_one(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    Path("args.yaml").write_text(yaml.safe_dump({"data": "photos", "recipe": "budget", **FEW, "fine_tune": False}))
    eyespot("train", "--config", "args.yaml", "--backbone", "none")
    (call,) = calls
    assert (call["backbone"], call["from_scratch"], call["folds"]) == ("none", None, 4)


@pytest.mark.parametrize(("reply", "agreed"), [("y\n", True), ("\n", False)])
def test_on_a_terminal_the_training_may_ask(
    eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, reply: str, agreed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: reply))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True, raising=False)
    eyespot("train", "photos", "--quiet")
    assert calls[0]["ask"]("Download it?") is agreed
    eyespot("train", "photos", "--quiet", "--json")
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    eyespot("train", "photos", "--quiet")
    assert [call["ask"] for call in calls[1:]] == [None, None]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 1, "args.yaml is missing"),
        ("- a\n- b\n", 1, "args.yaml is damaged"),
        ("{", 1, "args.yaml is damaged: it is not YAML"),
        ("sede: 3\n", 2, f"args.yaml has unknown keys sede; it can have {KEYS}; did you mean seed?"),
        (
            "epochs: 3\n",
            2,
            f"args.yaml has unknown keys epochs; it can have {KEYS}; epochs is a field of the recipe, and goes under",
        ),
        ("set: 3\n", 2, "args.yaml: set must be fields of a recipe"),
        ("data: [1]\n", 2, "args.yaml: data must be a word"),
        ("seed: zero\n", 2, "args.yaml: seed must be a whole number"),
        ("threads: 1.5\n", 2, "args.yaml: threads must be a whole number"),
        ("backbone: 3\n", 2, "args.yaml: backbone must be a word"),
        ("error_rate: much\n", 2, "args.yaml: error_rate must be a number between 0 and 1"),
        ("folds: true\n", 2, "args.yaml: folds must be a whole number"),
        ("from_scratch: 1\n", 2, "args.yaml: from_scratch must be true or false"),
        ("fine_tune: 1\n", 2, "args.yaml: fine_tune must be true or false"),
    ],
)
def test_a_wrong_config_file_is_one_line(
    eyespot: Eyespot, calls: list[dict[str, Any]], content: str | None, code: int, message: str
) -> None:
    if content is not None:
        Path("args.yaml").write_text(content)
    outcome = eyespot("train", "letters", "--config", "args.yaml")
    assert (outcome.code, len(outcome.err.splitlines()), calls) == (code, 1, [])
    assert outcome.err.startswith(f"eyespot: {message}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "epochs"], "expected KEY=VALUE, such as epochs=3, got 'epochs'"),
        (["--set", "=3"], "expected KEY=VALUE"),
        (["--epochs", "0"], "expected a whole number above 0, got '0'"),
        (["--seed", "-1"], "expected"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
        (["--epochs", "2", "--set", "epochs=3"], "--epochs and --set epochs=... say the same"),
        (["--budget", "soon"], "argument --budget: expected a length of time, such as 20s, 1m, 1m30s or 0.5h, got 'soon'"),
        (["--budget", "0s"], "above zero"),
        (["--error-rate", "5"], "expected a share between 0 and 1, such as 0.05, got '5'"),
        (["--error-rate", "low"], "expected a share between 0 and 1, such as 0.05, got 'low'"),
    ],
)
def test_wrong_flags_are_wrong_usage(eyespot: Eyespot, calls: list[dict[str, Any]], flags: list[str], message: str) -> None:
    outcome = eyespot("train", "letters", *flags)
    assert (outcome.code, calls) == (2, [])
    assert message in outcome.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs", "3"], "a budget and epochs both say how long to train"),
        (["--set", "epochs=0.5"], "a budget and epochs both say how long to train"),
        (["--recipe", "tutorial"], "a budget chooses network and epochs, and the recipe tutorial has its own"),
    ],
)
def test_a_budget_excludes_epochs_and_other_recipes(eyespot: Eyespot, workplace: Path, flags: list[str], message: str) -> None:
    outcome = eyespot("train", "letters", "--budget", "1m", *flags)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"eyespot: {message}")
    assert [path.name for path in Path("runs").iterdir()] == ["pets"]


def test_the_end_says_how_long_it_took_of_a_budget(
    eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRICS, "budget", {"seconds": 60.0, "spent_seconds": 58.4})
    assert "time: 58 s from the start to the report, of a budget of 60 s" in eyespot("train", "letters").out.splitlines()


def test_the_time_counts_from_the_start_of_the_process(calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    from eyespot.cli import command

    began = []
    monkeypatch.setattr(command, "process_began", lambda: 12.5)
    monkeypatch.setattr(runs, "train", lambda *words, **asked: began.append(asked["began"]) or sys.exit(0))
    monkeypatch.setattr(sys, "argv", ["eyespot", "train", "letters", "--quiet"])
    with pytest.raises(SystemExit):
        command.main()
    # Words that another program hands over are obeyed from then on.
    with pytest.raises(SystemExit):
        command.main(["train", "letters", "--quiet"])
    assert began[0] == 12.5
    assert began[1] > 12.5


def test_an_unknown_recipe_is_answered_with_the_nearest(eyespot: Eyespot, workplace: Path) -> None:
    outcome = eyespot("train", "letters", "--recipe", "tutoral")
    assert outcome.code == 2
    assert "did you mean tutorial?" in outcome.err


def test_no_such_folder_is_one_line(eyespot: Eyespot, workplace: Path) -> None:
    outcome = eyespot("train", "fotos/")
    assert (outcome.code, outcome.out) == (1, "")
    assert "eyespot: no such folder or file: fotos/" in outcome.err.splitlines()[-1]
    assert [path.name for path in Path("runs").iterdir()] == ["pets"]


def test_the_end_gives_the_figures_the_report_and_the_next_command(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    assert eyespot("train", "letters").out.replace("\\", "/").splitlines() == [
        "accuracy 91.2 % (95 % interval 90.3 to 92.0 %), balanced 90.0 %, loss 0.346, on 4,000 test pictures",
        "epochs: 3, in 12 s, at 1,234 pictures/s",
        "skipped: 2 files, named in runs/new/skipped.csv",
        "report: runs/new/report.html",
        "next: eyespot predict IMAGE --model runs/new",
    ]


def test_json_is_the_metrics_document(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    assert json.loads(eyespot("train", "letters", "--json").out) == METRICS


def test_an_interrupted_training_prints_what_it_has_and_ends_with_130(eyespot: Eyespot, calls: list[dict[str, Any]]) -> None:
    outcome = eyespot("train", "letters", "--seed", 130)
    assert outcome.code == 130
    assert outcome.out.startswith("accuracy 91.2 %")
    assert outcome.err.splitlines()[-1].startswith("eyespot: interrupted; what was learned until then is kept in")


def test_a_signal_that_came_after_the_training_ends_with_130_and_a_whole_run(
    eyespot: Eyespot, calls: list[dict[str, Any]]
) -> None:
    outcome = eyespot("train", "letters", "--seed", 131)
    assert outcome.code == 130
    assert "interrupted; the training was done, and the whole run is kept in" in outcome.err.splitlines()[-1]


def test_without_data_a_copy_of_cifar10_is_used(
    eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "copies", lambda: iter([Path("copy")]))
    eyespot("train")
    assert calls[0]["data"] == "cifar10"


def test_without_data_and_copy_it_says_the_ways_out(
    eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "copies", lambda: iter([]))
    outcome = eyespot("train")
    assert (outcome.code, outcome.out, calls) == (2, "", [])
    assert outcome.err.startswith("eyespot: no DATA is named; it would be CIFAR-10")
    assert "170 MB" in outcome.err
    assert all(way in outcome.err for way in ("EYESPOT_CIFAR10", "by hand", "eyespot train letters"))


@pytest.mark.parametrize(("reply", "code"), [("y\n", 0), ("YES\n", 0), ("\n", 2), ("n\n", 2), ("", 2)])
def test_on_a_terminal_it_asks_before_a_download(
    eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, reply: str, code: int
) -> None:
    monkeypatch.setattr(cifar10, "copies", lambda: iter([]))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: reply))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True, raising=False)
    outcome = eyespot("train", "--quiet")
    assert (outcome.code, len(calls)) == (code, 1 - code // 2)
    assert "Download it, 170 MB? [y/N]" in outcome.err


def test_offline_it_does_not_ask(eyespot: Eyespot, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    monkeypatch.setattr(cifar10, "copies", lambda: iter([]))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: "y\n"))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True, raising=False)
    assert (eyespot("train").code, calls) == (2, [])


def test_the_help_names_every_recipe(eyespot: Eyespot) -> None:
    text = " ".join(eyespot("train", "--help").out.split())
    assert all(name in text for name in NAMES)
    assert "budget (default: as good as the time allows)" in text
