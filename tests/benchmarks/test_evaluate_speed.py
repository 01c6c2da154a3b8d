"""What `evaluate_speed.py` makes of its measurements, and whether the shipped model's weights are told to be the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from calibrate_shipped import judged, same_weights
from evaluate_speed import aim, show
from sklearn.metrics import accuracy_score, log_loss

from eyespot.network import Network
from eyespot.runs.candidate import with_temperature


@pytest.fixture
def result() -> dict[str, Any]:
    rows = [
        {"side": "eyespot evaluate --report", "median": 21.5, "lowest": 21.0, "highest": 23.0, "n": 5},
        {"side": "ONNX Runtime alone, without start", "median": 16.0, "lowest": 15.5, "highest": 17.25, "n": 5},
    ]
    return {"rows": rows, "report_bytes": 3_140_000}


def test_the_table_shows_both_sides_and_what_was_aimed_at(result: dict[str, Any]) -> None:
    shown, _, below = show([{}, result]).partition("\n\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    assert cells[2] == ["eyespot evaluate --report", "21.5", "21.0 to 23.0", "5"]
    assert below == "Aimed at: 25.8 s. The page has 3.1 MB."
    assert aim(10) == 18


def test_a_temperature_changes_no_weight_and_a_changed_weight_is_seen(tiny_network: Network) -> None:
    assert same_weights(tiny_network, with_temperature(tiny_network, 0.4))
    weights = tiny_network.by_name["conv"].weights
    changed = tiny_network.with_weights({"conv": {**weights, "bias": weights["bias"] + np.float32(1e-6)}})
    assert not same_weights(tiny_network, changed)


def test_the_figures_of_the_shipped_model_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    probabilities, labels = generator.dirichlet(np.ones(3), 200), generator.integers(0, 3, 200)
    found = judged(probabilities, labels, ("a", "b", "c"))
    assert found["n"] == 200
    assert found["accuracy"]["estimate"] == pytest.approx(accuracy_score(labels, probabilities.argmax(axis=1)))
    assert found["loss"]["estimate"] == pytest.approx(log_loss(labels, probabilities))
