"""The study of frozen features on few pictures: what is drawn, what is run, and what its table says."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import few_pictures
import numpy as np
import pytest
from cifar10_copy import chosen_classes, first_of
from common import Measured
from few_pictures import FROZEN, HELD_OUT, LEARNED, SCRATCH, due, interval, row_name, show, write_draw

from eyespot import data
from eyespot.data.cifar10 import CLASSES
from eyespot.data.dataset import Part
from eyespot.run_folder import RunFolder

MakeFolder = Callable[[Mapping[str, int]], Path]
ONE, OTHER = ({"sha256": name, "accuracy": 0.876, "train_seconds": 271.4, "parameters": 9} for name in ("one", "other"))


def result(size: int, side: str, draw: int, accuracy: float, **changed: Any) -> dict[str, Any]:
    """One made-up result."""
    backbone = ONE if side == FROZEN else None
    made_up = {"row": row_name(size, side), "seed": draw, "backbone": backbone, "machine": {}, "seconds": 30.0 + draw}
    return made_up | {"accuracy": accuracy} | changed


def both(size: int, draw: int, scratch: float, frozen: float) -> list[dict[str, Any]]:
    return [result(size, SCRATCH, draw, scratch), result(size, FROZEN, draw, frozen, seconds=8.0)]


def cells(text: str, row: str) -> list[str]:
    """The cells of the line that begins with `row`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


# ------------------------------------------------------------------------------------------------ the table


def test_the_table_has_the_paired_difference_with_its_interval() -> None:
    # 10, 20 and 30 points: mean 20, deviation 10. For two degrees of freedom Student's t is 4.303: 4.303 * 10 / sqrt(3) = 24.8.
    table = show([*both(50, 0, 0.6, 0.7), *both(50, 1, 0.5, 0.7), *both(50, 2, 0.4, 0.7)])
    assert cells(table, "50") == ["50", "3", "50.0%", "70.0%", "+20.0 (-4.8 to +44.8)", "3", "31", "8"]
    assert cells(table, "20")[1] == cells(table, "130")[1] == "not measured"
    assert "87.6% of their test pictures rightly, after 271 s" in table


def test_where_from_scratch_is_better_the_table_says_so() -> None:
    table = show([*both(20, 0, 0.6, 0.5), *both(20, 1, 0.6, 0.6), *both(20, 2, 0.6, 0.7)])
    assert cells(table, "20")[4:6] == ["+0.0 (-24.8 to +24.8)", "1"]


def test_the_interval_is_students() -> None:
    # 1 to 10: mean 5.5, deviation 3.0277; the table of Student's t has 2.262 for nine degrees of freedom.
    assert interval(range(1, 11)) == pytest.approx((5.5 - 2.262 * 3.0277 / 10**0.5, 5.5 + 2.262 * 3.0277 / 10**0.5), abs=1e-3)


def test_a_draw_that_lacks_a_side_and_one_with_another_backbone_do_not_count() -> None:
    foreign = [result(20, SCRATCH, 3, 0.1), result(20, FROZEN, 3, 0.9, backbone=OTHER)]
    table = show([*foreign, result(20, SCRATCH, 1, 0.2), result(20, FROZEN, 2, 0.9), *both(20, 0, 0.6, 0.7)])
    assert cells(table, "20")[1:6] == ["1", "60.0%", "70.0%", "+10.0", "1"]


def test_before_anything_is_measured_every_size_says_so() -> None:
    assert [cells(show([]), str(size))[1] for size in few_pictures.SIZES] == ["not measured"] * 3


# ---------------------------------------------------------------------------------------------- the pictures


def test_the_backbone_learns_all_classes_but_those_held_out() -> None:
    assert sorted((*HELD_OUT, *LEARNED)) == sorted(CLASSES)


def test_classes_are_chosen_by_name_or_by_their_number() -> None:
    assert chosen_classes("ship,bird", CLASSES) == ["ship", "bird"]
    assert chosen_classes("3", CLASSES) == ["airplane", "automobile", "bird"]
    with pytest.raises(SystemExit, match=r"no class is called boat; there are airplane, "):
        chosen_classes("bird,boat", CLASSES)


