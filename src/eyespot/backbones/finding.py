"""Which network `--backbone` means: `auto`, `none`, `keras:NAME`, or a model that Eyespot wrote."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eyespot import bundle, settings
from eyespot.backbones.cutting import cut
from eyespot.backbones.pyramid import with_earlier_maps
from eyespot.errors import ModelError, UnsupportedError, UsageError
from eyespot.network import Network
from eyespot.progress import SILENT, Progress
from eyespot.run_folder import find_model, shipped

AUTO = "auto"
NONE = "none"
KERAS = "keras:"
"""What precedes the name of a network of `keras.applications`."""

_SHIPPED = "cifar10"
_KINDS = "a backbone is any model.onnx that Eyespot trained, or keras:NAME, such as keras:MobileNetV3Small"
_PASSED_OVER = "passed over as a backbone: {}"
_TERMS = ("source", "license")
"""What a model file may say, among the facts on its data, of where its weights are from and how they may be used."""


@dataclass(frozen=True)
class Backbone:
    """A network that has learned to see on other pictures.

    Attributes:
        name: what `find` finds it by: `keras:MobileNetV3Small`, `cifar10`, the path of a file.
        path: the model file that it was read from.
        origin: where it came from, in words that complete "the backbone is ...".
        network: the network up to its features: (n, height, width, 3) pixels in, (n, d) out.
        hash: the SHA-256 of its layers and weights, 64 hexadecimal digits; what came after the features does not count.
        trained_on: in words that complete "trained on ..."; empty, where that is not known.
        terms: lines on source and license, where the file says so.
        is_shipped: whether it came with Eyespot.
        description: what the file says of itself; None: there is no file yet.
    """

    name: str
    path: Path
    origin: str
    network: Network = field(repr=False, compare=False)
    hash: str
    trained_on: str = ""
    terms: tuple[str, ...] = ()
    is_shipped: bool = False
    description: bundle.Description | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures that it takes."""
        height, width, _ = self.network.input_shape
        return height, width

    @property
    def features(self) -> int:
        """How many numbers it makes of a picture."""
        return self.network.shapes[self.network.output][0]


def find(
    choice: str,
    *,
    make: Callable[[str], Path] | None = None,
    check: Callable[[Backbone], None] | None = None,
    progress: Progress = SILENT,
) -> Backbone | None:
    """The backbone that `--backbone` means; None for `none`.

    | choice | backbone |
    |---|---|
    | `none` | none |
    | `auto` | the file put last into the folder of backbones, else the shipped `cifar10`, however large the pictures are |
    | `keras:NAME` | the file of that name there; where there is none, what `make` makes |
    | other | the model file, run folder, run or shipped model of that name, or `latest`: as `run_folder.find_model` has it |

    `auto` makes and downloads nothing, and passes over files that cannot be used, or must not be, saying why. Whether what it
    finds is of use for the pictures at hand is for the folds to show.

    Args:
        choice: as above.
        make: the NAME of a network of `keras.applications` -> the model file that it was written to; None: nothing can be made.
        check: raises a UsageError for a backbone that must not be used; None: any may be.
        progress: is told of files that were passed over.

    Errors: UsageError for a word that means nothing; ModelError for a file that is no backbone, which says what is; whatever
    `make` raises, and `check`, but for `auto`.
    """
    if choice == NONE:
        return None
    if choice == AUTO:
        return _automatic(check, progress)
    found = _of_keras(choice.removeprefix(KERAS), make) if choice.startswith(KERAS) else _of_model(choice)
    if check is not None:
        check(found)
    return found


def _automatic(check: Callable[[Backbone], None] | None, progress: Progress) -> Backbone | None:
    for backbone in _at_hand(progress):
        try:
            if check is not None:
                check(backbone)
        except UsageError as error:
            progress.note(_PASSED_OVER.format(error.args[0]))
        else:
            return backbone
    return None


def _at_hand(progress: Progress) -> Iterator[Backbone]:
    """What `auto` may mean, first things first; each is read when it is its turn."""
    for path in _newest_first(settings.backbones_folder()):
        try:
            backbone = _read(path, f"{path}, the last one put there")
        except ModelError as error:
            progress.note(_PASSED_OVER.format(error.args[0]))
        else:
            yield backbone
    own = shipped().get(_SHIPPED)
    if own is not None:
        yield _of_shipped(own)


