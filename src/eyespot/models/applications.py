"""The networks of `keras.applications` that serve as backbones, and their published weights.

Each becomes a model that takes pixels 0-255, red first, and ends in its pooled features, before the layer that would name
ImageNet's classes; what Keras does to pixels beforehand is a layer of it. Left out are networks that take blue first (Keras'
"caffe" mode) and those whose weights Keras publishes without a checksum.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from eyespot import download, settings
from eyespot.errors import DownloadError, InputError
from eyespot.network import Network
from eyespot.progress import SILENT, Progress

# Keras takes seconds to import, and only building a network needs it: it is imported there.

LEAST_SIZE = 32
"""Pixels; narrower or lower pictures leave nothing to the last layers."""

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_WRONG_CONTENT = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""What Keras and h5py raise over a file that holds something else."""

_UNNAMED = (
    "activation",
    "add",
    "global_average_pooling2d",
    "layer_normalization",
    "max_pooling2d",
    "multiply",
    "normalization",
    "re_lu",
    "rescaling",
)
"""What Keras calls layers and operations of these networks that were given no name, but for a number."""


@dataclass(frozen=True)
class Application:
    """One network of `keras.applications`, with its weights as trained on ImageNet.

    Attributes:
        name: of the function in `keras.applications` that builds it.
        size: height and width, in pixels, of the pictures it was made for.
        address: where its weights lie, without those of the last layer.
        file_bytes: the length of that file.
        origin: whose weights they are.
        license: under which these were published there.
        md5: the file's checksum, where `sha256` is None; both as in the source of `keras.applications`.
        sha256: the same.
        scaling: (scale, offset) that Keras' preprocessing applies to pixels 0-255; None where the network begins with its own.
    """

    name: str
    size: int
    address: str
    file_bytes: int
    origin: str
    license: str
    md5: str | None = None
    sha256: str | None = None
    scaling: tuple[float, float] | None = None

    @property
    def megabytes(self) -> int:
        """The length of the file in millions of bytes, at least 1."""
        return max(1, round(self.file_bytes / 1e6))

    @property
    def weights_path(self) -> Path:
        """Where the weights lie on this machine, once they are fetched."""
        return settings.backbones_folder() / PurePosixPath(self.address).name

    @property
    def terms(self) -> str:
        """Size, source and license of the weights in one line, for the user to agree to."""
        return f"{self.name}, {self.megabytes} MB from {self.address}: trained on ImageNet, by {self.origin} ({self.license})"


def _efficientnet_v2(letter: str, size: int, file_bytes: int, md5: str) -> Application:
    address = f"{_ADDRESS}efficientnet_v2/efficientnetv2-{letter.lower()}_notop.h5"
    origin = "https://github.com/google/automl"
    return Application(f"EfficientNetV2{letter}", size, address, file_bytes, origin, "Apache-2.0", md5=md5)


def _mobilenet_v3(width: str, file_bytes: int, md5: str) -> Application:
    address = f"{_ADDRESS}mobilenet_v3/weights_mobilenet_v3_{width.lower()}_224_1.0_float_no_top_v2.h5"
    origin = "https://github.com/tensorflow/models"
    return Application(f"MobileNetV3{width}", 224, address, file_bytes, origin, "Apache-2.0", md5=md5)


