"""Which network a choice means, and what is said of files that are no backbone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from eyespot.backbones import Backbone, find
from eyespot.bundle import read_network
from eyespot.bundle.seal import BLANK, KEY, seal
from eyespot.errors import EyespotError, ModelError, UsageError
from eyespot.exporting.int8 import quantize
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import Layer, Network
from eyespot.run_folder import RunFolder, shipped
from eyespot.settings import backbones_folder

L = keras.layers
WHAT_IS = "a backbone is any model.onnx that Eyespot trained, or keras:NAME"


def found(choice: str, **arguments: Any) -> Backbone:
    backbone = find(choice, **arguments)
    assert backbone is not None
    return backbone


def refused(choice: str | Path, **arguments: Any) -> EyespotError:
    """The error, whose first line is about the choice and whose second says what a backbone is."""
    with pytest.raises(EyespotError) as raised:
        find(str(choice), **arguments)
    assert raised.value.args[1].startswith(WHAT_IS)
    return raised.value


def nothing_is_made(name: str) -> Path:
    raise AssertionError(f"{name} was to be made")


def put(path: Path, model: Path, at: float = 1000) -> Path:
    """A copy of a model file, put there `at` seconds after the epoch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(model, path)
    os.utime(path, (at, at))
    return path


def test_none_is_no_backbone(home: Path) -> None:
    assert find("none") is None


def test_a_model_file_is_one_up_to_its_features(home: Path, tiny_model: Path, tiny_network: Network) -> None:
    backbone = found(str(tiny_model))
    assert (backbone.name, backbone.path, backbone.is_shipped) == (str(tiny_model), tiny_model, False)
    assert (backbone.size, backbone.features) == ((8, 10), 4)
    assert backbone.network.output == "pool"
    np.testing.assert_array_equal(backbone.network.by_name["conv"].weights["kernel"], tiny_network.layers[2].weights["kernel"])
    assert backbone.origin == f"the network of the file {tiny_model}"
    assert backbone.trained_on == "pets by the recipe quick, to tell 3 classes apart"
    assert backbone.terms == ()


def test_source_and_license_are_told_where_the_file_says_so(
    home: Path, tiny_network: Network, tmp_path: Path, save: Callable[..., Path]
) -> None:
    path = save(tmp_path / "licensed.onnx", tiny_network, {"license": "Apache-2.0", "source": "keras.applications"})
    assert found(str(path)).terms == ("source: keras.applications", "license: Apache-2.0")


def test_a_run_and_a_shipped_model_go_by_their_names(home: Path, tiny_model: Path) -> None:
    run = RunFolder(Path("runs/mine"))
    put(run.model, tiny_model)
    run.write_args({})
    assert found("mine").path == run.model
    assert found("runs/mine").origin.startswith("the network of the unfinished run")
    backbone = found("cifar10")
    assert (backbone.size, backbone.is_shipped, backbone.name) == ((32, 32), True, "cifar10")
    assert found(backbone.name) == backbone


def test_auto_is_the_shipped_network_where_nothing_else_is(home: Path) -> None:
    backbone = found("auto", make=nothing_is_made)
    assert backbone.path == shipped()["cifar10"]
    assert "ships with Eyespot" in backbone.origin
    assert not home.exists()


def test_auto_is_the_file_put_last_into_the_folder(home: Path, tiny_model: Path) -> None:
    put(backbones_folder() / "new.onnx", tiny_model, at=3000)
    put(backbones_folder() / "old.onnx", tiny_model, at=1000)
    put(backbones_folder() / ".hidden.onnx", tiny_model, at=4000)
    put(backbones_folder() / "notes.txt", tiny_model, at=5000)
    (backbones_folder() / "folder.onnx").mkdir()

    backbone = found("auto", make=nothing_is_made)

    assert backbone.path == backbones_folder() / "new.onnx"
    assert "new.onnx, the last one put there" in backbone.origin
    assert found(backbone.name).hash == backbone.hash


