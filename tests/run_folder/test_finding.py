"""The runs that lie here, and which model a name means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eyespot.errors import ModelError, RunError
from eyespot.run_folder import Epoch, RunFolder, find_card, find_model, find_run, finished, latest, runs, shipped, summarize


def make_run(
    path: Path, *, at: float, is_finished: bool = True, accuracy: float = 0.75, interrupted: bool = False
) -> RunFolder:
    """A run as training leaves it, `at` seconds after the epoch."""
    run = RunFolder(path)
    path.mkdir(parents=True)
    run.write_args({"recipe": "tutorial", "data": "cifar10"})
    os.utime(run.args, (at, at))
    if is_finished:
        run.model.write_bytes(b"onnx")
        test = {"accuracy": accuracy, "balanced_accuracy": 0.5, "n": 8}
        metrics = {"recipe": "tutorial", "data": "cifar10", "epochs": 12, "train_seconds": 33.5, "test": test}
        run.write_metrics({**metrics, "interrupted": interrupted})
        os.utime(run.metrics, (at, at))
    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no shipped models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eyespot.run_folder.finding._SHIPPED", tmp_path / "package" / "shipped")
    return tmp_path


def ship(here: Path, name: str) -> Path:
    """Put a model into the package."""
    path = here / "package" / "shipped" / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"onnx")
    return path


def test_runs_are_listed_newest_first_and_strangers_are_not_runs(here: Path) -> None:
    make_run(here / "runs" / "old", at=1000)
    make_run(here / "runs" / "begun", at=3000, is_finished=False)
    make_run(here / "runs" / "new", at=2000)
    make_run(here / "runs" / ".hidden", at=4000)
    (here / "runs" / "empty").mkdir()
    (here / "runs" / "notes.txt").write_text("a file")

    assert [run.name for run in runs()] == ["begun", "new", "old"]
    assert [run.name for run in finished()] == ["new", "old"]


def test_without_a_runs_folder_there_are_no_runs(here: Path) -> None:
    assert runs() == []
    assert latest() is None


def test_the_latest_run_is_the_one_that_finished_last_and_has_its_model(here: Path) -> None:
    make_run(here / "runs" / "old", at=1000)
    make_run(here / "runs" / "stripped", at=2000).model.unlink()
    make_run(here / "runs" / "begun", at=3000, is_finished=False)

    found = latest()

    assert found is not None
    assert found.name == "old"


def test_a_run_that_was_interrupted_is_not_the_latest_but_can_be_named(here: Path) -> None:
    make_run(here / "runs" / "old", at=1000)
    make_run(here / "runs" / "broken-off", at=2000, interrupted=True)

    assert latest() == RunFolder(Path("runs/old"))
    for name in (None, "latest"):
        choice = find_model(name)
        assert choice.path == Path("runs/old/model.onnx")
        assert choice.origin.endswith(f"(not {Path('runs/broken-off')}, which was interrupted and is used where it is named)")
    named = find_model("broken-off")
    assert (named.path, named.origin) == (
        Path("runs/broken-off/model.onnx"),
        f"the interrupted run {Path('runs/broken-off')}",
    )


def test_an_interrupted_run_alone_is_no_finished_one(here: Path) -> None:
    make_run(here / "runs" / "broken-off", at=2000, interrupted=True)

    with pytest.raises(ModelError, match=r"there is no finished run in runs \(not .*broken-off, which was interrupted"):
        find_model("latest")

    ship(here, "cifar10")
    choice = find_model()

    assert choice.is_shipped
    assert "not runs" in choice.origin


def test_a_finished_run_in_a_line(here: Path) -> None:
    run = make_run(here / "runs" / "one", at=1_000_000)

    summary = summarize(run)

    assert (summary.name, summary.recipe, summary.data) == ("one", "tutorial", "cifar10")
    assert (summary.accuracy, summary.balanced_accuracy, summary.epochs, summary.seconds) == (0.75, 0.5, 12, 33.5)
    assert summary.is_finished
    assert summary.problem is None
    assert summary.date.timestamp() == 1_000_000
    assert summary.to_json()["accuracy"] == 0.75


def test_an_unfinished_run_in_a_line_says_how_far_it_came(here: Path) -> None:
    run = make_run(here / "runs" / "one", at=1000, is_finished=False)
    run.write_history([Epoch(1, 1.0, 0.5, None, None, 1e-4, 3.0), Epoch(2, 0.9, 0.6, None, None, 1e-4, 3.0)])

    summary = summarize(run)

    assert (summary.recipe, summary.epochs, summary.accuracy, summary.is_finished) == ("tutorial", 2, None, False)


def test_damaged_metrics_are_told_in_the_line(here: Path) -> None:
    run = make_run(here / "runs" / "one", at=1000)
    run.metrics.write_text("{")

    summary = summarize(run)

    assert summary.problem is not None
    assert "metrics.json is damaged" in summary.problem
    assert summary.accuracy is None
    assert not summary.is_finished
    assert summary.to_json()["finished"] is False


@pytest.mark.parametrize("test", [None, [1], {"accuracy": "high"}, {"accuracy": True}])
def test_figures_of_a_wrong_type_count_as_none(here: Path, test: object) -> None:
    run = make_run(here / "runs" / "one", at=1000)
    run.write_metrics({"recipe": 3, "epochs": "many", "test": test})

    summary = summarize(run)

    assert (summary.recipe, summary.epochs, summary.accuracy) == (None, None, None)


def test_no_name_means_the_latest_finished_run(here: Path) -> None:
    make_run(here / "runs" / "old", at=1000)
    make_run(here / "runs" / "new", at=2000)
    ship(here, "cifar10")

    choice = find_model()

    assert choice.path == Path("runs/new/model.onnx")
    assert choice.origin == f"the latest finished run, {Path('runs/new')}"
    assert not choice.is_shipped


def test_no_name_and_no_run_means_the_shipped_cifar10(here: Path) -> None:
    path = ship(here, "cifar10")
    ship(here, "another")

    choice = find_model(None)

    assert choice.path == path
    assert choice.is_shipped


def test_no_name_no_run_and_no_shipped_model_is_an_error_that_says_how_to_get_one(here: Path) -> None:
    with pytest.raises(ModelError, match=r"no model yet.*eyespot train letters.*eyespot train PHOTOS/.*eyespot demo"):
        find_model()


def test_latest_is_the_latest_run_and_never_a_shipped_model(here: Path) -> None:
    ship(here, "cifar10")
    with pytest.raises(ModelError, match="no finished run"):
        find_model("latest")

    make_run(here / "runs" / "one", at=1000)

    assert find_model("latest").path == Path("runs/one/model.onnx")


def test_a_run_is_named_by_its_path_or_by_its_name(here: Path) -> None:
    make_run(here / "runs" / "one", at=1000)
    make_run(here / "elsewhere" / "two", at=1000)

    assert find_model("runs/one").path == Path("runs/one/model.onnx")
    assert find_model("one").path == Path("runs/one/model.onnx")
    assert find_model(here / "elsewhere" / "two").path == here / "elsewhere" / "two" / "model.onnx"


def test_a_file_is_taken_as_it_is_whatever_its_suffix(here: Path) -> None:
    (here / "classifier.bin").write_bytes(b"onnx")

    assert find_model("classifier.bin").path == Path("classifier.bin")


def test_a_keras_file_is_refused_with_the_way_out(here: Path) -> None:
    (here / "model.keras").write_bytes(b"zip")

    with pytest.raises(ModelError, match=r"model\.keras is for Keras.*model\.onnx"):
        find_model("model.keras")


def test_a_shipped_model_is_found_by_name_even_beside_a_folder_of_pictures_of_that_name(here: Path) -> None:
    path = ship(here, "cifar10")
    (here / "cifar10").mkdir()

    assert find_model("cifar10").path == path
    assert shipped() == {"cifar10": path}


def test_the_card_of_a_shipped_model_bears_its_name_and_that_of_a_run_is_its_readme(here: Path) -> None:
    shipped_model, run = ship(here, "cifar10"), make_run(here / "runs" / "one", at=1000)
    (here / "README.md").write_text("about something else")
    (here / "lone.onnx").write_bytes(b"onnx")
    assert [find_card(path) for path in (shipped_model, run.model, here / "lone.onnx")] == [None, None, None]

    shipped_model.with_suffix(".md").write_text("# cifar10")
    run.card.write_text("# one")

    assert find_card(shipped_model) == shipped_model.with_suffix(".md")
    assert find_card(run.model) == run.card


def test_a_run_that_did_not_finish_is_told_from_a_folder_that_is_no_run(here: Path) -> None:
    make_run(here / "runs" / "one", at=1000, is_finished=False)
    (here / "photos").mkdir()

    with pytest.raises(ModelError, match=r"one holds no model\.onnx: the run did not finish"):
        find_model("runs/one")
    with pytest.raises(ModelError, match=r"photos holds no model\.onnx: it is not a run folder"):
        find_model("photos")


def test_an_unknown_name_is_an_error_that_names_the_nearest(here: Path) -> None:
    make_run(here / "runs" / "letters-tutorial", at=1000)

    with pytest.raises(ModelError, match=r"no model leters-tutorial; did you mean letters-tutorial\?"):
        find_model("leters-tutorial")
    with pytest.raises(ModelError, match="no model zebra: no run"):
        find_model("zebra")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", ""])
def test_impossible_names_are_an_ordinary_error(here: Path, name: str) -> None:
    with pytest.raises(ModelError):
        find_model(name)


def test_a_run_is_named_by_its_folder_its_name_or_as_the_latest(here: Path) -> None:
    make_run(here / "runs" / "old", at=1000)
    make_run(here / "runs" / "new", at=2000)
    make_run(here / "elsewhere" / "other", at=3000, is_finished=False)

    assert find_run("old").path == Path("runs/old")
    assert find_run(Path("elsewhere/other")).path == Path("elsewhere/other")
    assert find_run("latest").path == Path("runs/new")


@pytest.mark.parametrize(
    ("name", "message"),
    [("odl", "there is no run odl; did you mean old"), ("cifar10", "neither a run's folder nor the name of one in runs")],
)
def test_a_name_of_no_run_says_what_may_be_meant(here: Path, name: str, message: str) -> None:
    make_run(here / "runs" / "old", at=1000)
    ship(here, "cifar10")

    with pytest.raises(RunError, match=message):
        find_run(name)


def test_where_nothing_is_finished_there_is_no_latest_run(here: Path) -> None:
    with pytest.raises(RunError, match="no finished run in runs"):
        find_run("latest")
