"""What the tests of runs share: pictures of two classes that every network tells apart, and a place of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyespot.backbones import joined
from eyespot.bundle import Description, write
from eyespot.data import Dataset, Part
from eyespot.network import Layer, Network


@dataclass
class Listener:
    """A `Progress` that remembers the lines and the names of the tasks."""

    notes: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "pictures") -> Iterator[Listener]:
        self.tasks.append(description)
        yield self

    def advance(self, amount: int = 1, **figures: float) -> None:
        pass

    def note(self, line: str) -> None:
        self.notes.append(line)

    def at_once(self, line: str) -> None:
        self.notes.append(line)

    def said(self, text: str) -> bool:
        return any(text in note for note in self.notes)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and EYESPOT_HOME in it, so that no backbone and no features of this machine's user are found."""
    place = tmp_path_factory.mktemp("place")
    monkeypatch.chdir(place)
    monkeypatch.setenv("EYESPOT_HOME", str(place / "home"))
    return place


@pytest.fixture(scope="session")
def write_photos(draw: Callable[..., Any]) -> Callable[[Path, Mapping[str, int]], Path]:
    """Writes class folders into a folder: {"train/dark": 3, ...}; pictures of `light` are light, those of `red` red."""

    def write(root: Path, counts: Mapping[str, int], seed: int = 0) -> Path:
        for inner, count in counts.items():
            (root / inner).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                picture = draw(seed) // 2 + (128 if inner.endswith("light") else 0)
                if inner.endswith("red"):
                    picture[..., 0] = 255 - picture[..., 0] // 4
                Image.fromarray(picture.astype(np.uint8)).save(root / inner / f"{i:02}.png")
                seed += 1
        return root

    return write


@pytest.fixture(scope="session")
def write_backbone() -> Callable[..., Path]:
    """Writes a model file: (path, size=(height, width), data={}, recipe={}) -> path; there are five features."""
    convolution = {
        "filters": 5,
        "kernel_size": [3, 3],
        "strides": [2, 2],
        "padding": "same",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": False,
    }
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 5)).astype(np.float32)

    def write_one(
        path: Path, size: tuple[int, int], data: Mapping[str, Any] | None = None, recipe: Mapping[str, Any] | None = None
    ) -> Path:
        layers = (
            Layer("pixels", "InputLayer", {"shape": [*size, 3]}, ()),
            Layer("conv", "Conv2D", convolution, ("pixels",), {"kernel": kernel}),
            Layer("pool", "GlobalAveragePooling2D", {"keepdims": False}, ("conv",)),
        )
        description = Description(("cat", "dog"), size, {"name": "birds", **(data or {})}, {"name": "quick", **(recipe or {})})
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, joined(Network(layers, "pool"), np.zeros((5, 2)), np.zeros(2)), description)
        return path

    return write_one


@pytest.fixture
def dataset() -> Callable[..., Dataset]:
    """Makes a data set of noise: (**labels of each part) -> Dataset; the names are `part/class/number.png`."""

    def made(**labels: Sequence[int]) -> Dataset:
        classes = ("cat", "dog", "frog")
        random = np.random.default_rng(0)
        parts = {
            name: Part(
                random.integers(0, 256, (len(own), 16, 16, 3), np.uint8),
                np.array(own, np.int64),
                tuple(f"{name}/{classes[label]}/{i}.png" for i, label in enumerate(own)),
            )
            for name, own in labels.items()
        }
        count = max(max(own) for own in labels.values()) + 1
        return Dataset("pets", classes[:count], parts)

    return made
