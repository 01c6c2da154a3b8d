"""The backbone of a run: what is found, what is fetched and after which question; and its features."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyespot import data
from eyespot.backbones import features_of, find
from eyespot.data import Dataset
from eyespot.data.digests import short_digests, to_text
from eyespot.errors import DataError, DownloadError, EyespotError, ModelError, UsageError
from eyespot.models import applications
from eyespot.network import Layer, Network
from eyespot.runs.backbone import SUGGESTED, features_of_all, obtain
from eyespot.settings import backbones_folder

MakeDataset = Callable[..., Dataset]
NAME = SUGGESTED.removeprefix("keras:")


@pytest.fixture
def small(dataset: MakeDataset) -> Dataset:
    """Pictures as small as the shipped backbone takes them."""
    return dataset(all=[0, 1] * 3)


@pytest.fixture
def photographs() -> Dataset:
    """Pictures as large as photographs are read."""
    part = data.Part(np.zeros((2, 64, 64, 3), np.uint8), np.array([0, 1]), ("cat/1.jpg", "dog/1.jpg"))
    return Dataset("photos", ("cat", "dog"), {"all": part})


@pytest.fixture
def network() -> Network:
    """A network that ends in features."""
    convolution = {
        "filters": 5,
        "kernel_size": [3, 3],
        "strides": [2, 2],
        "padding": "same",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": False,
    }
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 5)).astype(np.float32)
    layers = (
        Layer("pixels", "InputLayer", {"shape": [40, 40, 3]}, ()),
        Layer("conv", "Conv2D", convolution, ("pixels",), {"kernel": kernel}),
        Layer("pool", "GlobalAveragePooling2D", {"keepdims": False}, ("conv",)),
    )
    return Network(layers, output="pool")


@pytest.fixture
def fetched(network: Network, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the download and for Keras; notes what was fetched."""
    names: list[str] = []

    def fetch_weights(name: str, **others: Any) -> Path:
        names.append(name)
        return Path("weights.h5")

    monkeypatch.setattr(applications, "fetch_weights", fetch_weights)
    monkeypatch.setattr(applications, "application_network", lambda name, weights: network)
    return names


def asking(answer: bool) -> tuple[list[str], Callable[[str], bool]]:
    """The questions that were put, and who answers them."""
    questions: list[str] = []

    def ask(question: str) -> bool:
        questions.append(question)
        return answer

    return questions, ask


def test_none_and_a_model_file_need_no_question(small: Dataset, tiny_model: Path, listener: Any) -> None:
    questions, ask = asking(True)
    found = obtain("none", small, ask=ask)
    assert (found.backbone, found.choice, found.waited) == (None, "none", 0)
    found = obtain(str(tiny_model), small, ask=ask, progress=listener)
    assert found.backbone is not None
    assert (found.choice, found.backbone.features) == (str(tiny_model), 4)
    assert not questions
    assert listener.notes[0] == f"the backbone is the network of the file {tiny_model}: 4 features of 8 x 10 pixels"
    assert listener.said("the backbone was trained on pets by the recipe quick, to tell 3 classes apart")


def test_auto_is_the_shipped_one_where_nobody_can_be_asked(photographs: Dataset, fetched: list[str]) -> None:
    assert obtain("auto", photographs).choice == "cifar10"
    assert not fetched


@pytest.mark.parametrize("answer", [True, False])
def test_auto_fetches_one_for_photographs_if_the_user_agrees(
    photographs: Dataset, fetched: list[str], answer: bool, listener: Any
) -> None:
    questions, ask = asking(answer)
    found = obtain("auto", photographs, ask=ask, progress=listener)
    (question,) = questions
    entry = applications.APPLICATIONS[NAME]
    assert all(text in question for text in (NAME, entry.address, entry.license, f"{entry.megabytes} MB"))
    assert (found.choice, fetched) == ((SUGGESTED, [NAME]) if answer else ("cifar10", []))
    assert found.waited > 0


