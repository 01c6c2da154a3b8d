"""The page of `eyespot explain`: one picture followed through a network, each number of which can be worked out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.evaluation.templates import environment
from eyespot.evaluation.templates import source as report_source
from eyespot.evaluation.thumbnails import data_uri, exact_data_uri
from eyespot.explanation.activations import Activations, activations
from eyespot.explanation.layers import LayerSummary, layer_table
from eyespot.explanation.layers_seen import seen_pixels
from eyespot.explanation.page_answers import MOST_ANSWERS, best_first, class_layers, softmax
from eyespot.explanation.page_forms import form
from eyespot.explanation.page_numbers import (
    MOST_CHANNELS,
    Pack,
    Plan,
    drawn_maps,
    held_numbers,
    plan,
    positions_or_all,
    strongest_channels,
)
from eyespot.explanation.windows import as_map
from eyespot.network import Layer, Network, Shape
from eyespot.run_folder import write_file

SCRIPTS = ("numbers.js", "working.js", "written.js", "maps.js", "pixels.js", "page.js")
_ORIGINAL_SIDE = 480
_WORTH_NAMING = 0.1
"""What speaks against the answer is named from this share of what speaks for it."""
_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        name: the picture's.
        model: the model's, in words.
        classes: the class names, in the order of the network's output.
        picture: as the network takes it, (height, width, 3) uint8.
        original: as it was before it was brought to that size, (height, width, 3) uint8; None: no other.
        unsure: whether the answer counts as unsure.
        threshold: under which probability it does, 0-1; None: under none.
    """

    name: str
    model: str
    classes: Sequence[str]
    picture: NDArray[np.uint8]
    original: NDArray[np.uint8] | None = None
    unsure: bool = False
    threshold: float | None = None


def write_page(path: Path, network: Network, subject: Subject, heat: NDArray[np.float32] | None = None) -> Path:
    """Write the page to `path`, whole or not at all; it needs nothing outside itself.

    Args:
        network: the network.
        subject: the picture, and what to call things.
        heat: how much each place speaks for the answer, (height, width); negative, where it speaks against it. Only proportions
            count. None: it is not known.

    Errors: RunError, where `path` cannot be written; InputError and ModelError, as `eyespot.explanation.activations`.
    """
    write_file(path, render(network, subject, heat))
    return path


def render(network: Network, subject: Subject, heat: NDArray[np.float32] | None = None) -> str:
    """The page's HTML; see `write_page`."""
    values = activations(network, subject.picture)
    rows = layer_table(network)
    numbers, maps = Pack(), Pack()
    chosen = _chosen(network, values)
    made = plan(network, chosen)
    layers = _layers(network, values, rows, made, subject.classes, numbers, maps)
    script = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    jinja = environment()
    from jinja2 import FileSystemLoader

    probabilities = values[network.output]
    return (
        jinja.overlay(loader=FileSystemLoader(_FOLDER))
        .get_template("page.html")
        .render(
            subject=subject,
            size=subject.picture.shape[:2],
            answers=[(subject.classes[i], float(probabilities[i])) for i in best_first(probabilities, MOST_ANSWERS)],
            softmax=softmax(network, values, subject.classes),
            picture=exact_data_uri(subject.picture),
            original=None if subject.original is None else data_uri(subject.original, _ORIGINAL_SIDE),
            heat=None if heat is None else _heat(heat),
            rows=rows,
            plan=made,
            most_channels=MOST_CHANNELS,
            total_macs=sum(row.macs for row in rows),
            total_parameters=sum(row.parameters for row in rows),
            page={"layers": layers, "height": subject.picture.shape[0], "width": subject.picture.shape[1]},
            numbers=_text(numbers.to_bytes("<f4")),
            maps=_text(maps.to_bytes("i1")),
            pixels=_text(subject.picture.tobytes()),
            style=report_source("report.css") + (_FOLDER / "page.css").read_text(encoding="utf-8"),
            script=script,
            # The page lets no other script run, whatever a class or a file may be called.
            script_checksum=_text(hashlib.sha256(script.encode()).digest()),
        )
    )


