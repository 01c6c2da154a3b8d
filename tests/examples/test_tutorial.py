"""The tutorial runs as it stands, by Keras' own fit and by Eyespot's."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import eyespot
from eyespot.models.backend import keras

EXAMPLE = Path(__file__).parents[2] / "examples" / "tutorial.py"
FITS = {"stock": keras.Model.fit, "eyespot": eyespot.fit}


@pytest.fixture(scope="module")
def tutorial() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tutorial_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawn() -> Any:
    """As CIFAR-10 comes from Keras, but small and easy: the class is how bright the picture is."""

    def part(n: int) -> tuple[Any, Any]:
        labels = np.arange(n) % 10
        noise = np.random.default_rng(n).integers(0, 16, (n, 32, 32, 3))
        return (noise + 24 * labels[:, None, None, None]).astype(np.uint8), labels[:, None]

    return part(384), part(50)


@pytest.mark.parametrize("way", FITS)
def test_it_learns_and_answers_either_way(
    way: str, tutorial: ModuleType, drawn: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.utils.set_random_seed(0)
    _, history = tutorial.main(fit=FITS[way], cifar10=drawn, epochs=2)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    losses = history.history["val_loss"]
    assert losses[1] < losses[0] < np.log(10) + 0.05  # log 10 is what guessing costs
    printed = capsys.readouterr().out
    assert f"test loss {losses[1]:.3f}, test accuracy {history.history['val_accuracy'][1]:.1%}" in printed
    assert printed.rstrip().splitlines()[-1].endswith("it is: deer")  # the fifth picture shows class 4


def test_the_network_is_the_one_that_the_recipe_trains(tutorial: ModuleType) -> None:
    from eyespot.models.tutorial import tutorial as recipe_network

    model, trained = tutorial.build_network(), recipe_network((32, 32, 3), 10)
    assert model.count_params() == 776_394
    trained.set_weights(model.get_weights())
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3))
    expected = model.predict(pixels.astype("float32") / 255, verbose=0)
    np.testing.assert_allclose(trained.predict(pixels, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "code", "said"), [(["--help"], 0, "--stock"), (["--stok"], 2, "unrecognized arguments: --stok")]
)
def test_help_and_a_wrong_word_are_answered_before_any_work(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EYESPOT_CIFAR10", str(tmp_path))  # no data: whatever begins to work fails
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *words])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr()
    assert (exit.value.code, said in printed.out + printed.err) == (code, True)


@pytest.mark.cifar10
def test_its_data_is_that_of_keras(tutorial: ModuleType) -> None:
    (x_train, y_train), (x_test, y_test) = tutorial.load_cifar10()
    assert x_train.shape == (50_000, 32, 32, 3)
    assert x_test.shape == (10_000, 32, 32, 3)
    assert [tutorial.CLASSES[label] for label in y_train[:3]] == ["frog", "truck", "truck"]  # as published
    assert [tutorial.CLASSES[label] for label in y_test[:3]] == ["cat", "ship", "ship"]