def test_auto_does_not_ask_for_small_pictures_nor_offline_nor_twice(
    small: Dataset, photographs: Dataset, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, ask = asking(True)
    assert obtain("auto", small, ask=ask).choice == "cifar10"
    with monkeypatch.context() as patched:
        patched.setenv("EYESPOT_OFFLINE", "1")
        assert obtain("auto", photographs, ask=ask).choice == "cifar10"
    assert not questions
    assert [obtain("auto", photographs, ask=ask).choice for _ in range(2)] == [SUGGESTED, SUGGESTED]
    assert (len(questions), fetched) == (1, [NAME])


def test_what_cannot_be_fetched_does_not_stop_auto(
    photographs: Dataset, monkeypatch: pytest.MonkeyPatch, listener: Any
) -> None:
    def fail(name: str, **others: Any) -> Path:
        raise DownloadError("the line is dead")

    monkeypatch.setattr(applications, "fetch_weights", fail)
    assert obtain("auto", photographs, ask=lambda question: True, progress=listener).choice == "cifar10"
    assert listener.said("the line is dead")


def test_what_is_named_is_fetched_kept_and_found_again(small: Dataset, fetched: list[str], listener: Any) -> None:
    found = obtain(SUGGESTED, small, progress=listener)
    assert listener.said(applications.APPLICATIONS[NAME].terms)
    assert (found.choice, found.waited) == (SUGGESTED, 0)
    assert (backbones_folder() / f"{NAME}.onnx").is_file()
    assert listener.said("the backbone was trained on ImageNet")
    assert listener.said("the backbone has the license: Apache-2.0")
    obtain(SUGGESTED, small)
    assert fetched == [NAME]


def test_what_is_named_is_not_fetched_where_the_user_does_not_agree(small: Dataset, fetched: list[str]) -> None:
    questions, ask = asking(False)
    with pytest.raises(UsageError, match="is not on this machine and was not downloaded") as caught:
        obtain(SUGGESTED, small, ask=ask)
    assert "--backbone none" in str(caught.value)
    assert (len(questions), fetched) == (1, [])


def test_offline_the_way_out_is_said_and_nobody_is_asked(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    questions, ask = asking(True)
    with pytest.raises(DownloadError) as caught:
        obtain(SUGGESTED, small, ask=ask)
    assert "The way out: fetch" in str(caught.value)
    assert applications.APPLICATIONS[NAME].address in str(caught.value)
    assert not questions
    assert not backbones_folder().exists() or not list(backbones_folder().glob("*.onnx"))


@pytest.mark.parametrize(
    ("choice", "error"), [("keras:MobilNet", EyespotError), ("nowhere.onnx", ModelError), ("photo.png", ModelError)]
)
def test_a_file_or_name_of_the_wrong_kind_is_an_error(
    small: Dataset, place: Path, choice: str, error: type[EyespotError]
) -> None:
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(place / "photo.png")
    with pytest.raises(error):
        obtain(choice, small)


def test_a_run_that_is_the_latest_only_today_is_kept_by_its_path(small: Dataset, tiny_model: Path, place: Path) -> None:
    run = place / "runs" / "pets"
    run.mkdir(parents=True)
    shutil.copy(tiny_model, run / "model.onnx")
    (run / "metrics.json").write_text("{}")
    assert Path(obtain("latest", small).choice).resolve() == (run / "model.onnx").resolve()


@pytest.fixture
def backbone(write_backbone: Callable[..., Path], tmp_path: Path) -> Any:
    """One that takes pictures of 40 x 40 pixels."""
    return find(str(write_backbone(tmp_path / "backbone.onnx", (40, 40))))


def test_pictures_are_read_anew_at_the_size_of_the_backbone(
    backbone: Any, write_photos: Callable[..., Path], tmp_path: Path
) -> None:
    photos = write_photos(tmp_path / "photos", {"train/dark": 3, "train/light": 3, "test/dark": 2, "test/light": 2})
    here = data.load(photos)
    found = features_of_all(backbone, str(photos), here)
    there = data.load(photos, (40, 40))
    expected = np.concatenate([features_of(backbone, part.images) for part in there.parts.values()])
    np.testing.assert_array_equal(found.vectors, expected)
    assert found.fingerprint == there.fingerprint()
    np.testing.assert_array_equal(found.sample, np.concatenate([part.images for part in there.parts.values()]))
    assert found.seconds > 0


def test_pictures_that_changed_in_between_are_noticed(backbone: Any, write_photos: Callable[..., Path], tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 3, "light": 3})
    here = data.load(photos)
    (photos / "dark" / "00.png").unlink()
    with pytest.raises(DataError, match="photos has changed while it was read: 6 pictures before, 5 now"):
        features_of_all(backbone, str(photos), here)


def test_pictures_of_the_right_size_are_not_read_again(
    dataset: MakeDataset, write_backbone: Callable[..., Path], tmp_path: Path
) -> None:
    found = find(str(write_backbone(tmp_path / "backbone.onnx", (16, 16))))
    assert found is not None
    here = dataset(all=[0, 1] * 20)
    made = features_of_all(found, "nowhere", here)
    np.testing.assert_array_equal(made.vectors, features_of(found, here.parts["all"].images))
    assert len(made.sample) == 32


# ------------------------------------------------------------------------------ what must not be used, or cannot be


def test_a_damaged_file_of_weights_is_not_replaced_without_a_question(small: Dataset, fetched: list[str]) -> None:
    there = applications.APPLICATIONS[NAME].weights_path
    there.parent.mkdir(parents=True)
    there.write_bytes(b"half of it")
    questions, ask = asking(False)
    with pytest.raises(UsageError, match="was not downloaded"):
        obtain(SUGGESTED, small, ask=ask)
    assert (len(questions), fetched) == (1, [])
    assert f"in place of {there}, which is not what is published" in questions[0]


def test_one_that_has_learned_from_some_of_the_pictures_is_refused_if_named_and_passed_over_if_not(
    dataset: MakeDataset, write_backbone: Callable[..., Path], listener: Any
) -> None:
    here = dataset(all=[0, 1] * 10)
    learned_from = {"learned_from": to_text(short_digests(here.parts["all"].images[3:7]))}
    path = write_backbone(backbones_folder() / "own.onnx", (16, 16), learned_from)
    with pytest.raises(UsageError, match=r"was trained on these very pictures: it knows 4 of 20, so") as caught:
        obtain(str(path), here, source="nowhere")
    assert "--backbone none" in str(caught.value)
    assert obtain("auto", here, source="nowhere", progress=listener).choice == "cifar10"
    assert listener.notes[0].startswith(f"passed over as a backbone: the backbone {path} was trained on these very pictures")
    others = here.with_parts(all=here.parts["all"].take(np.arange(7, 20)))
    assert obtain("auto", others, source="nowhere").choice == str(path)


def test_what_it_knows_is_looked_for_at_its_own_size(
    write_backbone: Callable[..., Path], write_photos: Callable[..., Path], tmp_path: Path
) -> None:
    photos = write_photos(tmp_path / "photos", {"dark": 3, "light": 3})
    there = data.load(photos, (40, 40)).parts["all"].images
    path = write_backbone(tmp_path / "own.onnx", (40, 40), {"learned_from": to_text(short_digests(there[:2]))})
    with pytest.raises(UsageError, match="it knows 2 of 6"):
        obtain(str(path), data.load(photos), source=str(photos))


@pytest.mark.parametrize(
    ("facts", "recipe", "is_told"),
    [
        ({"name": "pets"}, {}, True),
        ({"name": "pets", "learned_from": ""}, {}, True),
        ({"name": "pets", "learned_from": to_text([bytes(8)])}, {}, False),
        ({"name": "pets"}, {"candidate": "frozen features"}, False),
        ({"name": "birds"}, {}, False),
    ],
)
def test_of_data_of_the_same_name_it_is_told_where_it_cannot_be_known_whether_it_is_the_same(
    small: Dataset,
    write_backbone: Callable[..., Path],
    tmp_path: Path,
    listener: Any,
    facts: dict[str, str],
    recipe: dict[str, str],
    is_told: bool,
) -> None:
    path = write_backbone(tmp_path / "own.onnx", (16, 16), facts, recipe)
    obtain(str(path), small, source="nowhere", progress=listener)
    assert listener.said("the backbone was trained on data that is called pets too, and its file does not say") is is_told
