"""The study of accuracy against seconds: what is run, and what its tables and its picture say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import accuracy_figure
import pytest
import quick_against_tutorial
from accuracy_speed import chosen_rows, show
from PIL import Image
from speed_results import best_forms, by_row
from speed_runs import ROWS

Results = Callable[..., None]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HERE, ELSEWHERE = {"processor": "one", "cores": 2}, {"processor": "another", "cores": 8}


def result(row: str, seed: int = 0, seconds: float = 100.0, accuracy: float = 0.9, **changed: Any) -> dict[str, Any]:
    """One made-up result; two views are 1 point better, six 2 points, all pictures 3 points worse."""
    views = {
        str(count): {"balanced_exact": accuracy + gain, "all": accuracy + gain - 0.03}
        for count, gain in ((1, 0.0), (2, 0.01), (6, 0.02))
    }
    made_up = {
        "benchmark": "accuracy_speed",
        "machine": HERE,
        "row": row,
        "seed": seed,
        "seconds": seconds,
        "train_seconds": seconds / 2,
        "warm_up_seconds": None,
        "peak_bytes": 1_200_000_000,
        "parameters": 12_345,
        "test": {"n": 10_000, "n_exact": 5_677, "views": views},
    }
    return made_up | changed


def tutorial(images_per_second: float = 1000.0, epochs: int = 40) -> list[dict[str, Any]]:
    """Made-up results of the tutorial to its end, and of stock Keras' speed."""
    rows = [
        {"variant": "Eyespot, float32", "median": 9000.0},
        {"variant": "Keras on torch, float32", "median": images_per_second / 2},
        {"variant": "Keras on tensorflow, float32", "median": images_per_second},
        {"variant": "Keras on jax, bfloat16", "median": 2 * images_per_second},
        {"variant": "Keras on torch, bfloat16", "median": images_per_second},
    ]
    test = {"accuracy": 0.77, "balanced_accuracy": 0.76}
    return [
        {"benchmark": "training_throughput", "machine": HERE, "rows": rows},
        {"benchmark": "tutorial_accuracy", "epochs": epochs, "all_test_pictures": test, "exact_test_pictures": test},
    ]