def _newest_first(place: Path) -> list[Path]:
    """The model files in a folder; none where there is no such folder, or one that is not ours to read."""
    found = []
    try:
        for path in place.iterdir():
            if path.suffix.lower() == ".onnx" and not path.name.startswith(".") and path.is_file():
                found.append((path.stat().st_mtime_ns, path.name, path))
    except OSError:
        return []
    return [path for *_, path in sorted(found, reverse=True)]


def _of_keras(name: str, make: Callable[[str], Path] | None) -> Backbone:
    # It becomes part of a path.
    if not re.fullmatch(r"\w+", name):
        raise UsageError(f"{KERAS}{name} names no network of keras.applications", _KINDS)
    path = settings.backbones_folder() / f"{name}.onnx"
    if not path.is_file():
        if make is None:
            raise ModelError(f"{KERAS}{name} is not on this machine: there is no {path}", _KINDS)
        path = make(name)
    return _read(path, f"{KERAS}{name}, kept as {path}", name=f"{KERAS}{name}")


def _of_model(choice: str) -> Backbone:
    try:
        model = find_model(choice)
    except ModelError as error:
        meant = difflib.get_close_matches(choice, [AUTO, NONE], n=1)
        if meant:
            raise UsageError(f"there is no backbone {choice}; did you mean {meant[0]}?", _KINDS) from error
        raise _with_kinds(error) from error
    if model.is_shipped:
        return _of_shipped(model.path)
    return _read(model.path, f"the network of {model.origin}", name=choice)


def _of_shipped(path: Path) -> Backbone:
    return _read(path, f"the network of {path.stem}, which ships with Eyespot", name=path.stem, is_shipped=True)


def _read(path: Path, origin: str, *, name: str | None = None, is_shipped: bool = False) -> Backbone:
    """The backbone in a model file; without a name it bears that of the file.

    Errors: ModelError, which says what is wrong with the file, and what a backbone is.
    """
    try:
        _, description = bundle.read(path, threads=1)
        network = cut(bundle.read_network(path))
        if not str(description.recipe.get("name")).startswith(KERAS):
            network = with_earlier_maps(network)
        digest = _hash(network)
    except UnsupportedError as error:
        raise ModelError(f"{path} is no backbone: {error}", _KINDS) from error
    except ModelError as error:
        raise _with_kinds(error) from error
    except (LookupError, TypeError, ValueError) as error:  # a network that only a forger writes
        raise ModelError(f"{path} does not hold the network that it describes: {error!r}", _KINDS) from error
    # `bundle.read` has checked what the graph takes, not what the description of the network says.
    if network.input_shape != (*description.size, 3):
        raise ModelError(f"{path} contradicts itself: the network that it describes takes {network.input_shape}", _KINDS)
    recipe = str(description.recipe.get("name"))
    # Under that name another machine can make it, which knows nothing of this path.
    own = recipe if recipe == f"{KERAS}{path.stem}" else str(path)
    return Backbone(
        name or own, path, origin, network, digest, _trained_on(description), _terms(description), is_shipped, description
    )


def _with_kinds(error: ModelError) -> ModelError:
    return ModelError(str(error.args[0]), _KINDS)


def _hash(network: Network) -> str:
    digest = hashlib.sha256(json.dumps(network.to_json(), sort_keys=True).encode())
    for layer in network.layers:
        for name in sorted(layer.weights):
            digest.update(np.ascontiguousarray(layer.weights[name], np.float32).data)
    return digest.hexdigest()


def _trained_on(description: bundle.Description) -> str:
    data, recipe = (str(facts.get("name", "an unknown one")) for facts in (description.data, description.recipe))
    how = "" if recipe.startswith(KERAS) else f" by the recipe {recipe}, to tell {len(description.classes):,} classes apart"
    return f"{data}{how}"


def _terms(description: bundle.Description) -> tuple[str, ...]:
    terms = {term: description.data.get(term) for term in _TERMS}
    return tuple(f"{term}: {value}" for term, value in terms.items() if isinstance(value, str))
