"""The self-describing model.onnx: written, sealed, read and verified.

A model file is an ordinary ONNX file: pixels in, probabilities out. Its metadata says all that a client needs to know (see
`Description`), and its last entry seals it (see `seal`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eyespot import images
from eyespot.bundle import golden
from eyespot.bundle.description import PREFIX, Description, Golden, from_metadata, to_metadata
from eyespot.bundle.runtime import Runtime
from eyespot.bundle.seal import BLANK, KEY, is_intact, is_sealed, seal
from eyespot.errors import InputError, ModelError, VerificationError
from eyespot.files import write_bytes
from eyespot.settings import MAX_MODEL_BYTES

if TYPE_CHECKING:
    from eyespot.network import Network

TOLERANCE = 1e-4
"""A written model whose probabilities differ from the trained network's by more than this fails verification."""


def write(path: Path, network: Network, description: Description) -> None:
    """Write `network` to `path` as a sealed ONNX file, whole or not at all.

    The description's `network`, `golden` and `version` are set here.

    Errors: InputError, where the description does not fit the network; UnsupportedError, for a layer that ONNX cannot express;
    OSError, where the file cannot be written.
    """
    from eyespot.bundle.graph import to_onnx

    _check_fit(network, description)
    write_graph(path, to_onnx(network), replace(description, network=network.to_json()))


def write_graph(path: Path, graph: Any, description: Description) -> None:
    """Write an `onnx.ModelProto` that computes what the description says, as `write` does; its metadata is set here.

    The description's `golden` and `version` are set here.

    Errors: OSError, where the file cannot be written.
    """
    from importlib.metadata import version

    complete = replace(description, golden=_golden(graph.SerializeToString(), description.size), version=version("eyespot"))
    graph.producer_name, graph.producer_version = "eyespot", complete.version
    del graph.metadata_props[:]
    for key, value in {**to_metadata(complete), KEY: BLANK}.items():
        graph.metadata_props.add(key=key, value=value)
    write_bytes(path, seal(graph.SerializeToString()))


def read(path: Path, *, threads: int | None = None) -> tuple[Runtime, Description]:
    """The model, checked and ready to compute, and what it says about itself; onnx is imported only to explain what is wrong.

    Args:
        path: the model file.
        threads: how many threads compute; None: as many as the processor has cores.

    Errors: ModelError, which tells a missing file, a file that is not ONNX, an ONNX file that Eyespot did not write, external
    data, damage, and a description that does not fit the graph apart.
    """
    runtime = Runtime(_read_intact(path), threads, name=str(path))
    description = _described(path, runtime.metadata)
    _check_graph(path, runtime, description)
    return runtime, description


def read_network(path: Path) -> Network:
    """The network in the file, with its weights in Keras' layout.

    Errors: ModelError, as `read`, and where the graph does not hold the network that the description names, or holds integers
    in place of its weights.
    """
    from eyespot.bundle.graph import from_onnx

    model = _parse(_read_intact(path))
    description = _described(path, {entry.key: entry.value for entry in model.metadata_props})
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        raise ModelError(f"{path} computes in integers: its weights cannot be had back; name the model that it was made from")
    try:
        return from_onnx(model, description.network)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise ModelError(f"{path} does not hold the network that it describes: {type(error).__name__}: {error}") from error


def verify(path: Path, pictures: NDArray[np.uint8], expected: NDArray[np.floating[Any]]) -> float:
    """Open the written file again and compare what it computes with what the trained network computed.

    Args:
        path: the model file.
        pictures: (n, height, width, 3) uint8, at the model's input size.
        expected: (n, classes) probabilities.

    Returns: the largest difference of a probability.

    Errors: VerificationError, where it exceeds 1e-4; ModelError, as `read`.
    """
    runtime, description = read(path)
    if pictures.ndim != 4 or pictures.shape[1:] != (*description.size, 3) or pictures.dtype != np.uint8 or not len(pictures):
        wanted = f"(n, {description.size[0]}, {description.size[1]}, 3) uint8"
        raise InputError(f"verifying takes at least one picture, {wanted}; got {pictures.shape} {pictures.dtype}")
    written = np.concatenate(list(runtime.batches(pictures)))
    if written.shape != expected.shape:
        raise VerificationError(
            f"{path} returns probabilities {written.shape} where the trained network returned {expected.shape}"
        )
    difference = float(np.abs(written - np.asarray(expected, np.float32)).max())
    # Written so that NaN fails too.
    if not difference <= TOLERANCE:
        raise VerificationError(
            f"{path} does not compute what was trained: its probabilities differ by up to {difference:.1e}, "
            f"and {TOLERANCE:.0e} is allowed"
        )
    return difference


