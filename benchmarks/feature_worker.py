"""One side of `feature_speed.py`, in a process of its own.

    python feature_worker.py weights NAME FILE.weights.h5
    python feature_worker.py eyespot NAME FILE.weights.h5 PHOTOGRAPHS
    python feature_worker.py stock NAME FILE.weights.h5 PHOTOGRAPHS

`weights` writes random ones and prints {}. The others print one JSON document, {"features": seconds, ...}: from photographs on
disk to features. For Eyespot alone there are `mirrored` too, from there to the features of the mirrored pictures, and `head`:
to the heads of all folds, which learn from both, and the one that is kept. What is imported and built before counts on neither
side.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH = 32


def weights(name: str, file: Path) -> dict[str, float]:
    """The network that both sides read, with random weights."""
    import keras

    keras.utils.set_random_seed(0)
    getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(224, 224, 3)).save_weights(file)
    return {}


def eyespot(name: str, file: Path, photographs: Path) -> dict[str, float]:
    """As `eyespot train --backbone keras:NAME` goes, with nothing cached."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["EYESPOT_HOME"] = home
        from eyespot import data
        from eyespot.backbones import features_of, find, keep
        from eyespot.models.applications import application_network

        keep(name, application_network(name, weights=file), data="nothing", source="here", license="none")
        backbone = find(f"keras:{name}")
        if backbone is None:
            raise SystemExit(f"there is no backbone {name}")
        started = time.perf_counter()
        dataset = data.load(photographs, backbone.size)
        (part,) = dataset.parts.values()
        vectors = features_of(backbone, part.images)
        featured = time.perf_counter()
        mirrored = features_of(backbone, part.images[:, :, ::-1])
        of_mirrored = time.perf_counter() - featured

        from eyespot.runs.backbone import Features
        from eyespot.runs.frozen import FrozenFeatures
        from eyespot.runs.pictures import gathered, rounds

        pictures = gathered(data.load(photographs), None)
        schedule = rounds(pictures, dataset.classes, None)
        begun = time.perf_counter()
        features = Features(backbone, vectors, part.images[:BATCH].copy(), dataset.fingerprint(), 0.0, mirrored=mirrored)
        way = FrozenFeatures(features, pictures, len(dataset.classes), "budget")
        for each in schedule:
            way.attempt(each)
        way.on_all()
        return {"features": featured - started, "mirrored": of_mirrored, "head": time.perf_counter() - begun}


def stock(name: str, file: Path, photographs: Path) -> dict[str, float]:
    """What a user of stock Keras writes: read, resize, preprocess and predict, batch by batch."""
    import keras

    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg")
    model.load_weights(file)
    module = sys.modules[getattr(keras.applications, name).__module__]
    started = time.perf_counter()
    pixels = [keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224))) for path in _listed(photographs)]
    model.predict(module.preprocess_input(np.stack(pixels)), batch_size=BATCH, verbose=0)
    return {"features": time.perf_counter() - started}


def _listed(photographs: Path) -> list[Path]:
    return sorted(photographs.glob("*/*.jpg"))


if __name__ == "__main__":
    side, name, *paths = sys.argv[1:]
    print(json.dumps({"weights": weights, "eyespot": eyespot, "stock": stock}[side](name, *map(Path, paths))))