def cells(text: str, row: str) -> list[str]:
    """The cells of the first line of a Markdown table that begins with `row`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


# ------------------------------------------------------------------------------------------------ results


def test_the_latest_result_of_a_row_and_seed_counts_and_only_on_the_machine_that_measured_last() -> None:
    rows = by_row(
        [
            result("quick", 0, 50.0, machine=ELSEWHERE),
            result("accurate", 0, 60.0, machine=ELSEWHERE),
            result("quick", 0, 20.0),
            result("quick", 1, 22.0),
            result("quick", 0, 18.0),
        ]
    )
    assert {row: [each["seconds"] for each in results] for row, results in rows.items()} == {"quick": [18.0, 22.0]}
    assert by_row([]) == {}


def test_only_runs_with_the_settings_that_a_recipe_had_last_count() -> None:
    old, new = {"epochs": 8}, {"epochs": 9}
    results = [result("accurate", seed, settings=old) for seed in (0, 1)] + [result("accurate", 0, settings=new)]
    assert [(found["seed"], found["settings"]) for found in by_row(results)["accurate"]] == [(0, new)]


def test_the_fastest_form_of_each_peer_is_the_one_with_the_least_mean_seconds() -> None:
    forms = [("airbench94_muon", 900), ("airbench94_muon+compiled", 700), ("cifar10_speedrun", 800), ("quick", 20)]
    slow_once = result("airbench94_muon+compiled", 1, 1000.0)
    assert best_forms(by_row([result(row, seconds=float(seconds)) for row, seconds in forms])) == [
        "airbench94_muon+compiled",
        "cifar10_speedrun",
    ]
    assert best_forms(by_row([*(result(row, seconds=float(seconds)) for row, seconds in forms[:2]), slow_once])) == [
        "airbench94_muon+compiled"
    ]
    assert best_forms(by_row([result("airbench94_muon", seconds=840.0), result(forms[1][0], seconds=700.0), slow_once])) == [
        "airbench94_muon"
    ]


def test_a_peer_has_a_fastest_form_with_each_type_of_weights_and_with_and_without_eyespots_allocator() -> None:
    forms = {
        "airbench94_muon": 900.0,
        "airbench94_muon+compiled": 950.0,
        "airbench94_muon+allocator": 800.0,
        "airbench94_muon+allocator+float32-weights": 850.0,
    }
    rows = by_row([result(row, seconds=seconds) for row, seconds in forms.items()])
    assert best_forms(rows) == [name for name in forms if name != "airbench94_muon+compiled"]


# ----------------------------------------------------------------------------------------------- the study


def test_rows_are_chosen_by_name_and_by_pattern() -> None:
    assert [row.name for row in chosen_rows("quick,budget-*m")] == ["quick", "budget-1m", "budget-5m", "budget-20m"]
    assert chosen_rows("") == list(ROWS)
    assert chosen_rows("tutorial")[0].options == ("--recipe", "tutorial")
    named = chosen_rows("airbench94_muon+compiled+float32-weights")[0]
    assert named.options == ("--compiled", "--float32-weights")
    assert named.script == "airbench94_muon"


@pytest.mark.parametrize("name", ["quickest", "airbench94_muon+turbo", "quick,"])
def test_a_row_that_there_is_not_is_an_error_that_lists_those_there_are(name: str) -> None:
    with pytest.raises(SystemExit, match=r"no row is called .*quick, quick-float32"):
        chosen_rows(name)


def test_what_computes_the_same_as_another_row_is_run_once() -> None:
    rows = chosen_rows("airbench94_muon,airbench94_muon+allocator,quick,accurate")
    assert [row.seeds for row in rows] == [1, 3, 5, 3]


def test_the_tables_give_mean_and_deviation_over_seeds() -> None:
    table = show([result("quick", 0, 18.0, 0.77), result("quick", 1, 20.0, 0.79)])
    assert "5,677 test pictures known to be exact" in table
    exact, everything = table.split("Plain accuracy")
    assert cells(exact, "quick") == [
        *("quick", "2", "19.0 (1.4)", "9.5 (0.7)", "", "1.20 (0.00)"),
        *("78.00% (1.41%)", "79.00% (1.41%)", "80.00% (1.41%)"),
    ]
    assert cells(everything, "quick")[:6] == ["quick", "2", "75.00% (1.41%)", "76.00% (1.41%)", "77.00% (1.41%)", "12,345"]


def test_accurate_is_compared_with_the_fastest_form_of_each_peer() -> None:
    results = [
        result("accurate", seconds=600.0, accuracy=0.925),
        result("airbench94_muon", seconds=1200.0, accuracy=0.92),
        result("airbench94_muon+compiled", seconds=1000.0, accuracy=0.93),
    ]
    table = show(results)
    expected = ["accurate against airbench94_muon+compiled", "0.60", "0.60", *["-0.50"] * 6]
    assert cells(table, "accurate against airbench94_muon+compiled") == expected
    assert "against airbench94_muon " not in table
    assert "against" not in show(results[1:])


def test_without_exact_pictures_the_tables_leave_that_figure_out() -> None:
    document = result("quick")
    document["test"] |= {"n_exact": None, "views": {views: {"balanced_exact": None, "all": 0.8} for views in ("1", "2", "6")}}
    exact, everything = show([document]).split("Plain accuracy")
    assert cells(exact, "quick")[-3:] == ["", "", ""]
    assert cells(everything, "quick")[2:5] == ["80.00%"] * 3


def test_a_process_is_measured_with_its_memory() -> None:
    # From a process that is small itself: the system counts what a parent held as the child's least.
    child = [sys.executable, "-c", "print(len(b'x' * 300_000_000))"]
    script = f"from common import measure; m = measure({child}); print(m.seconds, m.peak_bytes, m.output)"
    done = subprocess.run([sys.executable, "-c", script], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    seconds, peak, output = done.stdout.split()
    assert 0 < float(seconds) < 60
    assert 300e6 < int(peak) < 400e6
    assert output == "300000000"


def test_a_process_that_fails_is_an_error_with_what_it_said() -> None:
    from common import measure

    with pytest.raises(SystemExit, match=r"(?s)exit code 3:.*the reason"):
        measure([sys.executable, "-c", "import sys; sys.stderr.write('the reason'); sys.exit(3)"])


# --------------------------------------------------------------------------------------------- the tutorial


def test_the_tutorial_takes_its_epochs_at_the_speed_of_the_fastest_backend(results: Results) -> None:
    results(*tutorial(images_per_second=1000.0, epochs=40), result("quick", seconds=20.0))
    passes = [{"precision": "float32", "median": 2.0}, {"precision": "bfloat16", "median": 1.0}]
    elsewhere = {"machine": ELSEWHERE, "rows": [{**row, "median": 9.0} for row in passes]}
    table = quick_against_tutorial.show([{"machine": HERE, "rows": passes}, elsewhere])
    assert cells(table, "float32, Keras on tensorflow")[1:] == ["40", "1000", "2000", "80", "20.0", "100", "104"]
    assert cells(table, "bfloat16, Keras on jax")[1:] == ["40", "2000", "1000", "40", "20.0", "50", "52"]


def test_the_tutorials_speed_on_another_machine_does_not_count(results: Results) -> None:
    results(*tutorial(), result("quick", seconds=20.0, machine=ELSEWHERE))
    assert "not measured yet" in quick_against_tutorial.show([])


def test_what_is_not_measured_yet_is_said_or_left_empty(results: Results) -> None:
    results()
    assert "not measured yet" in quick_against_tutorial.show([])
    results(*tutorial())
    assert cells(quick_against_tutorial.show([]), "float32, Keras on tensorflow")[1:] == ["40", "1000", "2000", "0", "", "", ""]


# ---------------------------------------------------------------------------------------------- the picture


def test_the_picture_is_drawn_from_what_is_measured(results: Results, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    results(*tutorial())
    accuracy_figure.draw(picture)
    assert not picture.exists()
    results(*tutorial(), *(result("quick", seed, 18.0, 0.78 + 0.01 * seed) for seed in range(3)))
    accuracy_figure.draw(picture)
    with Image.open(picture) as opened:
        assert opened.size == (900, 520)


def test_the_picture_shows_every_recipe_and_budget_and_the_fastest_form_of_each_peer() -> None:
    rows = by_row(
        [
            result("budget-1m", seconds=59.0, accuracy=0.84),
            result("quick-float32", seconds=40.0),
            result("cifar10_speedrun", seconds=1200.0),
            result("cifar10_speedrun+allocator", seconds=1100.0, accuracy=0.921),
            result("cifar10_speedrun+allocator+float32-weights", seconds=1150.0, accuracy=0.919),
            result("airbench94_muon", seconds=1200.0, accuracy=0.92),
            result("airbench94_muon+float32-weights", seconds=1300.0, accuracy=0.93),
        ]
    )
    own, peers = (points(rows, "balanced_exact") for points in (accuracy_figure.own_points, accuracy_figure.peer_points))
    assert [(point.label, point.seconds, pytest.approx(point.mean)) for point in own] == [("--budget 1m", 59.0, 84.0)]
    assert {point.label: point.seconds for point in peers} == {"hiverge cifar10_speedrun": 1100.0, "airbench94_muon": 1300.0}


def test_the_tutorial_stands_in_the_picture_with_its_computed_time(results: Results) -> None:
    results(*tutorial(images_per_second=1000.0, epochs=40))
    first, second = accuracy_figure.tutorial_points("balanced_exact")
    assert (first.seconds, second.seconds) == (2000.0, 1000.0)
    assert (first.mean, first.deviation) == (76.0, 0.0)


def test_names_in_the_picture_do_not_cover_each_other(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {"quick": 18.0, "budget-20s": 19.0, "accurate": 600.0, "budget-20m": 610.0, "cifar10_speedrun": 620.0}
    results(*(result(row, seconds=seconds, accuracy=0.8 if seconds < 20 else 0.9) for row, seconds in near.items()))
    boxes = []
    place = accuracy_figure._name

    def look(axes: Any, *arguments: Any) -> None:
        place(axes, *arguments)
        boxes.extend(accuracy_figure._extent(text) for text in axes.texts)

    monkeypatch.setattr(accuracy_figure, "_name", look)
    accuracy_figure.draw(tmp_path / "picture.png")
    assert len(boxes) == len(near)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_the_picture_is_named_where_there_is_one() -> None:
    assert "accuracy_seconds.png" in show([result("quick")])
    assert "accuracy_seconds.png" not in show([result("airbench94_muon")])
