"""The benchmark of pretrained networks: what its table says, measured or not, and what is run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pretrained
import pytest
from common import Measured
from pretrained import NETWORKS, ROWS, SCRATCH, at_hand, described, due, show

from eyespot.errors import DownloadError
from eyespot.models.applications import APPLICATIONS

PHOTOGRAPHS = {"name": "clothes", "pictures": 1631, "listing": "0" * 64}
RESNET = "keras:ResNet50V2"


def result(row: str, seed: int, accuracy: float, **changed: Any) -> dict[str, Any]:
    """One made-up result."""
    made_up = {"row": row, "seed": seed, "machine": {}, "photographs": PHOTOGRAPHS, "seconds": 40.0 + 2 * seed}
    return made_up | {"accuracy": accuracy, "balanced_accuracy": accuracy - 0.1} | changed


def cells(text: str, row: str) -> list[str]:
    """The cells of the line that begins with `row`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_means_and_how_far_each_network_is_ahead_of_every_seed_from_scratch() -> None:
    measured = [(SCRATCH, 0, 0.5), (SCRATCH, 1, 0.7), (SCRATCH, 2, 0.6), (RESNET, 0, 0.8)]
    table = show([result(*each) for each in measured])
    assert "1,631 photographs (clothes)" in table
    assert cells(table, SCRATCH) == [SCRATCH, "3", "42.0 (2.0)", "60.0% (10.0%)", "50.0% (10.0%)", ""]
    # 30, 10 and 20 points: mean 20, deviation 10. What was measured once has no deviation of its own.
    assert cells(table, RESNET) == [RESNET, "1", "40.0", "80.0%", "70.0%", "+20.0 (10.0)"]


def test_what_does_not_follow_from_a_seed_is_run_once() -> None:
    assert due([SCRATCH, RESNET], 3) == [(SCRATCH, 0), (SCRATCH, 1), (SCRATCH, 2), (RESNET, 0)]


def test_a_row_without_results_is_not_measured() -> None:
    table = show([result(SCRATCH, 0, 0.5)])
    assert [cells(table, row)[1:] for row in ROWS[1:]] == [["not measured", "", "", "", ""]] * 5
    assert all(cells(show([]), row)[1] == "not measured" for row in ROWS)


def test_results_on_other_photographs_do_not_count() -> None:
    other = PHOTOGRAPHS | {"listing": "1" * 64}
    table = show([result(RESNET, 0, 0.9, photographs=other), result(SCRATCH, 0, 0.5), result(SCRATCH, 1, 0.7)])
    assert cells(table, RESNET)[1] == "not measured"
    assert cells(table, SCRATCH)[1] == "2"


def test_the_networks_are_in_the_catalog() -> None:
    assert set(NETWORKS) <= set(APPLICATIONS)


def test_photographs_are_told_apart_by_their_names_and_sizes(tmp_path: Path) -> None:
    for name in ("a/1.JPG", "b/2.png", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    before = described(tmp_path)
    assert (before["name"], before["pictures"]) == (tmp_path.name, 2)
    (tmp_path / "b/notes.txt").write_bytes(b"longer")
    assert described(tmp_path) == before
    (tmp_path / "b/2.png").rename(tmp_path / "a/2.png")
    renamed = described(tmp_path)
    (tmp_path / "a/2.png").write_bytes(b"longer")
    assert len({before["listing"], renamed["listing"], described(tmp_path)["listing"]}) == 3


def test_a_network_whose_weights_cannot_be_had_is_said_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(name: str) -> Path:
        if name == "ResNet50V2":
            raise DownloadError("EYESPOT_OFFLINE is set, so nothing is downloaded")
        return tmp_path / name

    monkeypatch.setattr(pretrained, "fetch_weights", fetch)
    found = at_hand(ROWS)
    assert list(found) == [row for row in ROWS if row != RESNET]
    assert (found[SCRATCH], found["keras:ConvNeXtTiny"]) == (None, tmp_path / "ConvNeXtTiny")
    assert capsys.readouterr().err == f"{RESNET}: not measured: EYESPOT_OFFLINE is set, so nothing is downloaded\n"


def test_a_run_finds_the_weights_and_nothing_else_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.h5").write_bytes(b"weights")
    seen = []

    def measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
        home = Path(environment["EYESPOT_HOME"])
        cached = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}
        seen.append((command[command.index("--backbone") + 1], cached))
        test = {"accuracy": 0.75, "balanced_accuracy": 0.7, "n": 181}
        return Measured(12.0, 0, json.dumps({"parameters": 9, "test": test}))

    monkeypatch.setattr(pretrained, "measure", measure)
    without = pretrained.run(SCRATCH, tmp_path, 0, None)
    withal = pretrained.run(RESNET, tmp_path, 0, tmp_path / "weights.h5")
    assert seen == [("none", {}), (RESNET, {"backbones/weights.h5": b"weights"})]
    assert (without["row"], withal["row"], withal["accuracy"], withal["seconds"]) == (SCRATCH, RESNET, 0.75, 12.0)
