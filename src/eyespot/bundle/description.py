"""What a model file says about itself, beside its graph: enough to use it rightly with no other file."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eyespot.images import RESIZE_RULE

FORMAT = 1
"""The version of this layout of the metadata; a reader refuses a higher one."""

PREFIX = "eyespot."


@dataclass(frozen=True)
class Golden:
    """A drawn picture with the probabilities that the model gives it, for a client to check its own preprocessing against.

    Attributes:
        picture: a PNG file, of another size than the model's input.
        probabilities: one for each class, in order.
    """

    picture: bytes
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Description:
    """What a model file says about itself.

    Attributes:
        classes: the class names, in the order of the output.
        size: (height, width) that pictures are resized to, in pixels.
        data: what it was trained on: `name`, and `fingerprint` as `Dataset.fingerprint` gives it; of few pictures also
            `learned_from`, by which each is known again.
        recipe: what it was trained by: `name`, and the recipe's settings.
        resize: how pictures are brought to `size`; see `eyespot.images.RESIZE_RULE`.
        temperature: what the logits are divided by before the softmax, within the graph.
        unsure_threshold: a prediction whose probability is lower counts as unsure, 0-1; None: none does.
        network: the network without its weights, as `Network.to_json` gives it; set when the file is written.
        golden: three drawn pictures; set when the file is written.
        version: the version of Eyespot that wrote the file; set when the file is written.
    """

    classes: tuple[str, ...]
    size: tuple[int, int]
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    resize: Mapping[str, Any] = field(default_factory=lambda: dict(RESIZE_RULE))
    temperature: float = 1.0
    unsure_threshold: float | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[Golden, ...] = ()
    version: str = ""


def to_metadata(description: Description) -> dict[str, str]:
    """The description as the `eyespot.*` entries of an ONNX file, each a JSON value."""
    values = {
        "format": FORMAT,
        "version": description.version,
        "classes": list(description.classes),
        "size": list(description.size),
        "resize": dict(description.resize),
        "temperature": description.temperature,
        "unsure_threshold": description.unsure_threshold,
        "data": dict(description.data),
        "recipe": dict(description.recipe),
        "network": dict(description.network),
        "golden": [
            {"png": base64.b64encode(golden.picture).decode(), "probabilities": list(golden.probabilities)}
            for golden in description.golden
        ],
    }
    return {PREFIX + name: json.dumps(value) for name, value in values.items()}


def from_metadata(metadata: Mapping[str, str]) -> Description:
    """The description that `to_metadata` wrote down.

    Errors: ValueError, which names the entry that is missing or wrong.
    """
    format_number = _parse(metadata, "format")
    if format_number != FORMAT:
        raise ValueError(f"it has format {format_number!r}, and this version of Eyespot reads format {FORMAT}; upgrade Eyespot")
    values = {name: _parse(metadata, name) for name in _EXPECTED}
    for name, (holds, expected) in _EXPECTED.items():
        if not holds(values[name]):
            raise ValueError(f"{PREFIX}{name} is not {expected}")
    classes = tuple(values["classes"])
    return Description(
        classes=classes,
        size=(values["size"][0], values["size"][1]),
        data=values["data"],
        recipe=values["recipe"],
        resize=values["resize"],
        temperature=float(values["temperature"]),
        unsure_threshold=values["unsure_threshold"],
        network=values["network"],
        golden=tuple(_golden(entry, len(classes)) for entry in values["golden"]),
        version=values["version"],
    )


def _parse(metadata: Mapping[str, str], name: str) -> Any:
    if PREFIX + name not in metadata:
        raise ValueError(f"{PREFIX}{name} is missing")
    try:
        return json.loads(metadata[PREFIX + name])
    except (ValueError, RecursionError):
        raise ValueError(f"{PREFIX}{name} is not JSON") from None


def _golden(entry: Any, classes: int) -> Golden:
    try:
        picture = base64.b64decode(entry["png"], validate=True)
        probabilities = tuple(entry["probabilities"])
    except (TypeError, KeyError, binascii.Error):
        raise ValueError(f"{PREFIX}golden is not a list of pictures with probabilities") from None
    if len(probabilities) != classes or not all(_is_number(value) for value in probabilities):
        raise ValueError(f"{PREFIX}golden does not give one probability for each of the {classes} classes")
    return Golden(picture, probabilities)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_classes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(name, str) and name for name in value)
        and len(set(value)) == len(value)
    )


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value)


def _is_threshold(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 <= value <= 1)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_EXPECTED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "version": (lambda value: isinstance(value, str), "a version"),
    "classes": (_are_classes, "a list of different names"),
    "size": (_is_size, "[height, width] in pixels"),
    "resize": (lambda value: value == dict(RESIZE_RULE), "the rule by which this version of Eyespot resizes pictures"),
    "temperature": (lambda value: _is_number(value) and value > 0, "a positive number"),
    "unsure_threshold": (_is_threshold, "a probability or null"),
    "data": (_is_object, "an object"),
    "recipe": (_is_object, "an object"),
    "network": (_is_object, "an object"),
    "golden": (lambda value: isinstance(value, list) and len(value) > 0, "a list of pictures"),
}
