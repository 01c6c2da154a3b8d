"""`eyespot explain`: how a network sees."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot.cli.console import answer, answer_json, listed, one_line, percent, say, table
from eyespot.cli.model import MODEL_HELP, open_model
from eyespot.cli.options import Arguments, Subparsers, add_verb
from eyespot.errors import EyespotError, ImageError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eyespot.explanation.layers import LayerSummary
    from eyespot.prediction import Model, Prediction

OUT = Path("explain")
"""Where pages go unless `--out` says."""

_EXAMPLES = """\
  eyespot explain
  eyespot explain runs/letters
  eyespot explain photo.jpg
  eyespot explain cifar10 photo.jpg --out pages/
  eyespot explain latest --json"""

_NOTES = """\
Without IMAGE, a table. For each layer: its output (height x width x channels), how many weights it has, how
many multiplications with additions one picture takes and which share of all that is, how much of the picture
one unit sees (its receptive field) and how far apart neighbors see it, both in pixels, and the arithmetic of
its size.
With IMAGE, a page that needs nothing outside itself: the picture as numbers, what each layer makes of it, and
for any unit the window, the kernel and the sum that give its number, down to the probabilities."""

_MODEL_FILES = (".onnx", ".keras")


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = add_verb(
        subparsers,
        "explain",
        run,
        help="show a model layer by layer, or how it sees a picture",
        examples=_EXAMPLES,
        notes=_NOTES,
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "image", nargs="?", metavar="IMAGE", help="a picture to follow through the network: a file, an http address, or -"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder that the page of IMAGE goes to (default: explain)")


def run(arguments: Arguments) -> int:
    """Print the layer table, or write a picture's page."""
    name, image = _named(arguments.model, arguments.image)
    if image is None and arguments.out is not None:
        raise UsageError("--out names the folder for the page of an IMAGE; none was given")
    model = open_model(name, quiet=arguments.quiet)
    if image is not None:
        return _explain_picture(arguments, model, image)
    from eyespot.explanation.layers_graph import read_table
    from eyespot.explanation.layers_text import NUMBERS, table_cells
    from eyespot.run_folder import find_card

    card = find_card(model.path)
    if card is not None and not arguments.quiet:
        say(one_line(f"how it was trained, its figures and its limits: {card}"))
    rows = read_table(model.path)
    if arguments.json:
        answer_json(_to_json(rows))
    else:
        answer(table([[one_line(cell) for cell in line] for line in table_cells(rows)], numbers=NUMBERS))
    return 0


def _named(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Which of the words is the model, and which the picture; the model may be left out, and they may change places."""
    if first is None or not _is_picture(first):
        return first, second
    if second is None:
        return None, first
    if _is_picture(second):
        raise UsageError(f"one picture is explained at a time, and both {first} and {second} are pictures")
    return second, first


def _is_picture(word: str) -> bool:
    """Whether a word means a picture, not a model."""
    from eyespot.images import SUFFIXES

    path = Path(word)
    suffix = path.suffix.lower()
    is_other_file = suffix not in _MODEL_FILES and path.is_file()
    return word == "-" or _is_address(word) or is_other_file or (suffix in SUFFIXES and not path.is_dir())


def _is_address(word: str) -> bool:
    return word.lower().startswith(("http://", "https://"))


@dataclass(frozen=True)
class _Opened:
    """A picture: its name, as the network takes it, and as it is, (height, width, 3) uint8 each."""

    name: str
    picture: NDArray[np.uint8]
    original: NDArray[np.uint8]


def _open(image: str, size: tuple[int, int]) -> _Opened:
    """The picture that a word means.

    Errors: ImageError, DownloadError.
    """
    from eyespot import images

    source: Path | bytes
    if _is_address(image):
        from eyespot.download import fetch_bytes
        from eyespot.settings import MAX_DOWNLOAD_BYTES

        source, name = fetch_bytes(image, MAX_DOWNLOAD_BYTES), image.partition("?")[0].rstrip("/").rpartition("/")[2] or image
    elif image == "-":
        from eyespot.cli.pictures import expand

        (entry,) = expand([image]).entries
        if not isinstance(entry.source, bytes):
            raise ImageError(image, entry.error or "is no picture")
        source, name = entry.source, "picture"
    else:
        source, name = Path(image), Path(image).name
    return _Opened(name, images.decode(source, size, name=image), images.decode(source, name=image))


def _explain_picture(arguments: Arguments, model: Model, image: str) -> int:
    from eyespot.bundle import read_network
    from eyespot.explanation.heat_map import heat_map
    from eyespot.explanation.layers import layer_table
    from eyespot.explanation.page import Subject, write_page

    network = read_network(model.path)
    opened = _open(image, model.description.size)
    prediction = model.predict(opened.picture)
    subject = Subject(
        name=opened.name,
        model=_words(model),
        classes=model.classes,
        picture=opened.picture,
        original=None if opened.original.shape == opened.picture.shape else opened.original,
        unsure=prediction.unsure,
        threshold=model.description.unsure_threshold,
    )
    heat = heat_map(model, opened.picture, model.classes.index(prediction.label))
    path = _page_path(arguments.out or OUT, opened.name)
    write_page(path, network, subject, heat)
    if arguments.json:
        answer_json(_to_json(layer_table(network)) | _prediction_to_json(path, prediction))
        return 0
    if not arguments.quiet:
        taken = time.monotonic() - arguments.began
        say(f"{path.stat().st_size / 1e6:.1f} MB, {taken:.1f} s from start to page; it opens in any browser, offline too")
    answer(one_line(f"{opened.name}: {_answer(prediction)}"))
    answer(str(path))
    return 0


def _words(model: Model) -> str:
    recipe, data = (description.get("name") for description in (model.description.recipe, model.description.data))
    trained = " ".join(filter(None, (f"trained on {data}" if data else "", f"by the recipe {recipe}" if recipe else "")))
    name = model.path.parent.name if model.path.stem == "model" else model.path.stem
    return " · ".join(filter(None, (f"model {name}", trained, f"{len(model.classes)} classes: {listed(model.classes, 6)}")))


def _page_path(folder: Path, name: str) -> Path:
    """Where the page of a picture goes; the folder is made.

    Errors: EyespotError, where it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EyespotError(f"{folder} cannot be made: {error.strerror or error}") from error
    # An address may hold what a file's name cannot.
    stem = "".join(character if character not in '\\/:*?"<>|' and character.isprintable() else "_" for character in name)
    return folder / f"{Path(stem).stem or 'picture'}.html"


def _answer(prediction: Prediction) -> str:
    others = [f"{label} {percent(probability)}" for label, probability in prediction.top[1:3]]
    best = f"{prediction.label} {percent(prediction.probability)}"
    doubt = ", unsure" if prediction.unsure else ""
    return f"{best}{doubt}{f' (then {listed(others)})' if others else ''}"


def _to_json(rows: Sequence[LayerSummary]) -> dict[str, Any]:
    return {
        "layers": [row.to_json() for row in rows],
        "parameters": sum(row.parameters for row in rows),
        "macs": sum(row.macs for row in rows),
    }


def _prediction_to_json(path: Path, prediction: Prediction) -> dict[str, Any]:
    predictions = [{"label": label, "probability": probability} for label, probability in prediction.top]
    return {"page": str(path), "predictions": predictions, "unsure": prediction.unsure}