def test_auto_passes_over_what_cannot_be_used_and_says_so(home: Path, tiny_model: Path, listener: Any) -> None:
    put(backbones_folder() / "good.onnx", tiny_model, at=1000)
    (backbones_folder() / "bad.onnx").write_bytes(b"no model")

    backbone = found("auto", progress=listener)

    assert backbone.path == backbones_folder() / "good.onnx"
    (note,) = listener.notes
    assert note == f"passed over as a backbone: {backbones_folder() / 'bad.onnx'} is damaged, or not an ONNX file at all"


def not_called(name: str) -> Callable[[Backbone], None]:
    """A check that refuses the backbones in the file of that name."""

    def check(backbone: Backbone) -> None:
        if backbone.path.name == name:
            raise UsageError(f"{backbone.path} is not wanted", "Name another")

    return check


def test_auto_passes_over_what_must_not_be_used_and_takes_the_next(home: Path, tiny_model: Path, listener: Any) -> None:
    put(backbones_folder() / "older.onnx", tiny_model, at=1000)
    put(backbones_folder() / "newer.onnx", tiny_model, at=2000)
    backbone = found("auto", check=not_called("newer.onnx"), progress=listener)
    assert backbone.path == backbones_folder() / "older.onnx"
    assert listener.notes == [f"passed over as a backbone: {backbones_folder() / 'newer.onnx'} is not wanted"]
    (backbones_folder() / "older.onnx").unlink()
    assert found("auto", check=not_called("newer.onnx")).is_shipped
    (backbones_folder() / "newer.onnx").unlink()
    assert find("auto", check=not_called("cifar10.onnx")) is None


def test_what_is_named_and_must_not_be_used_is_an_error(home: Path, tiny_model: Path) -> None:
    put(backbones_folder() / "Tiny.onnx", tiny_model)
    for choice in (str(tiny_model), "keras:Tiny"):
        with pytest.raises(UsageError, match="is not wanted"):
            find(choice, check=not_called(tiny_model.name if choice != "keras:Tiny" else "Tiny.onnx"))


def test_a_kept_keras_network_is_not_made_again(home: Path, tiny_model: Path) -> None:
    path = put(backbones_folder() / "Tiny.onnx", tiny_model)
    backbone = found("keras:Tiny", make=nothing_is_made)
    assert (backbone.name, backbone.path) == ("keras:Tiny", path)
    assert backbone.origin == f"keras:Tiny, kept as {path}"


def test_another_keras_network_is_made(home: Path, tiny_model: Path) -> None:
    asked = []

    def make(name: str) -> Path:
        asked.append(name)
        return put(backbones_folder() / f"{name}.onnx", tiny_model)

    assert found("keras:Tiny", make=make).path == backbones_folder() / "Tiny.onnx"
    assert asked == ["Tiny"]


def test_without_anything_to_make_it_with_a_keras_network_has_to_be_there(home: Path) -> None:
    assert "keras:Tiny is not on this machine" in str(refused("keras:Tiny"))


@pytest.mark.parametrize("name", ["", "../secret", "a/b", "a.b", "a b", "C:x"])
def test_a_name_does_not_lead_out_of_the_folder(home: Path, name: str) -> None:
    error = refused(f"keras:{name}", make=nothing_is_made)
    assert isinstance(error, UsageError)
    assert "names no network of keras.applications" in str(error)


@pytest.mark.parametrize(("choice", "meant"), [("atuo", "auto"), ("None", "none"), ("non", "none")])
def test_a_slip_of_the_pen_is_a_wrong_usage(home: Path, choice: str, meant: str) -> None:
    error = refused(choice)
    assert isinstance(error, UsageError)
    assert f"did you mean {meant}?" in str(error)


def test_a_file_that_is_not_there_is_named(home: Path) -> None:
    assert "there is no model missing.onnx" in str(refused("missing.onnx"))


def test_a_folder_without_a_model_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert "photos holds no model.onnx" in str(refused(tmp_path / "photos"))


