"""What `predict_throughput.py` makes of its measurements."""

from __future__ import annotations

import pytest
from predict_throughput import compare, show


@pytest.fixture
def speeds() -> dict[tuple[str, str, int], list[float]]:
    return {
        ("tutorial", "Eyespot, float32", 1): [900.0, 1100.0, 1000.0],
        ("tutorial", "Keras on torch", 1): [40.0, 50.0, 60.0],
        ("tutorial", "Keras on jax", 1): [210.0, 190.0, 200.0],
        ("tutorial", "Keras on jax, model called", 1): [500.0, 500.0, 500.0],
        ("shipped", "Eyespot, float32", 256): [600.0],
        ("shipped", "Keras on jax", 256): [400.0],
    }


def test_each_side_is_compared_with_the_fastest_stock_predict_on_its_network_and_batch(
    speeds: dict[tuple[str, str, int], list[float]],
) -> None:
    rows = compare(speeds)
    times = {(row["network"], row["side"], row["batch"]): row["times_fastest_predict"] for row in rows}
    assert list(times.values()) == [5.0, 0.25, 1.0, 2.5, 1.5, 1.0]
    assert rows[0]["median"] == 1000
    assert (rows[0]["lowest"], rows[0]["highest"], rows[0]["n"]) == (900, 1100, 3)


def test_the_tables_show_speeds_by_network_and_what_the_integers_cost(speeds: dict[tuple[str, str, int], list[float]]) -> None:
    accuracy = [{"network": "shipped", "float32": 0.9312, "int8": 0.93, "same_answer": 0.995, "n": 10_000}]
    text = show([{}, {"rows": compare(speeds), "accuracy": accuracy}])
    first, second, third = text.split("\n\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in first.splitlines()]
    assert cells[0][:4] == ["tutorial, images/s", "batch 1", "lowest to highest", "times fastest predict"]
    assert cells[2] == ["Eyespot, float32", "1000", "900 to 1100", "5.00", *[""] * 6]
    assert "| 600 |" in " ".join(second.split())
    assert "93.12% | 93.00% | 0.12 | 99.50% | 10000" in " ".join(third.split())
