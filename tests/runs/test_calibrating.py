"""Many pictures: temperature and threshold come from the part held out, are written into the model, and are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot import bundle, data, runs
from eyespot.data.dataset import Dataset, Part
from eyespot.data.splits import for_training
from eyespot.evaluation.temperature import fit_temperature, tempered, untempered
from eyespot.models.backend import keras
from eyespot.network import Network
from eyespot.prediction import Model
from eyespot.recipes import load
from eyespot.runs.calibrating import MOST_ASKED, calibrated
from eyespot.runs.trained import says

WritePhotos = Callable[[Path, Mapping[str, int]], Path]
SHORT = {"epochs": 3, "batch_size": 16, "validation_fraction": 0.4}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, write_photos: WritePhotos) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"), {"dark": 150, "light": 150})


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    return runs.train(photos, settings=SHORT, out=tmp_path_factory.mktemp("runs") / "one", seed=5)


def test_the_temperature_in_the_model_is_the_one_fitted_on_the_validation_part(run: runs.Run, photos: Path) -> None:
    model, said = run.model, run.metrics["calibration"]
    validation = for_training(data.load(photos), 0.4).parts["validation"]
    plain = untempered(model.probabilities(validation.images), model.description.temperature)
    assert model.description.temperature == said["temperature"] != 1
    assert said["temperature"] == pytest.approx(fit_temperature(plain, validation.labels), rel=1e-3)
    assert (said["n"], said["reason"]) == (len(validation), None)
    assert model.check() < bundle.TOLERANCE


def test_the_keras_model_has_the_same_temperature(run: runs.Run) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    of_keras = keras.models.load_model(run.folder.keras_model).predict(pictures.astype(np.float32), verbose=0)
    np.testing.assert_allclose(run.model.probabilities(pictures), of_keras, atol=bundle.TOLERANCE)


def test_metrics_and_predictions_follow_the_threshold(run: runs.Run, photos: Path) -> None:
    said, test = run.metrics["calibration"], run.metrics["test"]
    threshold = run.model.description.unsure_threshold
    assert said["error_rate"] == 0.05
    assert threshold == said["threshold"]["threshold"] is not None
    pictures = for_training(data.load(photos), 0.4).parts["test"]
    answered = sum(not prediction.unsure for prediction in run.model.predict(pictures.images))
    assert (said["threshold_check"]["n"], said["threshold_check"]["answered"]) == (len(pictures), answered)
    assert (test["calibration"]["answered"], test["calibration"]["temperature"]) == (answered, said["temperature"])
    assert said["unsure"] in run.folder.report.read_text(encoding="utf-8")
    assert "method" not in test


def test_a_recipe_that_holds_nothing_out_fits_nothing_and_says_so(photos: Path, tmp_path: Path, listener: Any) -> None:
    done = runs.train(
        photos, settings={**SHORT, "epochs": 1, "validation_fraction": 0}, out=tmp_path / "run", progress=listener
    )
    assert (done.model.description.temperature, done.model.description.unsure_threshold) == (1, None)
    assert done.metrics["calibration"]["reason"].startswith("no validation part is held out; --set validation_fraction=0.1")
    assert listener.said("temperature: 1.00; none is fitted: no validation part is held out")
    assert "none is fitted: no validation part is held out" in done.folder.report.read_text(encoding="utf-8")


def test_the_tutorial_keeps_a_temperature_of_1_also_where_there_is_a_validation_part(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    counts = {f"{part}/{name}": 20 for part in ("train", "validation", "test") for name in ("dark", "light")}
    done = runs.train(write_photos(tmp_path / "photos", counts), "tutorial", settings={"epochs": 1}, out=tmp_path / "run")
    assert done.model.description.temperature == 1
    assert "the recipe watches the test part" in done.metrics["calibration"]["reason"]


def test_an_error_rate_is_heeded_of_many_pictures_too(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: Any
) -> None:
    monkeypatch.setattr("eyespot.runs.pictures.FEW", 10)
    done = runs.train(
        photos, settings={**SHORT, "epochs": 1}, backbone="auto", error_rate=0.2, out=tmp_path / "run", progress=listener
    )
    assert done.metrics["few"] is None
    assert done.metrics["calibration"]["error_rate"] == 0.2
    assert not listener.said("are for fewer than")


def test_pictures_that_belong_together_count_for_less(photos: Path, tmp_path: Path) -> None:
    """Groups by the last digit of the name: twenty or so, so nothing can be shown by the few that are held out."""
    settings = {**SHORT, "epochs": 1}
    done = runs.train(photos, "tutorial", settings={"epochs": 1}, group_by=r"name:(\d)\.png$", out=tmp_path / "grouped")
    n = done.metrics["test"]["n"]
    share = done.metrics["test"]["accuracy"]
    alone = 2 * 1.96 * np.sqrt(share * (1 - share) / n)
    interval = done.metrics["test"]["interval"]
    assert interval["high"] - interval["low"] > 1.05 * alone
    held_out = runs.train(photos, settings=settings, group_by=r"name:(\d)\.png$", out=tmp_path / "held out")
    assert "groups of pictures" in held_out.metrics["calibration"]["unsure"]


def parted(network: Network, n: int) -> Dataset:
    """Pictures for a network, in a validation part; the labels are what it says, at odds with it one time in four."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (n, 8, 10, 3), np.uint8)
    labels = says(network, images, 1).argmax(axis=1)
    labels[::4] = generator.integers(0, 3, len(labels[::4]))
    part = Part(images, labels, tuple(str(i) for i in range(n)))
    return Dataset("noise", ("cat", "dog", "frog"), {"train": part, "validation": part})


def test_of_a_large_validation_part_some_are_asked_about(tiny_network: Network) -> None:
    found = calibrated(tiny_network, parted(tiny_network, MOST_ASKED + 500), load("quick"), 0.05, threads=1)
    assert found.n == MOST_ASKED


def test_a_network_that_takes_no_temperature_gets_a_threshold_alone(tiny_network: Network, listener: Any) -> None:
    last = tiny_network.by_name["probabilities"]
    layers = tuple(layer for layer in tiny_network.layers if layer.name not in ("temperature", "probabilities"))
    without = Network((*layers, replace(last, inputs=("logits",))), output="probabilities")
    dataset = parted(without, 400)
    found = calibrated(without, dataset, load("quick"), 0.3, threads=1, progress=listener)
    assert (found.temperature, found.n) == (1.0, 0)
    assert "a temperature takes a network that ends in a Rescaling and a Softmax" in str(found.reason)
    assert found.unsure_threshold is not None
    assert listener.said("temperature: 1.00; none is fitted: a temperature takes")


def test_what_it_says_at_that_temperature_is_what_the_written_model_says(run: runs.Run) -> None:
    network = bundle.read_network(run.folder.model)
    pictures = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3), np.uint8)
    temperature = run.model.description.temperature
    plain = untempered(says(network, pictures, 1), temperature)
    np.testing.assert_allclose(tempered(plain, temperature), Model(run.folder.model).probabilities(pictures), atol=1e-5)
