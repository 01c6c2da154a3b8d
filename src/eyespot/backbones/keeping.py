"""A network that ends in features, written where `find` finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eyespot import bundle, settings
from eyespot.backbones.cutting import joined
from eyespot.backbones.finding import KERAS
from eyespot.errors import ModelError
from eyespot.network import Network

_ANYTHING = "anything"
"""The one class of a network that tells none apart."""


def keep(name: str, network: Network, *, data: str, source: str, license: str) -> Path:
    """Write a network of `keras.applications` as the backbone `keras:NAME`, whole or not at all.

    A model file gives probabilities, so the features get a head of zeros that calls every picture the same. It is what the file
    is cut before when it is used.

    Args:
        name: of the network; of letters, digits and underscores.
        network: pixels in, (n, d) features out.
        data: what its weights were trained on.
        source: where they are from.
        license: how they may be used.

    Returns: the file.

    Errors: InputError for a network that does not end in features; ModelError, where the file cannot be written.
    """
    path = settings.backbones_folder() / f"{name}.onnx"
    height, width, _ = network.input_shape
    features = network.shapes[network.output][-1]
    description = bundle.Description(
        classes=(_ANYTHING,),
        size=(height, width),
        data={"name": data, "source": source, "license": license},
        recipe={"name": f"{KERAS}{name}"},
    )
    headed = joined(network, np.zeros((features, 1)), np.zeros(1))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        bundle.write(path, headed, description)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