APPLICATIONS: Mapping[str, Application] = {
    entry.name: entry
    for entry in (
        _mobilenet_v3("Small", 4_334_752, "d3e8ec802a04aa4fc771ee12a9a9b836"),
        _mobilenet_v3("Large", 12_683_000, "07fb09a5933dd0c8eaafa16978110389"),
        _efficientnet_v2("B0", 224, 24_274_472, "893217f2bb855e2983157299931e43ff"),
        _efficientnet_v2("B1", 240, 28_456_008, "0e80663031ca32d657f9caa404b6ec37"),
        _efficientnet_v2("B2", 260, 35_839_040, "1dfe2e7a5d45b6632553a8961ea609eb"),
        _efficientnet_v2("B3", 300, 52_606_240, "f6abf7b5849ac99a89b50dd3fd532856"),
        Application(
            "ResNet50V2",
            224,
            f"{_ADDRESS}resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            94_668_760,
            "https://github.com/facebook/fb.resnet.torch",
            "BSD",
            md5="fac2f116257151a9d068a22e544a4917",
            scaling=(1 / 127.5, -1.0),
        ),
        Application(
            "ConvNeXtTiny",
            224,
            f"{_ADDRESS}convnext/convnext_tiny_notop.h5",
            111_650_432,
            "https://github.com/facebookresearch/ConvNeXt",
            "MIT",
            sha256="d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    )
}
"""The catalog, by name, each family from its smallest on.

Addresses and checksums are those of Keras 3.15, lengths those that Keras reports as it downloads. The licenses of MobileNetV3,
EfficientNetV2 and ConvNeXt are those of the repositories named; that of ResNet50V2 is as Keras' documentation gives it.
"""


def application(name: str) -> Application:
    """The entry of the catalog. Errors: InputError for an unknown name suggests the nearest and lists all."""
    if name in APPLICATIONS:
        return APPLICATIONS[name]
    known = {entry.lower(): entry for entry in APPLICATIONS}
    nearest = difflib.get_close_matches(name.lower(), known, n=1)
    question = f"; did you mean {known[nearest[0]]}?" if nearest else ""
    raise InputError(
        f"{name} is not one of the networks of keras.applications that serve as backbones{question}",
        f"These are {', '.join(APPLICATIONS)}",
    )


def has_weights(name: str) -> bool:
    """Whether the weights that Keras publishes lie on this machine, to the last byte.

    Errors: InputError for an unknown name; DownloadError for a file that cannot be read.
    """
    chosen = application(name)
    path = chosen.weights_path
    try:
        return path.is_file() and download.matches(path, sha256=chosen.sha256, md5=chosen.md5)
    except OSError as error:
        raise _not_fetched(chosen, error) from error


def fetch_weights(name: str, *, progress: Progress = SILENT) -> Path:
    """Download the weights that Keras publishes, unless they lie on this machine already, and return the file's path.

    A download that broke off goes on where it stopped.

    Errors: DownloadError, which says what went wrong and the way out; InputError for an unknown name.
    """
    chosen = application(name)
    path = chosen.weights_path
    if has_weights(name):
        return path
    try:
        download.fetch(
            (chosen.address,),
            path,
            size=chosen.file_bytes,
            sha256=chosen.sha256,
            md5=chosen.md5,
            progress=progress,
        )
    except DownloadError as error:
        raise _not_fetched(chosen, error) from error
    return path


def build_application(name: str, *, weights: Path | None, size: int | None = None) -> Any:
    """The Keras model: (n, size, size, 3) pixels 0-255 in, (n, features) out.

    Args:
        name: one of `APPLICATIONS`.
        weights: an HDF5 file of the weights without those of the last layer: the published `.h5`, or a `.weights.h5` as
            `save_weights` of `keras.applications.NAME(include_top=False)` writes it. None: random weights.
        size: height and width in pixels, at least `LEAST_SIZE`; None: those the network was made for.

    Errors: InputError for an unknown name, too small a size, and a file that holds anything else.
    """
    chosen = application(name)
    side = chosen.size if size is None else size
    if side < LEAST_SIZE:
        raise InputError(f"size={side}: {name} takes pictures of {LEAST_SIZE} x {LEAST_SIZE} pixels and larger")
    if weights is not None:
        _check_is_hdf5(weights, chosen)
    from eyespot.models.backend import keras

    pixels = keras.Input((side, side, 3), name="pixels")
    scaled = keras.layers.Rescaling(*chosen.scaling, name="rescaling")(pixels) if chosen.scaling else pixels
    network = getattr(keras.applications, name)(
        include_top=False, weights=None, input_tensor=scaled, input_shape=(side, side, 3), pooling="avg"
    )
    if weights is not None:
        _load(network, weights, chosen)
    return keras.Model(pixels, network.outputs[0], name=network.name)


def application_network(name: str, *, weights: Path | None, size: int | None = None) -> Network:
    """The same as a network description; arguments and errors as of `build_application`.

    Its layers have the same names whatever was built before it, so that its file has the same bytes: Keras numbers those that
    were given no name through the whole process, here they are numbered anew.
    """
    from eyespot.models.keras_network import read

    return _renumbered(read(build_application(name, weights=weights, size=size)))


def _not_fetched(chosen: Application, reason: Exception) -> DownloadError:
    return DownloadError(
        f"the weights of {chosen.name} are not on this machine and could not be downloaded: {reason}",
        f"The way out: fetch {chosen.address} ({chosen.megabytes} MB) by other means and put it at {chosen.weights_path}",
    )


def _renumbered(network: Network) -> Network:
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for layer in network.layers:
        stem = re.sub(r"_\d+$", "", layer.name)
        names[layer.name] = layer.name
        if stem in _UNNAMED:
            names[layer.name] = f"{stem}_{counts[stem]}" if counts[stem] else stem
            counts[stem] += 1
    layers = tuple(
        replace(layer, name=names[layer.name], inputs=tuple(names[name] for name in layer.inputs)) for layer in network.layers
    )
    return Network(layers, names[network.output])


def _check_is_hdf5(path: Path, chosen: Application) -> None:
    """Refuses what Keras would read as another kind of file, by its name, or could not read at all."""
    if not path.name.endswith((".h5", ".hdf5")):
        raise InputError(f"{path} is no file of weights: its name does not end in .weights.h5 or .h5", _expected(chosen))
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_HDF5))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if beginning != _HDF5:
        raise InputError(f"{path} is no HDF5 file", _expected(chosen))


def _load(network: Any, path: Path, chosen: Application) -> None:
    """Put a file's arrays into a Keras network. Nothing in the file is run: Keras takes arrays from it by name and shape."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file that does not fit, Keras warns part by part before it raises
            network.load_weights(path)
    except _WRONG_CONTENT as error:
        reason = re.split(r"[.\n]", str(error), maxsplit=1)[0]
        raise InputError(f"{path} does not hold the weights of {chosen.name} ({reason})", _expected(chosen)) from error


def _expected(chosen: Application) -> str:
    published = PurePosixPath(chosen.address).name
    return (
        f"Expected: {published} as Keras publishes it (.h5), or what save_weights of"
        f" keras.applications.{chosen.name}(include_top=False) writes (.weights.h5)"
    )
