"""What all tests share: a small model, and the data sets that are not the project's, with the skips where these are absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eyespot.bundle import Description, write
from eyespot.network import Layer, Network
from eyespot.run_folder import RunFolder

CLOTHES = Path(__file__).parents[2] / "shared" / "data" / "clothes"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skips = {
        "cifar10": pytest.mark.skipif("EYESPOT_CIFAR10" not in os.environ, reason="EYESPOT_CIFAR10 names no copy of CIFAR-10"),
        "clothes": pytest.mark.skipif(not CLOTHES.is_dir(), reason="no photographs in ../shared/data/clothes"),
        "browser": pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium; on Debian: apt install chromium"),
    }
    for item in items:
        for mark, skip in skips.items():
            if item.get_closest_marker(mark):
                item.add_marker(skip)
    items.sort(
        key=lambda item: item.path.name != "test_readme.py"
    )  # by far the longest: with several workers it is begun first


@pytest.fixture(scope="session")
def cifar10() -> Path:
    """The folder of CIFAR-10 in its binary version, for tests marked `cifar10`."""
    return Path(os.environ["EYESPOT_CIFAR10"])


@pytest.fixture(scope="session")
def clothes() -> Path:
    """The folder of photographs, for tests marked `clothes`."""
    return CLOTHES


@pytest.fixture(scope="session")
def draw() -> Callable[..., NDArray[np.uint8]]:
    """Draws smooth colors, others for each seed: (seed, height=24, width=20) -> (height, width, 3) uint8."""

    def picture(seed: int, height: int = 24, width: int = 20) -> NDArray[np.uint8]:
        colors = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        return np.array(Image.fromarray(colors).resize((width, height), Image.Resampling.BICUBIC))

    return picture


@pytest.fixture
def make_folder(tmp_path: Path, draw: Callable[..., NDArray[np.uint8]]) -> Callable[[Mapping[str, int]], Path]:
    """Makes a folder of class folders: {"train/cat": 3, ...} -> its path; the pictures are 0.png, 1.png, ..., all distinct."""

    def folder(counts: Mapping[str, int]) -> Path:
        root = tmp_path / "pictures"
        seed = 0
        for inner, count in counts.items():
            (root / inner).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                Image.fromarray(draw(seed)).save(root / inner / f"{i}.png")
                seed += 1
        return root

    return folder


@pytest.fixture(scope="session")
def tiny_network() -> Network:
    """A network for pictures 8 x 10 of three classes, with weights that no training touched: it tells colors apart."""
    generator = np.random.default_rng(0)
    convolution = {
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": True,
    }
    dense = {"units": 3, "activation": "linear", "use_bias": True}
    convolved = {"kernel": generator.normal(size=(3, 3, 3, 4)).astype(np.float32), "bias": np.full(4, 0.1, np.float32)}
    connected = {"kernel": generator.normal(size=(4, 3)).astype(np.float32), "bias": np.zeros(3, np.float32)}
    layers = (
        Layer("input", "InputLayer", {"shape": [8, 10, 3]}, ()),
        Layer("rescaling", "Rescaling", {"scale": 1 / 255, "offset": 0.0}, ("input",)),
        Layer("conv", "Conv2D", convolution, ("rescaling",), convolved),
        Layer("pool", "GlobalAveragePooling2D", {"keepdims": False}, ("conv",)),
        Layer("logits", "Dense", dense, ("pool",), connected),
        Layer("temperature", "Rescaling", {"scale": 1.0, "offset": 0.0}, ("logits",)),
        Layer("probabilities", "Softmax", {"axis": -1}, ("temperature",)),
    )
    return Network(layers, output="probabilities")


@pytest.fixture(scope="session")
def tiny_model(tiny_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of `tiny_network` with the classes cat, dog and frog; not to be changed."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    description = Description(
        classes=("cat", "dog", "frog"),
        size=(8, 10),
        data={"name": "pets", "fingerprint": "0" * 64},
        recipe={"name": "quick", "watch": "validation", "validation_fraction": 0.1},
    )
    write(path, tiny_network, description)
    return path


@pytest.fixture(scope="session")
def write_run(tiny_model: Path) -> Callable[..., RunFolder]:
    """Writes a finished run that has judged pictures; the pictures are `test/000`, `test/001`, ... unless they are named."""

    def write(
        path: Path,
        labels: Sequence[str],
        answers: Sequence[str],
        *,
        probabilities: Sequence[float] | float = 0.9,
        names: Sequence[str] | None = None,
        classes: Sequence[str] = ("cat", "dog", "frog"),
        seed: int = 0,
        metrics: Mapping[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        has_model: bool = False,
    ) -> RunFolder:
        run = RunFolder(path)
        path.mkdir(parents=True)
        sure = [probabilities] * len(labels) if isinstance(probabilities, float) else probabilities
        called = names or [f"test/{number:03}" for number in range(len(labels))]
        run.write_predictions(zip(called, labels, answers, sure, strict=True))
        right = sum(label == answer for label, answer in zip(labels, answers, strict=True)) / len(labels)
        test = {"accuracy": right, "balanced_accuracy": right, "per_class": {name: {} for name in classes}}
        told = {"data": "photos", "seed": seed, "train_seconds": 12.5, "interrupted": False, "few": None, "test": test}
        run.write_metrics({**told, **(metrics or {})})
        run.write_args({"data": "photos", "recipe": "quick", "seed": seed, "set": {"epochs": 3}, **(arguments or {})})
        if has_model:
            run.model.write_bytes(tiny_model.read_bytes())
        return run

    return write
