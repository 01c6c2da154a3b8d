"""The classifier that comes with Eyespot: it is there, whole and small, and says what it knows and what it does not."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import eyespot
from eyespot import data
from eyespot.bundle import read_network
from eyespot.cli import main
from eyespot.data.cifar10 import CLASSES
from eyespot.data.splits import for_training
from eyespot.evaluation.calibration import calibrate
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.temperature import untempered
from eyespot.run_folder import find_card, find_model, shipped

ROOT = Path(__file__).parents[1]
MOST_BYTES = 8_000_000


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: Callable[..., np.ndarray]) -> Path:
    """A picture in an empty working folder: right after the installation."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw(0, 300, 400)).save("photo.jpg")
    return Path("photo.jpg")


def test_one_model_ships_and_it_is_small() -> None:
    assert list(shipped()) == ["cifar10"]
    assert 0 < shipped()["cifar10"].stat().st_size < MOST_BYTES


def test_it_goes_into_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["eyespot"]
    package = ROOT / "src" / "eyespot"
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    assert packed == {path for path in (package / "shipped").iterdir() if path.name != "__pycache__"}
    assert {path.name for path in packed} >= {"cifar10.onnx", "cifar10.md"}


def test_it_is_whole_and_knows_the_ten_classes(photo: Path) -> None:
    model = eyespot.load("cifar10")
    assert (model.classes, model.size) == (CLASSES, (32, 32))
    assert model.check() < 1e-4
    assert model.description.data["name"] == "cifar10"


def test_a_first_prediction_needs_nothing_but_a_picture(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(photo)]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        f"model: cifar10, which ships with Eyespot; 10 classes: {', '.join(CLASSES)}; it knows only these 10 things"
    ]
    assert {line.split()[0] for line in printed.out.splitlines()[1:]} < {*CLASSES}
    assert eyespot.load().path == find_model("cifar10").path


def test_its_card_says_how_it_was_made_and_what_it_cannot_do(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = find_card(shipped()["cifar10"])
    assert card is not None
    text = card.read_text(encoding="utf-8")
    assert all(name in text for name in CLASSES)
    for heading in ("How good it is", "How it was made", "What it cannot do"):
        assert f"\n## {heading}\n" in text
    assert main(["explain", "cifar10"]) == 0
    assert capsys.readouterr().err.splitlines()[1].endswith(str(card))


def test_it_is_calibrated_and_knows_when_it_is_unsure(photo: Path) -> None:
    model = eyespot.load("cifar10")
    network = read_network(shipped()["cifar10"])
    assert 0.3 < model.description.temperature < 0.8
    assert network.by_name["temperature"].config["scale"] == pytest.approx(1 / model.description.temperature)
    assert model.description.unsure_threshold is not None
    assert 0.5 < model.description.unsure_threshold < 0.9
    assert model.predict(np.full((32, 32, 3), 128, np.uint8)).unsure
    card = find_card(shipped()["cifar10"])
    assert card is not None
    assert f"answers below {100 * model.description.unsure_threshold:.1f} %" in card.read_text(encoding="utf-8")


@pytest.mark.cifar10
def test_temperature_and_threshold_are_those_of_the_pictures_held_out(cifar10: Path) -> None:
    model = eyespot.load("cifar10")
    said = model.description
    parted = for_training(data.load(cifar10), said.recipe["validation_fraction"])
    assert parted.fingerprint() == said.data["fingerprint"]
    held_out = parted.parts["validation"]
    plain = untempered(model.probabilities(held_out.images), said.temperature)
    found = calibrate(plain, held_out.labels, 0.05)
    assert found.temperature == pytest.approx(said.temperature, rel=1e-3)
    assert found.unsure_threshold == pytest.approx(said.unsure_threshold, abs=1e-3)


@pytest.mark.cifar10
def test_it_tells_most_pictures_right_that_it_has_not_seen_and_is_honest_about_the_others(cifar10: Path) -> None:
    test = data.load(cifar10).parts["test"].take(np.arange(2000))
    found = evaluate(eyespot.load("cifar10").probabilities(test.images), test.labels, CLASSES)
    assert found.accuracy > 0.86
    # The calibration error of so few pictures is a point or so above the true one; some are known as JPEG only.
    assert found.ece < 0.04