def _chosen(network: Network, values: Activations) -> Mapping[str, list[int]]:
    """The channels to show of each layer; of the layers whose units are classes, the best answers."""
    answers = best_first(values[network.output], MOST_CHANNELS)
    of_classes = {layer.name for layer in class_layers(network)}
    return {
        layer.name: answers if layer.name in of_classes else strongest_channels(values[layer.name]) for layer in network.layers
    }


def _layers(
    network: Network,
    values: Activations,
    rows: Sequence[LayerSummary],
    made: Plan,
    classes: Sequence[str],
    numbers: Pack,
    maps: Pack,
) -> list[dict[str, Any]]:
    """What the script knows of each layer, as JSON values; the arrays go to `numbers` and `maps`."""
    index = {layer.name: i for i, layer in enumerate(network.layers)}
    seen = seen_pixels(network)
    of_classes = {layer.name for layer in class_layers(network)}

    def described(layer: Layer, row: LayerSummary) -> dict[str, Any]:
        shown, units = made.shown[layer.name], made.units[layer.name]
        height, width, depth = as_map(network.shapes[layer.name])
        is_picture = layer.name not in made.held
        return {
            "name": layer.name,
            "type": layer.kind,
            "shape": [height, width, depth],
            "inputs": [index[name] for name in layer.inputs],
            "shown": list(shown),
            "labels": [classes[channel] for channel in shown] if layer.name in of_classes else None,
            "rows": positions_or_all(units.rows, height),
            "columns": positions_or_all(units.columns, width),
            "sees": _sees(seen[layer.name], network.shapes[layer.name], shown),
            "form": form(network, layer, shown, row.formula, numbers.add),
            "numbers": None if is_picture else held_numbers(values, layer.name, made.held[layer.name], numbers),
            "map": drawn_maps(values[layer.name], shown, maps),
        }

    return [described(layer, row) for layer, row in zip(network.layers, rows, strict=True)]


def _sees(rectangles: NDArray[np.int64], shape: Shape, shown: Sequence[int]) -> dict[str, Any]:
    """What the units of a layer see: of each row and column; where that does not say it, of each channel shown or place."""
    if len(shape) == 1:
        return {"channels": rectangles[list(shown)].tolist()}
    rectangles = rectangles.reshape(*as_map(shape)[:2], 4)
    rows, columns = rectangles[:, 0, :2], rectangles[0, :, 2:]
    if (rectangles[..., :2] == rows[:, None]).all() and (rectangles[..., 2:] == columns[None]).all():
        return {"rows": rows.tolist(), "columns": columns.tolist()}
    return {"places": rectangles.reshape(-1, 4).tolist()}


def _heat(heat: NDArray[np.float32]) -> dict[str, Any]:
    """The heat map as the script draws it, -127 to 127, and where it is hottest, in words."""
    known = np.nan_to_num(np.asarray(heat, np.float64))
    strongest, highest = np.abs(known).max(), known.max()
    drawn = np.rint(known * (127 / strongest)) if strongest > 0 else known
    row, column = np.unravel_index(int(known.argmax()), known.shape)
    return {
        "numbers": _text(drawn.astype("i1").tobytes()),
        "place": _place(int(row), int(column), known.shape) if highest > 0 else None,
        "is_signed": bool(known.min() < -_WORTH_NAMING * strongest),
    }


def _place(row: int, column: int, shape: tuple[int, ...]) -> str:
    vertical = ("upper", "", "lower")[3 * row // shape[0]]
    horizontal = ("left", "", "right")[3 * column // shape[1]]
    where = " ".join(filter(None, (vertical, horizontal)))
    return f"in the {where} third" if where and " " not in where else f"in the {where} part" if where else "in the middle"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
