"""The PNGs of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from eyespot.errors import RunError
from eyespot.evaluation.figures import RIGHT, TRAIN, WATCHED, WRONG, write_confusion_matrix, write_curves
from eyespot.run_folder import Epoch

HISTORY = [Epoch(i, 2 / i, 1 - 0.7 / i, 2.2 / i, 1 - 0.8 / i, 1e-3, 1.0) for i in range(1, 8)]


def share_of(color: str, path: Path) -> float:
    """The share of a picture's pixels that have about this color."""
    with Image.open(path) as opened:
        picture: NDArray[np.int64] = np.asarray(opened.convert("RGB")).astype(np.int64)
    wanted = np.rint(255 * np.array(to_rgb(color)))
    return float((np.abs(picture - wanted).max(axis=2) <= 3).mean())


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(path) as opened:
        return opened.size


def test_both_parts_have_their_curve(tmp_path: Path) -> None:
    write_curves(tmp_path / "curves.png", HISTORY, "validation")

    assert share_of(TRAIN, tmp_path / "curves.png") > 0.001
    assert share_of(WATCHED, tmp_path / "curves.png") > 0.001


def test_a_part_that_was_not_watched_has_none(tmp_path: Path) -> None:
    history = [Epoch(i, 2 / i, 1 - 0.7 / i, None, None, 1e-3, 1.0) for i in range(1, 8)]

    write_curves(tmp_path / "curves.png", history, None)

    assert share_of(TRAIN, tmp_path / "curves.png") > 0.001
    assert share_of(WATCHED, tmp_path / "curves.png") == 0


def test_a_part_that_was_watched_now_and_then_has_its_curve_all_the_same(tmp_path: Path) -> None:
    long = [Epoch(i, 2 / i, 1 - 0.7 / i, 2.2 / i, 1 - 0.8 / i, 1e-3, 1.0) for i in range(1, 201)]
    now_and_then = [epoch if epoch.epoch % 4 == 1 else replace(epoch, val_loss=None, val_accuracy=None) for epoch in long]
    write_curves(tmp_path / "always.png", long, "test")
    write_curves(tmp_path / "now_and_then.png", now_and_then, "test")

    assert share_of(WATCHED, tmp_path / "now_and_then.png") > 0.8 * share_of(WATCHED, tmp_path / "always.png")


@pytest.mark.parametrize(
    "history",
    [[], HISTORY[:1], [Epoch(1, float("nan"), 0.1, float("inf"), None, 1e-3, 1.0)], [*HISTORY] * 60],
    ids=["empty", "one epoch", "diverged", "long"],
)
def test_any_history_can_be_drawn(tmp_path: Path, history: list[Epoch]) -> None:
    write_curves(tmp_path / "curves.png", history, "test")

    assert size_of(tmp_path / "curves.png") > (1000, 400)


def test_right_answers_and_mistakes_have_colors_of_their_own(tmp_path: Path) -> None:
    write_confusion_matrix(tmp_path / "right.png", [[5, 0], [0, 5]], ["cat", "dog"])
    write_confusion_matrix(tmp_path / "wrong.png", [[0, 5], [5, 0]], ["cat", "dog"])

    assert share_of(RIGHT, tmp_path / "right.png") > 0.1
    assert share_of(WRONG, tmp_path / "right.png") == 0
    assert share_of(RIGHT, tmp_path / "wrong.png") == 0
    assert share_of(WRONG, tmp_path / "wrong.png") > 0.1


@pytest.mark.parametrize("count", [2, 26, 31, 100, 1000])
def test_any_number_of_classes_fits_on_a_screen(tmp_path: Path, count: int) -> None:
    write_confusion_matrix(tmp_path / "matrix.png", np.eye(count, dtype=int).tolist(), [f"class {i}" for i in range(count)])

    width, height = size_of(tmp_path / "matrix.png")
    assert 400 < width < 2400
    assert 400 < height < 2400


@pytest.mark.parametrize("name", ["$x^", r"$\undefined$", "猫 🦊", "a\nb", "x" * 500, "", "_hidden", "<b>&"])
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    write_confusion_matrix(tmp_path / "matrix.png", [[1, 0], [1, 0]], [name, "other"])
    write_curves(tmp_path / "curves.png", HISTORY, name)

    assert size_of(tmp_path / "matrix.png")[0] < 1500


def test_a_folder_that_is_gone_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"matrix\.png cannot be written"):
        write_confusion_matrix(tmp_path / "gone" / "matrix.png", [[1]], ["one"])
