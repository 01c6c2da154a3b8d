"""What the tests of the command share: a working folder with a finished run, pictures, and the command itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyespot.cli import main
from eyespot.run_folder import RunFolder

CLASSES = ("cat", "dog", "frog")


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def workplace(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: an empty one, but for the finished run `pets` in runs."""
    monkeypatch.chdir(tmp_path)
    run = RunFolder(Path("runs/pets"))
    run.path.mkdir(parents=True)
    run.model.write_bytes(tiny_model.read_bytes())
    run.write_args({"data": "photos", "recipe": "quick"})
    run.write_metrics({"recipe": "quick", "data": "photos", "epochs": 3, "test": {"accuracy": 0.75, "balanced_accuracy": 0.5}})
    return tmp_path


@pytest.fixture
def photos(workplace: Path) -> Path:
    """A folder `photos` with four pictures of each of the model's classes, named after them."""
    generator = np.random.default_rng(7)
    for name in CLASSES:
        (workplace / "photos" / name).mkdir(parents=True)
        for number in range(4):
            color = generator.integers(0, 256, 3, dtype=np.uint8)
            pixels = np.full((16, 20, 3), color, np.uint8)
            pixels[:, ::3] = generator.integers(0, 256, 3, dtype=np.uint8)
            Image.fromarray(pixels).save(workplace / "photos" / name / f"{name}{number}.png")
    return Path("photos")


@pytest.fixture
def eyespot(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs the command with the given words."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run