def test_the_labels_of_the_chosen_classes_are_numbered_anew() -> None:
    labels = np.array([8, 3, 2, 8, 2], np.int64)
    images = np.arange(5, dtype=np.uint8).repeat(2 * 2 * 3).reshape(5, 2, 2, 3)
    chosen = first_of(Part(images, labels, ("a", "b", "c", "d", "e")), [8, 2], 3, 2)
    assert chosen.labels.tolist() == [0, 1, 0]
    assert chosen.names == ("a", "c", "d")
    assert chosen.images[:, 0, 0, 0].tolist() == [0, 2, 3]


@pytest.fixture
def pictures(make_folder: MakeFolder) -> Path:
    """Six training and two test pictures of each held-out class."""
    return make_folder({f"{part}/{name}": count for part, count in (("train", 6), ("test", 2)) for name in HELD_OUT})


def listed(table: Path) -> dict[str, set[str]]:
    """The pictures that a draw lists, by their part."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {part: {row["path"] for row in rows if row["split"] == part} for part in ("train", "test")}


def test_a_draw_is_a_data_set_of_as_many_pictures_of_each_class_and_all_test_pictures(pictures: Path) -> None:
    loaded = data.load(write_draw(pictures, 2, 0))
    assert loaded.classes == HELD_OUT
    assert {name: Counter(part.labels.tolist()) for name, part in loaded.parts.items()} == {
        "train": {0: 2, 1: 2, 2: 2},
        "test": {0: 2, 1: 2, 2: 2},
    }


def test_a_draw_is_the_same_each_time_another_than_the_next_and_part_of_a_larger_one(pictures: Path) -> None:
    small = listed(write_draw(pictures, 2, 0))
    assert listed(write_draw(pictures, 2, 0)) == small
    assert small["train"] < listed(write_draw(pictures, 4, 0))["train"]
    assert small["train"] != listed(write_draw(pictures, 2, 1))["train"]


# ------------------------------------------------------------------------------------------------- the study


def test_what_is_recorded_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_pictures, "machine", lambda: {})
    assert len(list(due([], ONE, 10))) == 10 * 3 * 2
    recorded = [*both(20, 0, 0.5, 0.6), *both(50, 0, 0.5, 0.6), result(130, SCRATCH, 0, 0.5, machine={"cores": 8})]
    assert list(due(recorded, ONE, 1)) == [(0, 130, SCRATCH), (0, 130, FROZEN)]
    assert list(due(recorded, OTHER, 1)) == [(0, 20, FROZEN), (0, 50, FROZEN), (0, 130, SCRATCH), (0, 130, FROZEN)]


def test_both_sides_get_the_same_draw_and_seed_and_frozen_features_nothing_else_to_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
        assert not Path(environment["EYESPOT_HOME"]).exists()
        words = list(command[1:])
        del words[words.index("--out") : words.index("--out") + 2]
        if "--config" in words:
            assert Path(words[words.index("--config") + 1]).read_text(encoding="utf-8") == "from_scratch: false\n"
            del words[words.index("--config") : words.index("--config") + 2]
        commands.append(words)
        return Measured(12.0, 0, json.dumps({"test": {"accuracy": 0.75, "n": 3000}}))

    monkeypatch.setattr(few_pictures, "measure", measure)
    backbone = RunFolder(tmp_path / "backbone")
    backbone.path.mkdir()
    backbone.model.write_bytes(b"a model")
    backbone.write_metrics({"test": {"accuracy": 0.9}, "train_seconds": 300.0, "parameters": 5})
    results = [few_pictures.run(tmp_path / "draw.csv", 50, 7, side) for side in (None, backbone)]
    scratch, frozen = commands
    place = scratch.index("--backbone") + 1
    assert (scratch[place], frozen[place]) == ("none", str(backbone.model))
    assert scratch[-2:] == ["--budget", "1m"]
    assert scratch[:place] + scratch[place + 1 : -2] == frozen[:place] + frozen[place + 1 :]
    assert scratch[:2] == ["train", str(tmp_path / "draw.csv")]
    assert scratch[scratch.index("--seed") + 1] == "7"
    assert [(each["row"], each["seed"], each["accuracy"]) for each in results] == [
        ("50 of each class, from scratch", 7, 0.75),
        ("50 of each class, frozen features", 7, 0.75),
    ]
    assert results[0]["backbone"] is None
    assert results[1]["backbone"]["accuracy"] == 0.9
