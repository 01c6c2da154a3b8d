"""The model file: what is written can be had back, by Eyespot and by anyone else; what is changed is noticed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from eyespot import files
from eyespot.bundle import Description, read, read_network, verify, write
from eyespot.bundle.seal import is_intact, seal
from eyespot.errors import InputError, ModelError, VerificationError
from eyespot.network import Network

PICTURES = np.random.default_rng(1).integers(0, 256, (5, 8, 10, 3), dtype=np.uint8)


def probabilities(path: Path, pictures: np.ndarray) -> np.ndarray:
    """What a client that knows nothing of Eyespot computes."""
    session = onnxruntime.InferenceSession(path.read_bytes())
    return session.run(None, {session.get_inputs()[0].name: pictures})[0]


def test_the_network_comes_back_bit_by_bit(tiny_network: Network, tiny_model: Path) -> None:
    found = read_network(tiny_model)
    assert found.to_json() == tiny_network.to_json()
    for layer in tiny_network.layers:
        for name, weight in layer.weights.items():
            np.testing.assert_array_equal(found.by_name[layer.name].weights[name], weight)


def test_the_description_comes_back(tiny_network: Network, tmp_path: Path) -> None:
    given = Description(
        classes=("straße", "猫", 'quote " and \\'),
        size=(8, 10),
        data={"name": "signs", "fingerprint": "ab" * 32},
        recipe={"name": "quick", "epochs": 3, "patience": None},
        temperature=1.5,
        unsure_threshold=0.25,
    )
    write(tmp_path / "model.onnx", tiny_network, given)
    _, found = read(tmp_path / "model.onnx")
    assert replace(found, network={}, golden=(), version="") == given
    assert found.network == tiny_network.to_json()
    assert found.version


def test_it_is_an_ordinary_onnx_file(tiny_model: Path) -> None:
    model = onnx.load(tiny_model)
    onnx.checker.check_model(model, full_check=True)
    assert model.metadata_props[-1].key == "eyespot.sha256"
    assert probabilities(tiny_model, PICTURES).sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_golden_pictures_let_a_client_check_its_resizing(tiny_model: Path) -> None:
    _, description = read(tiny_model)
    sizes = [Image.open(BytesIO(golden.picture)).size for golden in description.golden]
    assert [(width > 10, height > 8) for width, height in sizes] == [(True, True), (False, False), (True, False)]
    assert all(width != height for width, height in sizes)
    for golden in description.golden:
        image = Image.open(BytesIO(golden.picture), formats=["PNG"])
        pixels = np.array(image.resize((10, 8), Image.Resampling.BILINEAR))
        assert probabilities(tiny_model, pixels[None])[0] == pytest.approx(golden.probabilities, abs=1e-5)
        careless = np.array(image.resize((10, 8), Image.Resampling.NEAREST))
        assert probabilities(tiny_model, careless[None])[0] != pytest.approx(golden.probabilities, abs=1e-5)


def test_the_same_network_gives_the_same_file(tiny_network: Network, tiny_model: Path, tmp_path: Path) -> None:
    _, description = read(tiny_model)
    write(tmp_path / "again.onnx", tiny_network, description)
    assert (tmp_path / "again.onnx").read_bytes() == tiny_model.read_bytes()


def test_reading_a_good_file_does_without_onnx(tiny_model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from eyespot.bundle import read\n"
        "read(Path(sys.argv[1])); print('onnx' in sys.modules)"
    )
    outcome = subprocess.run([sys.executable, "-c", code, tiny_model], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "False"


def test_a_change_of_any_byte_is_noticed(tiny_model: Path, tmp_path: Path) -> None:
    original = tiny_model.read_bytes()
    changed = tmp_path / "changed.onnx"
    for position in range(0, len(original), 41):
        damaged = bytearray(original)
        damaged[position] ^= 0x20
        changed.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"changed\.onnx is (damaged|a valid ONNX model)"):
            read(changed)


def test_a_file_cut_off_anywhere_is_noticed(tiny_model: Path, tmp_path: Path) -> None:
    original = tiny_model.read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in range(1, len(original), 97):
        cut.write_bytes(original[:length])
        with pytest.raises(ModelError, match=r"cut\.onnx is damaged"):
            read(cut)


def test_a_seal_holds_for_what_was_sealed_alone() -> None:
    blank = b"before\x0a\x0eeyespot.sha256\x12\x40" + b"0" * 64 + b"after"
    sealed = seal(blank)
    assert is_intact(sealed)
    assert not is_intact(blank)
    assert not is_intact(sealed + b"more")
    with pytest.raises(ValueError, match="no blank seal"):
        seal(sealed)


def test_verifying_returns_the_largest_difference(tiny_model: Path) -> None:
    expected = probabilities(tiny_model, PICTURES)
    assert verify(tiny_model, PICTURES, expected) <= 1e-6
    expected[3, 1] += 5e-5
    assert verify(tiny_model, PICTURES, expected) == pytest.approx(5e-5, rel=0.05)


@pytest.mark.parametrize("wrong", [2e-4, np.nan])
def test_verifying_fails_where_the_file_computes_something_else(tiny_model: Path, wrong: float) -> None:
    expected = probabilities(tiny_model, PICTURES)
    expected[4, 2] += wrong
    with pytest.raises(VerificationError, match="does not compute what was trained"):
        verify(tiny_model, PICTURES, expected)


def test_verifying_needs_pictures_of_the_input_size(tiny_model: Path) -> None:
    with pytest.raises(InputError, match=r"\(n, 8, 10, 3\) uint8; got \(5, 10, 10, 3\) uint8"):
        verify(tiny_model, np.zeros((5, 10, 10, 3), np.uint8), np.zeros((5, 3)))


@pytest.mark.parametrize("change", [{"classes": ("cat", "dog")}, {"size": (10, 8)}])
def test_a_description_that_does_not_fit_the_network_is_refused(
    tiny_network: Network, tiny_model: Path, tmp_path: Path, change: dict[str, tuple[str | int, ...]]
) -> None:
    _, description = read(tiny_model)
    with pytest.raises(InputError, match="the network takes"):
        write(tmp_path / "model.onnx", tiny_network, replace(description, **change))


def test_nothing_stays_where_the_disk_is_full(
    tiny_network: Network, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    _, description = read(tiny_model)
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "model.onnx", tiny_network, description)
    assert list(tmp_path.iterdir()) == []
