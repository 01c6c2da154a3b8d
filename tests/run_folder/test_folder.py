"""Run folders: made, never overwritten, read back."""

from __future__ import annotations

import csv
import errno
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from eyespot.errors import RunError
from eyespot.run_folder import Epoch, RunFolder, create, create_at, discard, run_name

HISTORY = (
    Epoch(1, 1.25, 0.5, 1.125, 0.625, 1e-4, 46.5),
    Epoch(2, 0.75, 0.75, None, None, 9.9e-5, 45.25),
)


def test_every_file_of_a_run_has_its_documented_name(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "letters-1")

    found = {
        run.args.name,
        run.history.name,
        run.metrics.name,
        run.model.name,
        run.keras_model.name,
        run.predictions.name,
        run.skipped.name,
        run.report.name,
        run.curves.name,
        run.confusion_matrix.name,
        run.card.name,
        run.checkpoints.name,
    }

    assert run.name == "letters-1"
    assert found == {
        "args.yaml",
        "history.csv",
        "metrics.json",
        "model.onnx",
        "model.keras",
        "predictions.csv",
        "skipped.csv",
        "report.html",
        "curves.png",
        "confusion_matrix.png",
        "README.md",
        "checkpoints",
    }


@pytest.mark.parametrize(
    ("data", "recipe", "expected"),
    [
        ("letters", "tutorial", "letters-tutorial-2026-11-22-1830"),
        ("/home/me/My Photos (2)/", "recipes/my_recipe.py", "my-photos-2-my-recipe-2026-11-22-1830"),
        ("../..", "quick", "data-quick-2026-11-22-1830"),
        ("Чашки", "quick", "чашки-quick-2026-11-22-1830"),
        ("x" * 300, "quick", "x" * 40 + "-quick-2026-11-22-1830"),
    ],
)
def test_a_run_is_named_after_data_recipe_and_minute(data: str, recipe: str, expected: str) -> None:
    assert run_name(data, recipe, datetime(2026, 11, 22, 18, 30)) == expected


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = [create(tmp_path / "runs", "letters").name for _ in range(3)]

    assert names == ["letters", "letters-2", "letters-3"]


def test_a_run_goes_to_the_runs_folder_here_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert create(None, "letters").path.resolve() == tmp_path / "runs" / "letters"


def test_runs_begun_at_once_never_share_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: create(tmp_path / "runs", "same").path, range(64)))

    assert len(set(made)) == 64


def test_a_run_cannot_be_made_inside_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(RunError, match="runs"):
        create(tmp_path / "runs", "letters")


def test_out_takes_a_folder_that_is_new_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert create_at(tmp_path / "deep" / "new").path.is_dir()
    assert create_at(tmp_path / "empty").path == tmp_path / "empty"


def test_out_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(RunError, match="is not empty, and nothing in it is overwritten"):
        create_at(tmp_path)