def _check_fit(network: Network, description: Description) -> None:
    wanted_input, wanted_output = (*description.size, 3), (len(description.classes),)
    if network.input_shape != wanted_input or network.shapes[network.output] != wanted_output:
        raise InputError(
            f"the description says pictures {wanted_input} and probabilities {wanted_output}; "
            f"the network takes {network.input_shape} and returns {network.shapes[network.output]}"
        )


def _golden(model: bytes, size: tuple[int, int]) -> tuple[Golden, ...]:
    files = golden.draw(size)
    pictures = np.stack([images.decode(file, size) for file in files])
    probabilities = np.concatenate(list(Runtime(model).batches(pictures)))
    return tuple(Golden(file, tuple(row.tolist())) for file, row in zip(files, probabilities, strict=True))


def _described(path: Path, metadata: Mapping[str, str]) -> Description:
    try:
        return from_metadata(metadata)
    except ValueError as error:
        raise ModelError(f"{path} is not a model that this version of Eyespot can use: {error}") from error


def _read_intact(path: Path) -> bytes:
    """The bytes of a sealed file, complete in itself and as it was sealed."""
    model = _read_bytes(path)
    if not is_sealed(model):
        raise ModelError(f"{path} {_why_unsealed(model)}")
    # A tensor with external data names the file that holds it by the key "location".
    if b"location" in model and _has_external_data(_parse(model)):
        raise ModelError(
            f"{path} has external data: part of it lies in other files; Eyespot reads only models that are complete"
        )
    if not is_intact(model):
        raise ModelError(f"{path} is damaged: it does not match the checksum within it; copy it again, or train again")
    return model


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            model = file.read(MAX_MODEL_BYTES + 1)
    except FileNotFoundError:
        raise ModelError(f"there is no model file {path}") from None
    except IsADirectoryError:
        raise ModelError(f"{path} is a folder, not a model file") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if len(model) > MAX_MODEL_BYTES:
        raise ModelError(f"{path} is larger than {MAX_MODEL_BYTES / 2**30:.0f} GiB, the most that Eyespot reads")
    if not model:
        raise ModelError(f"{path} is empty")
    return model


def _why_unsealed(model: bytes) -> str:
    """What is wrong with a file without a seal, to follow its name."""
    parsed = _parse(model)
    if parsed is None:
        return "is damaged, or not an ONNX file at all"
    if _has_external_data(parsed):
        return "has external data: part of it lies in other files, and Eyespot did not write it"
    if any(entry.key.startswith(PREFIX) for entry in parsed.metadata_props):
        return "is damaged or was changed: it lacks the checksum that Eyespot writes into every model"
    return (
        "is a valid ONNX model, but not one that Eyespot wrote: it does not say what its classes are and how to resize pictures"
    )


def _parse(model: bytes) -> Any:
    """The file as an `onnx.ModelProto`; None where it is not one."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it brings no types

    try:
        parsed = onnx.load_model_from_string(model)
    except DecodeError:
        return None
    return parsed if parsed.ir_version > 0 and parsed.graph.output else None


def _has_external_data(parsed: Any) -> bool:
    """Whether any tensor, however deep in subgraphs, lies outside the file."""
    return parsed is not None and any(
        len(tensor.external_data) > 0 or tensor.data_location == tensor.EXTERNAL for tensor in _tensors(parsed)
    )


def _tensors(message: Any) -> Iterator[Any]:
    """Every `TensorProto` within a protobuf message."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(part)


def _check_graph(path: Path, runtime: Runtime, description: Description) -> None:
    """The graph must take and return what the description says."""
    (height, width), classes = description.size, len(description.classes)
    expected = [
        ("take", runtime.inputs, "tensor(uint8)", [height, width, 3], f"pictures {height} x {width}"),
        ("return", runtime.outputs, "tensor(float)", [classes], f"{classes} probabilities"),
    ]
    for verb, tensors, element_type, shape, what in expected:
        if len(tensors) != 1 or tensors[0].type != element_type or tensors[0].shape[1:] != shape:
            found = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in tensors) or "nothing"
            raise ModelError(f"{path} contradicts itself: it is said to {verb} {what}, but its graph has {found}")
