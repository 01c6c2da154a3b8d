"""Pictures in any form give the same probabilities; what is no picture gives an error that says what was expected."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import eyespot
from eyespot import download, prediction
from eyespot.bundle import Description, write
from eyespot.errors import DownloadError, ImageError, InputError, ModelError
from eyespot.network import Network
from eyespot.prediction import Model, Prediction
from eyespot.run_folder import RunFolder

LARGE = np.random.default_rng(3).integers(0, 256, (33, 21, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def model(tiny_model: Path) -> Model:
    return Model(tiny_model, threads=1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(LARGE).save(path)
    return path


def independent(path: Path, pictures: np.ndarray) -> np.ndarray:
    """What plain ONNX Runtime computes, picture by picture."""
    session = onnxruntime.InferenceSession(path)
    return np.concatenate([session.run(None, {"pixels": picture[None]})[0] for picture in pictures])


def test_probabilities_are_those_of_onnx_runtime(model: Model) -> None:
    pictures = np.random.default_rng(4).integers(0, 256, (600, 8, 10, 3), dtype=np.uint8)
    np.testing.assert_allclose(model.probabilities(pictures), independent(model.path, pictures), atol=1e-6)


def test_the_pictures_of_a_batch_are_bounded(model: Model) -> None:
    sizes = [len(batch) for batch in model._runtime.batches(np.zeros((600, 8, 10, 3), np.uint8))]
    assert sum(sizes) == 600
    assert max(sizes) <= 256


def test_flip_averages_a_picture_and_its_mirror_image(model: Model) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (7, 8, 10, 3), dtype=np.uint8)
    expected = (independent(model.path, pictures) + independent(model.path, np.flip(pictures, axis=2))) / 2
    assert not np.allclose(expected, independent(model.path, pictures), atol=1e-4)
    np.testing.assert_allclose(model.probabilities(pictures, flip=True), expected, atol=1e-6)


def test_a_prediction_lists_the_most_probable_classes(model: Model) -> None:
    small = np.array(Image.fromarray(LARGE).resize((10, 8), Image.Resampling.BILINEAR))
    probabilities = independent(model.path, small[None])[0]
    prediction = model.predict(LARGE, top_k=2)
    order = np.argsort(probabilities)[::-1]
    assert [label for label, _ in prediction.top] == [("cat", "dog", "frog")[i] for i in order[:2]]
    assert [p for _, p in prediction.top] == pytest.approx(probabilities[order[:2]], abs=1e-6)
    assert (prediction.label, prediction.probability) == prediction.top[0]
    assert not prediction.unsure


def test_top_k_beyond_the_classes_lists_all_of_them(model: Model) -> None:
    assert len(model.predict(LARGE, top_k=99).top) == 3


def test_a_picture_is_the_same_in_every_form(model: Model, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch_bytes", lambda address, limit: picture.read_bytes())
    forms = [
        picture,
        str(picture),
        picture.read_bytes(),
        "https://example.org/picture.png",
        LARGE,
        LARGE.astype(np.int64),
        LARGE.astype(np.float32),
        Image.open(picture),
        Image.fromarray(LARGE).convert("RGBA"),
    ]
    expected = model.predict(LARGE)
    assert [model.predict(form) for form in forms] == [expected] * len(forms)
    assert model.predict(forms) == [expected] * len(forms)
    assert model.predict(tuple(forms[:2])) == [expected] * 2
    assert model.predict(np.stack([LARGE, LARGE])) == [expected] * 2


def test_no_pictures_give_no_predictions(model: Model) -> None:
    assert model.predict([]) == []
    assert model.predict(np.empty((0, 8, 10, 3), np.uint8)) == []
    assert model.predict(np.empty((0, 50, 60, 3), np.uint8)) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((8, 10), np.uint8), r"\(height, width, 3\); got \(8, 10\) uint8"),
        (np.zeros((3, 8, 10), np.uint8), r"RGB last; got \(1, 3, 8, 10\) uint8"),
        (np.zeros((8, 10, 4), np.uint8), "RGB last"),
        (np.zeros((2, 3, 8, 10), np.uint8), "RGB last"),
        (np.zeros((0, 10, 3), np.uint8), "RGB last"),
        (np.zeros((1, 1, 8, 10, 3), np.uint8), r"\(height, width, 3\); got"),
        (np.full((8, 10, 3), 256), "between 0 and 255; got 256 to 256"),
        (np.full((8, 10, 3), -1.0), "between 0 and 255; got -1.0"),
        (np.full((8, 10, 3), np.nan), "between 0 and 255; got nan"),
        (np.full((8, 10, 3), np.inf), "between 0 and 255; got inf"),
        (np.full((8, 10, 3), 0.5), "looks scaled to 0-1 already: multiply by 255"),
        (np.full((8, 10, 3), 12.5), "got fractions"),
        (np.zeros((8, 10, 3), bool), r"whole numbers 0-255; got \(1, 8, 10, 3\) bool"),
        (np.full((8, 10, 3), "x"), "whole numbers 0-255"),
        (np.zeros((8, 10, 3), complex), "whole numbers 0-255"),
        (7, "a picture is a path, .*; got int"),
        (None, "got NoneType"),
        ([[1, 2, 3]], "got list"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_expected(model: Model, wrong: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.predict(wrong)  # type: ignore[call-overload]


def test_probabilities_take_pictures_of_the_input_size_only(model: Model) -> None:
    with pytest.raises(InputError, match=r"\(n, 8, 10, 3\) uint8; got \(1, 33, 21, 3\) uint8"):
        model.probabilities(LARGE[None])
    with pytest.raises(InputError, match=r"got \(1, 8, 10, 3\) float64"):
        model.probabilities(np.zeros((1, 8, 10, 3)))  # type: ignore[arg-type]


def test_top_k_must_be_positive(model: Model) -> None:
    with pytest.raises(InputError, match="top_k must be at least 1; got 0"):
        model.predict(LARGE, top_k=0)


def test_a_broken_picture_is_named(model: Model, picture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.jpg: is not a picture"):
        model.predict(broken)
    with pytest.raises(ImageError, match=r"broken\.jpg: is not a picture"):
        model.predict([picture, broken, picture])


def test_predicting_each_goes_on_after_a_broken_picture(
    model: Model, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(address: str, limit: int) -> bytes:
        raise DownloadError(f"{address}: the connection failed")

    monkeypatch.setattr(download, "fetch_bytes", unreachable)
    monkeypatch.setattr(prediction, "_CHUNK", 2)
    good = model.predict(LARGE)
    outcomes = list(model.predict_each([picture, tmp_path / "missing.png", picture, "http://nowhere", b"", picture]))
    assert [outcomes[i] for i in (0, 2, 5)] == [good] * 3
    assert [type(outcomes[i]) for i in (1, 3, 4)] == [ImageError, DownloadError, ImageError]


def test_predicting_each_reads_only_a_bounded_number_ahead(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "_CHUNK", 4)
    taken = []

    def pictures() -> object:
        for number in range(100):
            taken.append(number)
            yield LARGE

    outcomes = model.predict_each(pictures())  # type: ignore[arg-type]
    assert isinstance(next(outcomes), Prediction)
    assert len(taken) == 4


def test_exif_orientation_counts_in_a_pillow_image_too(model: Model) -> None:
    turned = Image.fromarray(np.rot90(LARGE))
    exif = turned.getexif()
    exif[0x0112] = 6
    buffer = BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    assert model.predict(buffer.getvalue()) == model.predict(LARGE)
    assert model.predict(Image.open(buffer)) == model.predict(LARGE)


def test_a_prediction_under_the_threshold_is_unsure(tiny_network: Network, tmp_path: Path) -> None:
    outcomes = {}
    for threshold in (0.0, 1.0):
        path = tmp_path / f"{threshold}.onnx"
        description = Description(
            ("cat", "dog", "frog"), (8, 10), {"name": "pets", "fingerprint": ""}, {"name": "plain"}, unsure_threshold=threshold
        )
        write(path, tiny_network, description)
        outcomes[threshold] = Model(path).predict(LARGE).unsure
    assert outcomes == {0.0: False, 1.0: True}


def test_the_golden_pictures_agree(model: Model) -> None:
    assert model.check() < 1e-6


def test_load_finds_a_run_by_its_folder_and_the_latest(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eyespot.run_folder.finding._SHIPPED", tmp_path / "no models")
    with pytest.raises(ModelError, match="there is no model"):
        eyespot.load()
    run = RunFolder(tmp_path / "runs" / "pets")
    run.path.mkdir(parents=True)
    run.model.write_bytes(tiny_model.read_bytes())
    run.write_metrics({"test": {}})
    for name in (None, "latest", "runs/pets", run.path, run.model):
        assert eyespot.load(name).classes == ("cat", "dog", "frog")
