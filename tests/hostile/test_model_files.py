"""Files that are not models that Eyespot wrote, are damaged, or lie: each is refused with a message that says which."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eyespot.bundle import file, read, read_network
from eyespot.bundle.seal import BLANK, KEY, seal
from eyespot.errors import ModelError
from eyespot.prediction import Model

DEEP = "[" * 100_000 + "]" * 100_000


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def resealed(model: onnx.ModelProto, entries: dict[str, str] | None = None) -> bytes:
    """The model with other metadata and a seal that is right: what a forger can make, too."""
    entries = {key: value for key, value in (entries or metadata(model)).items() if key != KEY}
    del model.metadata_props[:]
    for key, value in {**entries, KEY: BLANK}.items():
        model.metadata_props.add(key=key, value=value)
    return seal(model.SerializeToString())


def foreign(external: bool = False) -> bytes:
    """A valid ONNX model of somebody else's, whole or with its weights in another file."""
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "weights")
    if external:
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../secret.bin")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "somebody's",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [weights],
    )
    return helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"these are not the bytes you are looking for\n" * 9, "is damaged, or not an ONNX file at all"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "is damaged, or not an ONNX file at all"),
        (b"\0" * 1000, "is damaged, or not an ONNX file at all"),
        (pickle.dumps({"weights": [1, 2, 3]}), "is damaged, or not an ONNX file at all"),
        (foreign(), "is a valid ONNX model, but not one that Eyespot wrote"),
        (foreign(external=True), "has external data"),
        (seal(b"\x0a\x0eeyespot.sha256\x12\x40" + b"0" * 64), "cannot be run by ONNX Runtime"),
        (
            seal(b"\xff" * 30 + b"\x0a\x0eeyespot.sha256\x12\x40" + b"0" * 64),
            "cannot be run by ONNX Runtime",
        ),
    ],
    ids=["empty", "text", "picture", "zeros", "pickle", "foreign", "foreign-external", "only-a-seal", "endless-number"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "suspect.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"suspect\.onnx {message}"):
        read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        read(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="is a folder"):
        read(tmp_path)


def test_a_file_too_large_is_refused_before_it_is_read_whole(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(ModelError, match="is larger than"):
        read(tiny_model)


def test_a_model_that_lost_its_seal_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    del model.metadata_props[-1]
    (tmp_path / "unsealed.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="lacks the checksum"):
        read(tmp_path / "unsealed.onnx")


def test_external_data_is_refused_even_under_a_right_seal(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    (tmp_path / "forged.onnx").write_bytes(resealed(model))
    with pytest.raises(ModelError, match="has external data"):
        read(tmp_path / "forged.onnx")


def test_external_data_is_found_in_a_graph_within_a_graph(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    inner = onnx.ModelProto.FromString(foreign(external=True)).graph
    node = helper.make_node("If", ["condition"], ["z"], then_branch=inner, else_branch=inner)
    model.graph.node.append(node)
    (tmp_path / "forged.onnx").write_bytes(resealed(model))
    with pytest.raises(ModelError, match="has external data"):
        read(tmp_path / "forged.onnx")


def test_the_word_location_alone_is_harmless(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    model.doc_string = "location"
    (tmp_path / "described.onnx").write_bytes(resealed(model))
    assert read(tmp_path / "described.onnx")[1].classes == ("cat", "dog", "frog")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("classes", None, "eyespot.classes is missing"),
        ("classes", '["cat", "dog"]', "one probability for each of the 2 classes"),
        ("classes", '["cat", "dog", "dog"]', "eyespot.classes is not a list of different names"),
        ("classes", '["cat", "dog", 3]', "eyespot.classes is not a list of different names"),
        ("classes", '{"cat": 0}', "eyespot.classes is not a list of different names"),
        ("classes", "cat", "eyespot.classes is not JSON"),
        ("classes", DEEP, "eyespot.classes is not JSON"),
        ("size", "[10, 8]", "said to take pictures 10 x 8"),
        ("size", "[8]", "eyespot.size is not"),
        ("size", "[8, 1e1]", "eyespot.size is not"),
        ("size", "[8, true]", "eyespot.size is not"),
        ("size", "[0, -10]", "eyespot.size is not"),
        ("resize", '{"fit": "crop"}', "eyespot.resize is not the rule"),
        ("temperature", "0", "eyespot.temperature is not a positive number"),
        ("temperature", "NaN", "eyespot.temperature is not a positive number"),
        ("temperature", '"1"', "eyespot.temperature is not a positive number"),
        ("unsure_threshold", "1.5", "eyespot.unsure_threshold is not a probability"),
        ("unsure_threshold", "9" * 5000, "eyespot.unsure_threshold is not"),
        ("data", "[]", "eyespot.data is not an object"),
        ("recipe", "null", "eyespot.recipe is not an object"),
        ("network", "7", "eyespot.network is not an object"),
        ("golden", "[]", "eyespot.golden is not a list of pictures"),
        ("golden", '[{"png": "###", "probabilities": [0, 0, 1]}]', "eyespot.golden is not a list of pictures"),
        ("golden", '[{"png": "", "probabilities": [0, 1]}]', "eyespot.golden does not give one probability"),
        ("golden", '[{"png": "", "probabilities": [0, 1, "x"]}]', "eyespot.golden does not give one probability"),
        ("format", "2", "it has format 2, and this version of Eyespot reads format 1; upgrade"),
    ],
)
def test_a_description_that_lies_is_refused_even_under_a_right_seal(
    tiny_model: Path, tmp_path: Path, key: str, value: str | None, message: str
) -> None:
    model = onnx.load(tiny_model)
    entries = {**metadata(model), f"eyespot.{key}": value}
    if value is None:
        del entries[f"eyespot.{key}"]
    path = tmp_path / "lying.onnx"
    path.write_bytes(resealed(model, entries))
    with pytest.raises(ModelError, match=message) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_other_classes_than_the_graph_has_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    golden = json.dumps([{"png": "", "probabilities": [0.5, 0.5]}])
    entries = {**metadata(model), "eyespot.classes": '["cat", "dog"]', "eyespot.golden": golden}
    (tmp_path / "lying.onnx").write_bytes(resealed(model, entries))
    with pytest.raises(ModelError, match=r"said to return 2 probabilities, but its graph has probabilities \['n', 3\]"):
        read(tmp_path / "lying.onnx")


def _without_input(model: onnx.ModelProto) -> None:
    del model.graph.input[:]


def _second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("pool", TensorProto.FLOAT, ["n", 3]))


def _float_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


@pytest.mark.parametrize("change", [_without_input, _second_output, _float_input])
def test_a_graph_that_takes_or_returns_something_else_is_refused(
    tiny_model: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    model = onnx.load(tiny_model)
    change(model)
    (tmp_path / "other.onnx").write_bytes(resealed(model))
    with pytest.raises(ModelError, match=r"other\.onnx (contradicts itself|cannot be run)"):
        read(tmp_path / "other.onnx")


def test_a_graph_that_cannot_be_computed_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny_model)
    model.graph.node[-1].op_type = "Hocuspocus"
    (tmp_path / "broken.onnx").write_bytes(resealed(model))
    with pytest.raises(ModelError, match=r"broken\.onnx cannot be run by ONNX Runtime"):
        Model(tmp_path / "broken.onnx")


def _forgotten_weight(network: dict[str, Any]) -> None:
    network["layers"][4]["name"] = "forgotten"


def _loop(network: dict[str, Any]) -> None:
    network["layers"][2]["inputs"] = ["probabilities"]


def _strange_shape(network: dict[str, Any]) -> None:
    network["layers"][0]["config"] = {"shape": "wide"}


@pytest.mark.parametrize("change", [dict.clear, _forgotten_weight, _loop, _strange_shape])
def test_a_network_that_is_not_in_the_graph_is_refused(
    tiny_model: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    model = onnx.load(tiny_model)
    entries = metadata(model)
    network = json.loads(entries["eyespot.network"])
    change(network)
    path = tmp_path / "lying.onnx"
    path.write_bytes(resealed(model, {**entries, "eyespot.network": json.dumps(network)}))
    with pytest.raises(ModelError, match="does not hold the network that it describes"):
        read_network(path)
