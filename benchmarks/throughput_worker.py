"""One variant of `training_throughput.py`, in a process of its own: trains the tutorial network on random pictures.

Run with KERAS_BACKEND set and this checkout's `src` on the path. Prints one JSON document: images a second and versions.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import keras
import numpy as np
from common import versions

from eyespot.models.tutorial import tutorial

BATCH = 128


class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Times every epoch but the first `warm_up`, and stops the training after `seconds`."""

    def __init__(self, seconds: float, warm_up: int) -> None:
        super().__init__()
        self.seconds = seconds
        self.warm_up = warm_up
        self.started = 0.0
        self.epochs = 0
        self.elapsed = 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if epoch + 1 == self.warm_up:
            self.started = now
        if epoch + 1 > self.warm_up:
            self.epochs += 1
            self.elapsed = now - self.started
            self.model.stop_training = self.elapsed >= self.seconds


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("engine", choices=("eyespot", "stock"))
    flags.add_argument("precision", choices=("float32", "bfloat16"))
    flags.add_argument("--steps", type=int, required=True, help="steps of 128 pictures in an epoch")
    flags.add_argument("--seconds", type=float, required=True, help="how long to measure")
    arguments = flags.parse_args()

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (arguments.steps * BATCH, 32, 32, 3), dtype=np.uint8)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, len(pictures))]

    if arguments.engine == "stock" and arguments.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    model = tutorial((32, 32, 3), 10)
    model.compile(keras.optimizers.Adam(1e-4), "categorical_crossentropy", metrics=["accuracy"])

    clock = Clock(arguments.seconds, warm_up=1)
    options: dict[str, Any] = {"batch_size": BATCH, "epochs": 10_000, "verbose": 0, "callbacks": [clock]}
    if arguments.engine == "eyespot":
        import eyespot

        eyespot.fit(model, pictures, labels, precision=arguments.precision, **options)
    else:
        model.fit(pictures, labels, **options)

    backend = keras.backend.backend()
    packages = ("keras", backend if backend != "tensorflow" else "tensorflow-cpu", "numpy")
    print(
        json.dumps(
            {
                "images_per_second": clock.epochs * len(pictures) / clock.elapsed,
                "epochs": clock.epochs,
                "seconds": clock.elapsed,
                "versions": versions(*packages),
            }
        )
    )


if __name__ == "__main__":
    main()
