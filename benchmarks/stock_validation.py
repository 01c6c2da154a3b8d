"""Seconds that stock Keras takes to evaluate the tutorial network on 10,000 pictures, as `fit` does after each epoch.

    python benchmarks/stock_validation.py float32|bfloat16 --repeats N [--pictures N]

Run with KERAS_BACKEND set and this checkout's `src` on the path. Prints one JSON document, after one pass that is not counted.
"""

from __future__ import annotations

import argparse
import json
import time

import keras
import numpy as np

from eyespot.models.tutorial import tutorial


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("precision", choices=("float32", "bfloat16"))
    flags.add_argument("--repeats", type=int, required=True)
    flags.add_argument("--pictures", type=int, default=10_000)
    arguments = flags.parse_args()
    if arguments.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    model = tutorial((32, 32, 3), 10)
    model.compile(keras.optimizers.Adam(1e-4), "categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (arguments.pictures, 32, 32, 3), dtype=np.uint8)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, len(pictures))]
    seconds = []
    for _ in range(1 + arguments.repeats):
        begin = time.perf_counter()
        model.evaluate(pictures, labels, batch_size=128, verbose=0)
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": seconds[1:]}))


if __name__ == "__main__":
    main()