def foreign() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "somebody's",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])],
    )
    return helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.onnx", b"", "is empty"),
        ("picture.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 99, "is damaged, or not an ONNX file at all"),
        ("words.onnx", b"you are looking at words", "is damaged, or not an ONNX file at all"),
        ("foreign.onnx", foreign(), "is a valid ONNX model, but not one that Eyespot wrote"),
        ("model.keras", b"PK", "is for Keras"),
    ],
)
def test_a_file_of_another_kind_is_refused(home: Path, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in refused(tmp_path / name).args[0]


def test_a_damaged_file_is_refused(home: Path, tmp_path: Path, tiny_model: Path) -> None:
    content = bytearray(tiny_model.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(content)
    assert "is damaged" in refused(tmp_path / "damaged.onnx").args[0]


def test_a_network_in_integers_is_refused(home: Path, tmp_path: Path, save: Callable[..., Path]) -> None:
    convolutions = [L.Conv2D(4, 3, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((8, 10, 3)), *convolutions, L.GlobalMaxPooling2D(), L.Dense(2), L.Softmax()])
    path = save(tmp_path / "model.onnx", read(model))
    quantize(path, np.random.default_rng(0).integers(0, 256, (20, 8, 10, 3), np.uint8), tmp_path / "int8.onnx")
    assert found(str(path)).features == 4
    assert "its weights cannot be had back" in refused(tmp_path / "int8.onnx").args[0]


def test_a_network_without_a_dense_is_refused(
    home: Path, tmp_path: Path, tiny_network: Network, save: Callable[..., Path]
) -> None:
    *before, _, _, _ = tiny_network.layers
    softmax = Layer("probabilities", "Softmax", {"axis": -1}, ("pool",))
    path = save(tmp_path / "pooled.onnx", Network((*before, softmax), "probabilities"))
    error = refused(path)
    assert isinstance(error, ModelError)
    assert "is no backbone: its output comes from conv (Conv2D)" in error.args[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{"output": "probabilities"', '{"output": "nowhere"', "does not hold the network that it describes"),
        ('{"output": "probabilities"', '{"output": ["pool"]', "does not hold the network that it describes"),
        ('"shape": [8, 10, 3]', '"shape": [10, 8, 3]', "contradicts itself"),
    ],
)
def test_a_forged_network_is_refused(home: Path, tmp_path: Path, tiny_model: Path, old: str, new: str, message: str) -> None:
    model = onnx.load(tiny_model)
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert old in entries["eyespot.network"]
    entries |= {"eyespot.network": entries["eyespot.network"].replace(old, new), KEY: BLANK}
    del model.metadata_props[:]
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)
    (tmp_path / "forged.onnx").write_bytes(seal(model.SerializeToString()))
    assert message in refused(tmp_path / "forged.onnx").args[0]


def test_the_hash_is_of_layers_and_weights_up_to_the_features(
    home: Path, tmp_path: Path, tiny_model: Path, save: Callable[..., Path]
) -> None:
    network = read_network(tiny_model)
    conv, dense = network.by_name["conv"].weights, network.by_name["logits"].weights
    slightly = {**conv, "bias": np.nextafter(conv["bias"], np.float32(9))}
    turned = {**dense, "kernel": -dense["kernel"]}
    paths = {
        "same": save(tmp_path / "same.onnx", network, {"name": "other data"}),
        "other head": save(tmp_path / "head.onnx", network.with_weights({"logits": turned})),
        "other weight": save(tmp_path / "weight.onnx", network.with_weights({"conv": slightly})),
        "other argument": save(tmp_path / "argument.onnx", _with_activation(network, "elu")),
    }
    original = found(str(tiny_model)).hash
    same = {name: found(str(path)).hash == original for name, path in paths.items()}
    assert same == {"same": True, "other head": True, "other weight": False, "other argument": False}


def _with_activation(network: Network, activation: str) -> Network:
    return replace(
        network,
        layers=tuple(
            replace(layer, config={**layer.config, "activation": activation}) if layer.name == "conv" else layer
            for layer in network.layers
        ),
    )
