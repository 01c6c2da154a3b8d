"""`eyespot evaluate`: the right model, the right pictures, the right figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from eyespot.bundle import Description, write
from eyespot.data import letters, load
from eyespot.data.splits import for_training
from eyespot.network import Network
from eyespot.run_folder import RunFolder

Eyespot = Callable[..., SimpleNamespace]
CLASSES = ["cat", "dog", "frog"]


def answers(folder: Path) -> tuple[list[str], list[str]]:
    """The true and the predicted classes of a folder of class folders, by Pillow and ONNX Runtime alone."""
    session = onnxruntime.InferenceSession("runs/pets/model.onnx")
    true, predicted = [], []
    for picture in sorted(folder.glob("*/*.png")):
        pixels = np.array(Image.open(picture).resize((10, 8), Image.Resampling.BILINEAR))
        true.append(picture.parent.name)
        predicted.append(CLASSES[session.run(None, {"pixels": pixels[None]})[0].argmax()])
    return true, predicted


@pytest.fixture
def trained(photos: Path, tiny_network: Network) -> Path:
    """The run `pets`, whose model now says that it was trained on `photos`."""
    fingerprint = for_training(load("photos", (8, 10)), 0.0).fingerprint()
    description = Description(tuple(CLASSES), (8, 10), {"name": "photos", "fingerprint": fingerprint}, {"watch": "test"})
    write(Path("runs/pets/model.onnx"), tiny_network, description)
    return photos


def test_the_figures_are_those_of_scikit_learn(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("evaluate", "latest", photos, "--json")
    true, predicted = answers(photos)
    assert outcome.code == 0
    assert set(outcome.json) == {
        *("accuracy", "balanced_accuracy", "top5_accuracy", "loss", "ece", "n", "per_class"),
        *("confusion_matrix", "images_per_second", "calibration", "learned_from"),
        *("interval", "balanced_interval", "top5_interval", "loss_interval", "ece_interval", "recall_intervals"),
    }
    assert outcome.json["n"] == 12
    assert outcome.json["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert outcome.json["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, predicted))
    assert outcome.json["confusion_matrix"] == confusion_matrix(true, predicted, labels=CLASSES).tolist()


def test_flip_adds_the_figures_with_mirror_images(eyespot: Eyespot, photos: Path) -> None:
    document = eyespot("evaluate", "latest", photos, "--json", "--flip").json
    plain = eyespot("evaluate", "latest", photos, "--json").json
    assert set(document["flip"]) | {"learned_from"} == set(plain)
    assert document["loss"] == plain["loss"]
    assert document["flip"]["loss"] != plain["loss"]
    plain, _, mirrored = eyespot("evaluate", "latest", photos, "--flip").out.partition("with mirror images")
    assert (plain, "accuracy" in mirrored) != ("", False)
    (losses,) = [line.split() for line in mirrored.splitlines() if line.startswith("loss")]
    assert [losses[1], losses[5]] == [f"{one['loss']:.3f}" for one in (document, document["flip"])]


def test_every_figure_is_printed_with_its_interval(eyespot: Eyespot, photos: Path) -> None:
    document = eyespot("evaluate", "latest", photos, "--json").json
    printed = eyespot("evaluate", "latest", photos).out
    lines = {line.partition("  ")[0]: " ".join(line.split()) for line in printed.splitlines()}
    for name, figure, key in (
        ("accuracy", "accuracy", "interval"),
        ("balanced accuracy", "balanced_accuracy", "balanced_interval"),
        ("top-5 accuracy", "top5_accuracy", "top5_interval"),
        ("calibration error", "ece", "ece_interval"),
    ):
        low, high = (100 * document[key][bound] for bound in ("low", "high"))
        assert lines[name] == f"{name} {100 * document[figure]:.1f} % {low:.1f} to {high:.1f} %"
    loss = document["loss_interval"]
    assert lines["loss"] == f"loss {document['loss']:.3f} {loss['low']:.3f} to {loss['high']:.3f}"
    recall = document["recall_intervals"]["dog"]
    assert f"{100 * recall['low']:.1f} to {100 * recall['high']:.1f} %" in lines["dog"]


def test_a_class_without_pictures_is_stated_as_such(eyespot: Eyespot, photos: Path) -> None:
    shutil.rmtree(photos / "cat")
    outcome = eyespot("evaluate", "latest", photos)
    assert outcome.code == 0
    assert "classes without any picture: 1; nothing is known about them" in outcome.out
    assert eyespot("evaluate", "latest", photos, "--json").json["recall_intervals"]["cat"] is None


@pytest.fixture
def calibrated(photos: Path, tiny_network: Network) -> Path:
    """The run `pets`, whose model has a temperature and a threshold now."""
    layers = tuple(
        replace(layer, config={**layer.config, "scale": 2.0}) if layer.name == "temperature" else layer
        for layer in tiny_network.layers
    )
    network = replace(tiny_network, layers=layers)
    description = Description(tuple(CLASSES), (8, 10), {"name": "pets"}, {}, temperature=0.5, unsure_threshold=0.97)
    write(Path("runs/pets/model.onnx"), network, description)
    return photos


def test_what_calibration_and_threshold_come_to_is_said(eyespot: Eyespot, photos: Path, calibrated: Path) -> None:
    document = eyespot("evaluate", "latest", photos, "--json").json["calibration"]
    assert (document["temperature"], document["unsure_threshold"]) == (0.5, 0.97)
    asked = eyespot("predict", photos, "--model", "latest", "--json").json
    answered = [entry for entry in asked if not entry["unsure"]]
    assert 0 < document["answered"] == len(answered) < 12
    wrong = [entry for entry in answered if Path(entry["path"]).parent.name != entry["predictions"][0]["label"]]
    assert document["answered_wrongly"] == len(wrong)
    printed = eyespot("evaluate", "latest", photos).out
    assert f"calibrated at temperature 0.50; without, the calibration error is {100 * document['ece_before']:.1f} %" in printed
    assert f"unsure: answers below 97.0 %; it answers {100 * len(answered) / 12:.1f} % of the pictures" in printed


def test_the_error_before_calibration_is_that_of_the_model_without(
    eyespot: Eyespot, photos: Path, tiny_model: Path, calibrated: Path
) -> None:
    Path("plain.onnx").write_bytes(tiny_model.read_bytes())
    plain = eyespot("evaluate", "plain.onnx", photos, "--json").json
    assert plain["calibration"]["ece_before"] is None
    found = eyespot("evaluate", "latest", photos, "--json").json
    assert found["calibration"]["ece_before"] == pytest.approx(plain["ece"], abs=1e-6)
    assert found["ece"] != pytest.approx(plain["ece"], abs=1e-3)


def test_robustness_says_what_is_lost(eyespot: Eyespot, photos: Path) -> None:
    plain = eyespot("evaluate", "latest", photos, "--json").json
    document = eyespot("evaluate", "latest", photos, "--robustness", "--json").json
    assert set(document) == {*plain, "robustness"}
    found = document["robustness"]
    assert found["accuracy"]["estimate"] == document["accuracy"]
    assert {row["corruption"] for row in found["rows"]} == {"blur", "noise", "jpeg", "brightness", "rotation"}
    printed = eyespot("evaluate", "latest", photos, "--robustness").out
    for row in found["rows"]:
        assert f"{row['corruption']:<12}{row['severity']}" in printed
    assert "12 pictures, changed at the size that the network sees; seed 0" in printed


def test_a_report_is_written_where_it_is_asked_for(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("evaluate", "latest", photos, "--robustness", "--report", "new.html")
    page = Path("new.html").read_text(encoding="utf-8")
    assert outcome.code == 0
    assert "report: new.html" in outcome.err
    assert "eyespot evaluate latest photos --robustness --report new.html" in page
    assert "What it loses on worse pictures" in page
    assert page.count("data:image/") > 12
    assert json.loads(eyespot("evaluate", "latest", photos, "--report", "new.html", "--json").out)["n"] == 12


def test_names_in_a_report_stay_text(eyespot: Eyespot, photos: Path, tiny_network: Network) -> None:
    hostile = ("<script>alert(1)</script>", 'a b\'s "c"', "🦊 {{ 7 * 7 }}")
    write(Path("runs/pets/model.onnx"), tiny_network, Description(hostile, (8, 10), {"name": "x"}, {}))
    table = [
        "path,label",
        *(f'photos/{old}/{old}0.png,"{new.replace(chr(34), 2 * chr(34))}"' for old, new in zip(CLASSES, hostile, strict=True)),
    ]
    Path("table.csv").write_text("\n".join(table), encoding="utf-8")
    outcome = eyespot("evaluate", "latest", "table.csv", "--report", "new.html")
    page = Path("new.html").read_text(encoding="utf-8")
    assert outcome.code == 0
    assert page.count("<script") == 2
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "🦊 {{ 7 * 7 }}" in page
    assert all(name in outcome.out for name in hostile)


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(eyespot: Eyespot, photos: Path) -> None:
    for place, message in (("photos", "photos is a folder"), ("nowhere/new.html", "there is no folder nowhere")):
        outcome = eyespot("evaluate", "latest", photos, "--report", place)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err
        assert "data:" not in outcome.err


def test_a_report_on_pictures_that_were_learned_from_says_so(eyespot: Eyespot, trained: Path) -> None:
    eyespot("evaluate", "latest", "photos", "--report", "new.html")
    assert "the classifier has learned from some of these pictures" in Path("new.html").read_text(encoding="utf-8")


def test_classes_are_matched_by_name(eyespot: Eyespot, photos: Path) -> None:
    whole = eyespot("evaluate", "latest", photos, "--json").json
    shutil.rmtree(photos / "cat")
    part = eyespot("evaluate", "latest", photos, "--json").json
    assert part["n"] == 8
    for name in ("dog", "frog"):
        assert part["per_class"][name]["recall"] == whole["per_class"][name]["recall"]
    shutil.rmtree(photos / "dog")
    assert eyespot("evaluate", "latest", photos, "--json").json["n"] == 4


def test_a_class_that_the_model_does_not_know_is_an_error_that_lists_both_sets(eyespot: Eyespot, photos: Path) -> None:
    (photos / "frog").rename(photos / "toad")
    outcome = eyespot("evaluate", "latest", photos)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines()[-1] == (
        "eyespot: the model does not know toad; the data has cat, dog, toad; the model knows cat, dog, frog"
    )


def test_the_text_has_a_headline_and_a_line_for_each_class(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("evaluate", "latest", photos)
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["figure", "accuracy"]
    assert [line.split()[0] for line in lines[-4:]] == ["class", *CLASSES]
    assert "12 pictures" in lines
    assert outcome.err.splitlines()[0].startswith("model: the latest finished run")
    assert "data: photos; 12 pictures, part: all" in outcome.err


def test_val_is_the_same_verb(eyespot: Eyespot, photos: Path) -> None:
    assert eyespot("val", "latest", photos).out == eyespot("evaluate", "latest", photos).out


def test_the_test_part_is_used_where_there_is_one(eyespot: Eyespot, photos: Path) -> None:
    for part in ("train", "test"):
        for name in CLASSES:
            (photos / part / name).mkdir(parents=True)
            for picture in sorted(photos.glob(f"{name}/*.png"))[: 1 if part == "test" else 3]:
                picture.rename(photos / part / name / picture.name)
    for name in CLASSES:
        (photos / name).rmdir()
    assert eyespot("evaluate", "latest", photos, "--json").json["n"] == 3
    assert eyespot("evaluate", "latest", photos, "--json", "--split", "train").json["n"] == 9
    assert eyespot("evaluate", "latest", photos, "--json", "--split", "all").json["n"] == 12
    outcome = eyespot("evaluate", "latest", photos, "--split", "validation")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith("eyespot: photos has no part validation; it has ")


@pytest.mark.parametrize("word", ["latest", "pets", "runs/pets", "runs/pets/model.onnx"])
def test_one_word_that_names_a_run_or_a_file_is_the_model(eyespot: Eyespot, trained: Path, word: str) -> None:
    outcome = eyespot("evaluate", word)
    assert outcome.code == 0
    assert "data: photos (what the model was trained on, left out on the command line); 3 pictures, part: test" in outcome.err


def test_any_other_word_alone_is_the_data(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("evaluate", "photos")
    assert outcome.err.splitlines()[0].startswith("model: the latest finished run")
    assert "data: photos; 12 pictures, part: all" in outcome.err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("phtos", "did you mean photos? A"),
        ("pests", "did you mean pets? A"),
        ("lattest", "did you mean latest? A"),
        ("xyzzy", "a"),
    ],
)
def test_a_word_that_is_neither_model_nor_data_is_told_what_there_is(
    eyespot: Eyespot, photos: Path, word: str, meant: str
) -> None:
    outcome = eyespot("evaluate", word)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"eyespot: there is neither a model nor data called {word}; {meant} model is a run's folder or name, an .onnx file or "
        "latest; data is cifar10, letters, or a folder, .zip or .csv of pictures\n"
    )


def test_classes_that_are_known_beforehand_are_compared_before_pictures_are_drawn(
    eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "load", lambda **others: 1 / 0)
    outcome = eyespot("evaluate", "letters")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith("eyespot: the model does not know any class of the data; the data has A, B,")


def test_a_folder_here_comes_before_a_run_of_the_same_name(eyespot: Eyespot, photos: Path) -> None:
    Path("runs/pets").rename("runs/photos")
    assert "data: photos; 12 pictures, part: all" in eyespot("evaluate", "photos").err


def test_without_data_the_pictures_held_out_in_training_are_used(eyespot: Eyespot, trained: Path) -> None:
    outcome = eyespot("evaluate", "--json")
    held_out = for_training(load("photos", (8, 10)), 0.0).parts["test"]
    assert (outcome.code, outcome.json["n"]) == (0, len(held_out))
    assert "learned from these" not in outcome.err
    assert eyespot("evaluate", "latest", "photos", "--split", "test", "--json").json["accuracy"] == outcome.json["accuracy"]


def test_figures_on_pictures_that_the_model_learned_from_come_with_a_warning(eyespot: Eyespot, trained: Path) -> None:
    outcome = eyespot("evaluate", "latest", "photos", "--json")
    assert (outcome.code, outcome.json["n"]) == (0, 12)
    flattered = "the model has learned from these pictures: the figures flatter it; --split test takes those held out"
    assert flattered in outcome.err
    assert flattered in eyespot("evaluate", "--split", "train").err


@pytest.fixture
def trained_on_all(photos: Path, tiny_network: Network) -> Path:
    """The run `pets`, whose model now says that it learned from all of `photos`, and whose figures came out of fold."""
    fingerprint = load("photos", (8, 10)).fingerprint()
    write(
        Path("runs/pets/model.onnx"),
        tiny_network,
        Description(tuple(CLASSES), (8, 10), {"name": "photos", "fingerprint": fingerprint}, {"candidate": "frozen features"}),
    )
    run = RunFolder(Path("runs/pets"))
    figure = {"estimate": 0.875, "low": 0.801, "high": 0.923}
    run.write_metrics(run.read_metrics() | {"few": {"accuracy": figure, "measured": "12 pictures: 4-fold cross-validation"}})
    return photos


def test_where_nothing_was_held_out_the_figure_of_the_run_is_said(eyespot: Eyespot, trained_on_all: Path) -> None:
    outcome = eyespot("evaluate")
    assert outcome.code == 0
    (line,) = [line for line in outcome.err.splitlines() if "learned from these" in line]
    assert line == (
        "the model has learned from these pictures: the figures flatter it; its run found 87.5 % (95 % interval 80.1 to "
        "92.3 %), measured on 12 pictures: 4-fold cross-validation"
    )


def test_where_the_run_is_not_at_hand_no_figure_is_made_up(eyespot: Eyespot, trained_on_all: Path) -> None:
    Path("alone").mkdir()
    Path("runs/pets/model.onnx").rename("alone/model.onnx")
    outcome = eyespot("evaluate", "alone/model.onnx", "photos")
    assert outcome.code == 0
    assert "the figures flatter it; how good it is, only other pictures can tell" in outcome.err


def test_parts_without_a_test_part_are_used_whole(eyespot: Eyespot, photos: Path) -> None:
    for name in CLASSES:
        for number in range(4):
            place = photos / ("validation" if number == 3 else "train") / name
            place.mkdir(parents=True, exist_ok=True)
            (photos / name / f"{name}{number}.png").rename(place / f"{name}{number}.png")
        (photos / name).rmdir()
    outcome = eyespot("evaluate", "latest", photos, "--json")
    assert (outcome.code, outcome.json["n"]) == (0, 12)


def test_data_that_changed_since_training_is_used_whole(eyespot: Eyespot, trained: Path) -> None:
    Image.new("RGB", (9, 9), "red").save(trained / "cat" / "new.png")
    outcome = eyespot("evaluate", "--json")
    assert (outcome.code, outcome.json["n"]) == (0, 13)


def test_data_that_is_nowhere_named_is_asked_for(eyespot: Eyespot, workplace: Path) -> None:
    Path("runs/pets/args.yaml").unlink()
    outcome = eyespot("evaluate")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (
        2,
        "eyespot: the model does not say where the data lies that it was trained on; name some: eyespot evaluate MODEL DATA",
    )


def test_skipped_pictures_are_named_and_the_code_is_3(eyespot: Eyespot, photos: Path) -> None:
    (photos / "dog" / "broken.png").write_bytes(b"no picture")
    outcome = eyespot("evaluate", "latest", photos, "--json")
    assert (outcome.code, outcome.json["n"]) == (3, 12)
    assert "broken.png" in outcome.err.splitlines()[-1]


def test_nothing_is_written(eyespot: Eyespot, photos: Path, workplace: Path) -> None:
    before = sorted(workplace.rglob("*"))
    eyespot("evaluate", "latest", photos)
    assert sorted(workplace.rglob("*")) == before


def test_quiet_leaves_only_the_answer(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("evaluate", "latest", photos, "--quiet")
    assert (outcome.code, outcome.err) == (0, "")
