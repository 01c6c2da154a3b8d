"""`eyespot demo`: the tour goes through every verb and ends with the report. The training is stood in for."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eyespot import images, runs
from eyespot.bundle import Description, write
from eyespot.data import letters
from eyespot.errors import MissingExtraError
from eyespot.network import Layer, Network
from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]


@pytest.fixture
def untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Training that learns nothing but writes a model for letters; holds the data sets it was asked to learn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(letters, "load", partial(letters.load, train=26, test=52))
    weights = {"kernel": np.random.default_rng(0).normal(size=(3072, 26)).astype(np.float32), "bias": np.zeros(26, np.float32)}
    network = Network(
        (
            Layer("input", "InputLayer", {"shape": [32, 32, 3]}, ()),
            Layer("flatten", "Flatten", {}, ("input",)),
            Layer("logits", "Dense", {"units": 26, "activation": "linear", "use_bias": True}, ("flatten",), weights),
            Layer("probabilities", "Softmax", {"axis": -1}, ("logits",)),
        ),
        output="probabilities",
    )
    asked: list[str] = []

    def train(data: str, recipe: None, *, out: Path, budget: float, **others: Any) -> runs.Run:
        assert budget < 60
        asked.append(data)
        folder = RunFolder(out)
        description = Description(letters.CLASSES, (32, 32), {"name": "letters", "fingerprint": ""}, {"name": "budget"})
        write(folder.model, network, description)
        metrics = {
            "epochs": 1,
            "train_seconds": 1.0,
            "images_per_second": 26.0,
            "skipped": 0,
            "test": {"accuracy": 0.04, "balanced_accuracy": 0.04, "loss": 3.3, "n": 52, "interval": {"low": 0.0, "high": 0.1}},
            "interrupted": False,
        }
        folder.write_args({"data": "letters"})
        folder.write_metrics(metrics)
        return runs.Run(folder, metrics)

    monkeypatch.setattr(runs, "train", train)
    return asked


def test_it_goes_through_the_verbs_and_ends_with_the_report(eyespot: Eyespot, untrained: list[str]) -> None:
    outcome = eyespot("demo")
    lines = outcome.out.replace("\\", "/").splitlines()
    assert (outcome.code, untrained) == (0, ["letters"])
    assert [line for line in lines if line.startswith("$ ")] == [
        "$ eyespot train letters --budget 40s --out runs/demo",
        "$ eyespot evaluate runs/demo",
        "$ eyespot predict runs/demo/examples --model runs/demo --top-k 3",
        "$ eyespot explain runs/demo",
    ]
    assert lines[-1].endswith("runs/demo/report.html")
    assert sum(line.startswith("runs/demo/examples/") for line in lines) == len("EYESPOT")


def test_json_is_one_document(eyespot: Eyespot, untrained: list[str]) -> None:
    document = eyespot("demo", "--json").json
    assert list(document) == ["train", "evaluate", "predict", "explain", "report"]
    assert document["evaluate"]["n"] == 52
    assert [Path(entry["path"]).name[2] for entry in document["predict"]] == list("EYESPOT")
    assert document["report"] == str(Path("runs/demo/report.html"))


def test_a_second_tour_leaves_the_first_alone(eyespot: Eyespot, untrained: list[str]) -> None:
    eyespot("demo", "--quiet")
    eyespot("demo", "--quiet")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["demo", "demo-2"]


def test_the_examples_are_letters_in_fonts_that_were_not_trained_on(eyespot: Eyespot, untrained: list[str]) -> None:
    eyespot("demo", "--quiet")
    pictures = sorted(Path("runs/demo/examples").iterdir())
    assert [path.name for path in pictures] == [f"{place}-{letter}.png" for place, letter in enumerate("EYESPOT", start=1)]
    assert {images.decode(path).shape for path in pictures} == {(32, 32, 3)}
    assert len({path.read_bytes() for path in pictures}) == 7


def test_an_interrupted_training_ends_the_tour(eyespot: Eyespot, untrained: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    train = runs.train

    def interrupted(*words: Any, **others: Any) -> runs.Run:
        done = train(*words, **others)
        return runs.Run(done.folder, done.metrics, signal.SIGINT)

    monkeypatch.setattr(runs, "train", interrupted)
    outcome = eyespot("demo")
    assert outcome.code == 130
    assert "eyespot evaluate" not in outcome.out


def test_a_training_that_fails_leaves_no_folder(
    eyespot: Eyespot, untrained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*words: Any, **others: Any) -> runs.Run:
        raise MissingExtraError("Training", "train")

    monkeypatch.setattr(runs, "train", fail)
    assert eyespot("demo").code == 2
    assert list(Path("runs").iterdir()) == []
