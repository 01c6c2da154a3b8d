"""The benchmark of features: what is compared, what its table says, and that the photographs are what they are said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from feature_speed import NETWORKS, compared, draw_photographs, show
from PIL import Image

from eyespot.models.applications import APPLICATIONS


def turn(own: float, torch: float, tensorflow: float, head: float = 2.0) -> dict[str, Any]:
    """One made-up turn."""
    return {
        "eyespot": {"features": own, "mirrored": 1.0, "head": head},
        "torch": {"features": torch},
        "tensorflow": {"features": tensorflow},
    }


def test_the_fastest_backend_is_compared_turn_by_turn() -> None:
    row = compared("ResNet50V2", [turn(10, 30, 20), turn(10, 12, 30), turn(20, 33, 30, head=4.0)])
    # Medians: torch 30, TensorFlow 30, and of equal ones the first.
    assert row["ratios"]["values"] == [3.0, 1.2, 1.65]
    row = compared("ResNet50V2", [turn(10, 31, 20), turn(10, 32, 30), turn(20, 33, 30)])
    assert row["ratios"]["values"] == [2.0, 3.0, 1.5]
    assert row["head"]["median"] == 2.0


def test_the_table_says_what_was_not_measured() -> None:
    row = compared("ResNet50V2", [turn(10, 30, 20), turn(10, 30, 20)])
    alone = compared("ConvNeXtTiny", [{"eyespot": {"features": 8.0, "mirrored": 3.0, "head": 1.0}}])
    text = show([{"count": 800, "rows": [row, alone]}])
    assert "2 turns; the search for near duplicates counts nowhere:" in text
    both, only = text.splitlines()[-2:]
    cells = ["ResNet50V2", "10.0 (10.0 to 10.0)", "30.0 (30.0 to 30.0)", "20.0 (20.0 to 20.0)", "not measured"]
    assert [cell.strip() for cell in both.strip("|").split("|")] == [
        *cells,
        "2.00 (2.00 to 2.00)",
        "1.0 (1.0 to 1.0)",
        "2.0 (2.0 to 2.0)",
    ]
    assert [cell.strip() for cell in only.strip("|").split("|")][2:6] == ["not measured"] * 4


def test_the_photographs_are_as_large_as_is_said_and_in_five_classes(tmp_path: Path) -> None:
    draw_photographs(tmp_path, 10)
    paths = sorted(tmp_path.rglob("*.jpg"))
    assert len(paths) == 10
    assert len({path.parent for path in paths}) == 5
    assert len({path.read_bytes() for path in paths}) == 10
    with Image.open(paths[0]) as photograph:
        assert photograph.size == (400, 500)


def test_the_networks_are_in_the_catalog() -> None:
    assert set(NETWORKS) <= set(APPLICATIONS)