def test_out_refuses_a_run_even_an_unfinished_one(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_args({"recipe": "tutorial"})

    with pytest.raises(RunError, match="holds a run already"):
        create_at(tmp_path)


def test_out_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")

    with pytest.raises(RunError, match="notes is not a folder"):
        create_at(tmp_path / "notes")
    with pytest.raises(RunError, match="deeper is not a folder"):
        create_at(tmp_path / "notes" / "deeper")


def test_a_discarded_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = create(None, "run")
    run.write_args({"data": "letters"})
    run.checkpoints.mkdir()
    discard(run)
    assert list(tmp_path.iterdir()) == []
    discard(create_at(Path("runs/by-name").absolute()))
    assert list(tmp_path.iterdir()) == []
    discard(run)  # once more is no fault


def test_a_discarded_run_takes_no_other_and_no_folder_of_the_users_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other, run = create(None, "other"), create(None, "run")
    discard(run)
    discard(create_at(tmp_path / "experiments" / "one"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["experiments", "runs"]
    assert list(Path("runs").iterdir()) == [other.path]


def test_a_run_is_finished_once_metrics_are_written(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    states = [(run.is_run, run.is_finished)]

    run.write_args({"recipe": "tutorial"})
    states.append((run.is_run, run.is_finished))
    run.write_metrics({"epochs": 3})
    states.append((run.is_run, run.is_finished))

    assert states == [(False, False), (True, False), (True, True)]


def test_arguments_come_back_in_their_order(tmp_path: Path) -> None:
    arguments = {"recipe": "tutorial", "data": "Fotos/Ä", "learning_rate": 1e-4, "patience": None, "size": [32, 32], "on": True}
    run = RunFolder(tmp_path)

    run.write_args(arguments)

    assert list(run.read_args().items()) == list(arguments.items())
    assert yaml.safe_load(run.args.read_text(encoding="utf-8")) == arguments


def test_metrics_are_plain_json_with_null_for_what_is_no_number(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    run.write_metrics({"loss": float("nan"), "test": {"accuracy": 0.5, "per_class": [float("inf"), 1]}, "name": "Ä"})

    assert json.loads(run.metrics.read_text(encoding="utf-8"), parse_constant=pytest.fail) == run.read_metrics()
    assert run.read_metrics() == {"loss": None, "test": {"accuracy": 0.5, "per_class": [None, 1]}, "name": "Ä"}


def test_history_comes_back_and_its_file_has_the_documented_columns(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    run.write_history(HISTORY)

    assert run.read_history() == HISTORY
    assert run.history.read_text(encoding="utf-8").splitlines() == [
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds",
        "1,1.25,0.5,1.125,0.625,0.0001,46.5",
        "2,0.75,0.75,,,9.9e-05,45.25",
    ]


def test_predictions_have_the_documented_columns_and_keep_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    run.write_predictions([('cats/a "b", c.png', "cat", "dog\nhot", 0.51234567)])

    with run.predictions.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["filename", "label", "predicted", "probability"],
            ['cats/a "b", c.png', "cat", "dog\nhot", "0.512346"],
        ]


def test_names_that_a_spreadsheet_would_compute_are_defused(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    run.write_predictions([("=HYPERLINK(A1).png", "@SUM(A1)", "-5", 0.5)])
    run.write_skipped([("+cmd.png", "=1+1")])

    with run.predictions.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1][:3] == ["./=HYPERLINK(A1).png", "'@SUM(A1)", "-5"]
    with run.skipped.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["path", "reason"], ["./+cmd.png", "'=1+1"]]


def test_predictions_are_read_as_they_were_written_but_for_the_names_of_files(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_predictions([("=1.png", "@SUM(A1)", "dog\nhot", 0.25), ('a "b", c.png', "'cat", "-5", 1.0)])

    assert run.read_predictions() == [("./=1.png", "@SUM(A1)", "dog\nhot", 0.25), ('a "b", c.png', "'cat", "-5", 1.0)]


@pytest.mark.parametrize("row", ["a,cat", "a,cat,cat,high", "a,cat,cat,1\na,cat,cat,1"])
def test_predictions_that_are_damaged_are_an_error(tmp_path: Path, row: str) -> None:
    run = RunFolder(tmp_path)
    run.predictions.write_text(f"filename,label,predicted,probability\n{row}\n", encoding="utf-8")

    with pytest.raises(RunError, match=r"predictions\.csv is damaged"):
        run.read_predictions()


def test_file_names_that_are_not_utf_8_do_not_stop_the_writing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    run.write_skipped([("caf\udce9.jpg", "truncated")])

    assert run.skipped.read_text(encoding="utf-8").splitlines()[1] == r"caf\udce9.jpg,truncated"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "it is not JSON"),
        (b"[1, 2]", "it holds list"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"[" * 100_000, "it is not JSON"),
        (b"", "it is not JSON"),
    ],
)
def test_damaged_metrics_are_named(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "metrics.json").write_bytes(text)

    with pytest.raises(RunError, match=rf"metrics\.json is damaged: .*{reason}"):
        RunFolder(tmp_path).read_metrics()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("recipe: [", "it is not YAML"),
        ("just words", "it holds str"),
        ("!!python/object/apply:os.system ['true']", "it is not YAML"),
        ("recipe: \0", "it is not YAML"),
    ],
)
def test_damaged_or_hostile_arguments_are_named_and_nothing_is_run(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "args.yaml").write_text(text)

    with pytest.raises(RunError, match=rf"args\.yaml is damaged: .*{reason}"):
        RunFolder(tmp_path).read_args()


@pytest.mark.parametrize(
    "text", ["epoch,loss\n1,2\n", "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n1,x,,,,,\n"]
)
def test_a_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.csv").write_text(text)

    with pytest.raises(RunError, match=r"history\.csv is damaged"):
        RunFolder(tmp_path).read_history()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"metrics\.json is missing"):
        RunFolder(tmp_path).read_metrics()


def test_a_full_disk_leaves_the_old_history_and_no_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    run.write_history(HISTORY[:1])

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"history\.csv cannot be written: No space left on device"):
        run.write_history(HISTORY)

    assert run.read_history() == HISTORY[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]
