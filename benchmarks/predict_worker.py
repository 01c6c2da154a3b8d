"""One side of `predict_throughput.py`, in a process of its own: images a second of one model on random pictures.

    python predict_worker.py {eyespot,stock,xla} MODEL --seconds S

Stock Keras needs KERAS_BACKEND set; `xla` turns on its `jit_compile`, which on some backends it leaves off. Prints one JSON
document: {"predict": {batch: images a second}, "called": {batch: ...}, "versions": {...}}; `called` is the model called as a
function instead, one picture at a time, and there for stock Keras alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import versions

BATCHES = (1, 32, 256)
PER_CALL = 1024
"""So many pictures are handed to stock `predict` at once where the batch is more than one."""

Predict = Callable[[np.ndarray], Any]


def eyespot(model: Any) -> dict[int, tuple[Predict, int]]:
    """Batch -> what predicts, and how many pictures it is handed at once: no more than the batch."""
    return {batch: (model.probabilities, batch) for batch in BATCHES}


def stock(model: Any) -> dict[int, tuple[Predict, int]]:
    """The same for stock Keras, which is handed many batches at once, so that what each call costs beside is spread."""

    def of(batch: int) -> Predict:
        return lambda pictures: model.predict(pictures, batch_size=batch, verbose=0)

    return {batch: (of(batch), PER_CALL if batch > 1 else 1) for batch in BATCHES}


def images_per_second(predict: Predict, pictures: np.ndarray, seconds: float) -> float:
    """Measured for so many seconds at least, after two calls that are not counted."""
    for _ in range(2):
        predict(pictures)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        predict(pictures)
        done += len(pictures)
    return done / (time.perf_counter() - started)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("engine", choices=("eyespot", "stock", "xla"))
    flags.add_argument("model", type=Path)
    flags.add_argument("--seconds", type=float, required=True, help="how long to measure each batch, at least")
    arguments = flags.parse_args()

    rng = np.random.default_rng(0)
    figures: dict[str, dict[int, float]] = {"predict": {}, "called": {}}
    if arguments.engine == "eyespot":
        from eyespot.prediction import load

        model = load(arguments.model)
        sides, packages, size = eyespot(model), ["onnxruntime", "numpy"], model.size
    else:
        import keras

        model = keras.models.load_model(arguments.model)
        model.jit_compile = True if arguments.engine == "xla" else model.jit_compile
        backend = keras.backend.backend()
        sides, packages = stock(model), ["keras", "tensorflow-cpu" if backend == "tensorflow" else backend, "numpy"]
        size = model.input_shape[1:3]

        def called(pictures: np.ndarray) -> Any:
            return keras.ops.convert_to_numpy(model(pictures, training=False))

        one = rng.integers(0, 256, (1, *size, 3), dtype=np.uint8)
        figures["called"][1] = images_per_second(called, one, arguments.seconds)
    for batch, (predict, at_once) in sides.items():
        pictures = rng.integers(0, 256, (at_once, *size, 3), dtype=np.uint8)
        figures["predict"][batch] = images_per_second(predict, pictures, arguments.seconds)
    print(json.dumps({**figures, "versions": versions(*packages)}))


if __name__ == "__main__":
    main()
