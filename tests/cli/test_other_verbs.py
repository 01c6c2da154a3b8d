"""`eyespot explain`, `runs`, `data` and `info`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from eyespot.data import cifar10
from eyespot.network import Network
from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]


def test_explain_gives_a_row_for_each_layer(eyespot: Eyespot, workplace: Path, tiny_network: Network) -> None:
    document = eyespot("explain", "--json").json
    assert [layer["name"] for layer in document["layers"]] == [layer.name for layer in tiny_network.layers]
    assert document["parameters"] == 3 * 3 * 3 * 4 + 4 + 4 * 3 + 3
    assert document["macs"] == 6 * 8 * 4 * 3 * 3 * 3 + 4 * 3
    assert set(document["layers"][2]) == {
        *("name", "type", "output_shape", "parameters", "macs", "share", "receptive_field", "stride", "formula")
    }
    lines = eyespot("explain", "pets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*(layer.name for layer in tiny_network.layers), "in"]
    assert "6 x 8 x 4" in lines[3]


def test_explain_says_where_the_model_card_lies(eyespot: Eyespot, workplace: Path) -> None:
    assert len(eyespot("explain").err.splitlines()) == 1
    card = RunFolder(Path("runs/pets")).card
    card.write_text("# pets")
    assert eyespot("explain").err.splitlines()[1:] == [f"how it was trained, its figures and its limits: {card}"]
    assert eyespot("explain", "--quiet").err == ""


def test_a_run_whose_metrics_are_damaged_is_not_finished(eyespot: Eyespot, workplace: Path) -> None:
    RunFolder(Path("runs/pets")).metrics.write_text("{")
    (entry,) = eyespot("runs", "--json").json
    assert (entry["finished"], "metrics.json is damaged" in entry["problem"]) == (False, True)


def test_runs_lists_the_newest_first_with_figures(eyespot: Eyespot, workplace: Path) -> None:
    unfinished = RunFolder(Path("runs/begun"))
    unfinished.path.mkdir()
    unfinished.write_args({"data": "letters", "recipe": "tutorial"})
    document = eyespot("runs", "--json").json
    assert [run["name"] for run in document] == ["begun", "pets"]
    assert [run["accuracy"] for run in document] == [None, 0.75]
    lines = eyespot("runs").out.splitlines()
    assert lines[0].split() == ["run", "data", "recipe", "accuracy", "balanced", "epochs", "date"]
    assert lines[1].split()[:3] == ["begun", "letters", "tutorial"]
    assert lines[1].endswith("not finished")
    assert lines[2].split()[:5] == ["pets", "photos", "quick", "75.0", "%"]


def test_runs_without_runs_says_how_to_make_one(eyespot: Eyespot, workplace: Path) -> None:
    outcome = eyespot("runs", "elsewhere")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "there are no runs in elsewhere; make one with: eyespot train letters\n"
    assert eyespot("runs", "elsewhere", "--json").json == []
    assert eyespot("runs", "elsewhere", "--quiet").err == ""


def test_data_info_counts_pictures_by_class_and_part(eyespot: Eyespot, photos: Path) -> None:
    (photos / "dog" / "broken.png").write_bytes(b"no picture")
    (photos / "dog" / "notes.txt").write_text("a good dog")
    document = eyespot("data", "info", photos, "--json").json
    assert document["classes"] == ["cat", "dog", "frog"]
    assert document["parts"] == {"all": {"cat": 4, "dog": 4, "frog": 4}}
    assert [skipped["path"] for skipped in document["skipped"]] == ["dog/broken.png"]
    outcome = eyespot("data", "info", photos)
    lines = outcome.out.splitlines()
    assert lines[0] == "photos: 12 pictures, 3 classes, 1 skipped, 1 files .txt ignored"
    assert [line.split() for line in lines[-5:]] == [
        ["class", "all"],
        ["cat", "4"],
        ["dog", "4"],
        ["frog", "4"],
        ["in", "all", "12"],
    ]
    assert outcome.err.startswith("skipped dog/broken.png: ")


def test_data_info_on_a_missing_folder_is_one_line(eyespot: Eyespot, workplace: Path) -> None:
    outcome = eyespot("data", "info", "nowhere")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("eyespot: no such folder or file: nowhere")


def test_data_fetch_downloads_only_what_is_not_there(
    eyespot: Eyespot, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "copies", lambda: iter([Path("here")]))
    monkeypatch.setattr(cifar10, "fetch", lambda progress: Path("fetched"))
    assert eyespot("data", "fetch", "cifar10").out == "cifar10 lies in here\n"
    assert eyespot("data", "fetch", "cifar10", "--json").json == {"name": "cifar10", "path": "here", "downloaded": False}
    monkeypatch.setattr(cifar10, "copies", lambda: iter([]))
    assert eyespot("data", "fetch", "cifar10", "--json").json == {"name": "cifar10", "path": "fetched", "downloaded": True}


def test_info_tells_versions_device_threads_caches_and_extras(
    eyespot: Eyespot, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy

    monkeypatch.setenv("EYESPOT_HOME", "/somewhere/else")
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    document = eyespot("info", "--json").json
    assert document["packages"]["numpy"] == numpy.__version__
    assert document["caches"] == str(Path("/somewhere/else"))
    assert (document["offline"], document["extras"]["train"], document["device"]) == (True, True, "cpu")
    assert document["threads"] >= 1
    lines = eyespot("info").out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        *(
            "eyespot",
            "python",
            "packages",
            "processor",
            "device",
            "trains in",
            "threads",
            "caches",
            "CIFAR-10",
            "models",
            "extras",
        )
    ]


@pytest.mark.parametrize(("made", "fault"), [(False, "there is no such file or folder"), (True, "no copy of CIFAR-10")])
def test_info_says_that_the_copy_of_cifar10_named_is_none(
    eyespot: Eyespot, workplace: Path, monkeypatch: pytest.MonkeyPatch, made: bool, fault: str
) -> None:
    path = workplace / "copy"
    monkeypatch.setenv("EYESPOT_CIFAR10", str(path))
    if made:
        path.mkdir()
    document = eyespot("info", "--json").json
    assert (document["cifar10"], document["cifar10_fault"]) == (str(path), fault)
    (line,) = (line for line in eyespot("info").out.splitlines() if line.startswith("CIFAR-10"))
    assert line.endswith(f"{path} (EYESPOT_CIFAR10: {fault})")
    path.mkdir(exist_ok=True)
    (path / "test_batch.bin").write_bytes(b"")
    assert eyespot("info", "--json").json["cifar10_fault"] is None


def test_info_lists_the_shipped_models_with_their_cards(
    eyespot: Eyespot, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workplace / "shipped"
    monkeypatch.setattr("eyespot.run_folder.finding._SHIPPED", folder)
    assert eyespot("info", "--json").json["shipped"] == {}
    folder.mkdir()
    (folder / "pets.onnx").write_bytes(b"onnx")
    assert eyespot("info", "--json").json["shipped"] == {"pets": {"path": str(folder / "pets.onnx"), "card": None}}
    (folder / "pets.md").write_text("# pets")
    assert eyespot("info", "--json").json["shipped"]["pets"]["card"] == str(folder / "pets.md")
    (line,) = (line for line in eyespot("info").out.splitlines() if line.startswith("models"))
    assert line.endswith(f"pets ships with Eyespot; its model card: {folder / 'pets.md'}")
