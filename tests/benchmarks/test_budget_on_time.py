"""The benchmark of budgets: what its table says, and the busy core beside a run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from budget_on_time import ROWS, one_core_busy, show


def result(row: str, seed: int, seconds: float, accuracy: float) -> dict[str, Any]:
    accuracies = {"held_out_accuracy": accuracy, "test_accuracy": accuracy - 0.1}
    return {"row": row, "seed": seed, "machine": {}, "seconds": seconds, "predicted_seconds": 19.0, **accuracies}


def test_the_table_has_the_means_of_each_row_beside_its_budget() -> None:
    names = [row.name for row in ROWS]
    assert "CIFAR-10, 20s, one core busy" in names
    table = show([result("96 pixels, 1m", 0, 57.0, 0.9), result("96 pixels, 1m", 1, 63.0, 0.8)])
    line = table.splitlines()[-1]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        *("96 pixels, 1m", "2", "19.0", "60.0", "57.0 to 63.0", "1.00", "85.0%", "75.0%"),
    ]


CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")
only_where_told = pytest.mark.skipif(not CHILDREN.exists(), reason="the system does not tell what processes this one has")


@only_where_told
def test_a_core_is_busy_within_and_free_again_afterwards() -> None:
    before = set(CHILDREN.read_text().split())
    with one_core_busy(True):
        (child,) = set(CHILDREN.read_text().split()) - before
        used = 0
        deadline = time.monotonic() + 20
        while used < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
            # The 14th field, counted behind the name, which may hold anything: hundredths of seconds of computing.
            used = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11])
        assert used >= 10
    assert not Path(f"/proc/{child}").exists()


@only_where_told
def test_a_quiet_machine_is_left_alone() -> None:
    before = CHILDREN.read_text()
    with one_core_busy(False):
        assert CHILDREN.read_text() == before
