"""One training of `learning_curves.py`, in a process of its own. Prints one JSON document: the figures of every epoch."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from eyespot import data
from eyespot.models.backend import keras
from eyespot.models.tutorial import tutorial
from eyespot.recipes.tutorial import adam_with_decay

EPOCHS = 3
EVERY = 50
"""The training loss is also kept for every so many steps, to draw."""


class RunningLoss(keras.callbacks.Callback):
    """Keeps the mean loss of every `EVERY` steps.

    What Keras reports within an epoch is the mean since its beginning; the steps before are taken back out of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.losses: list[float] = []
        self._finished = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batches, self._counted, self._sum = 0, 0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batches = batch + 1
        if self._batches % EVERY == 0:
            total = float(logs["loss"]) * self._batches
            self.losses.append((total - self._sum) / (self._batches - self._counted))
            self.steps.append(self._finished + self._batches)
            self._counted, self._sum = self._batches, total

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finished += self._batches


def pictures(count: int | None) -> tuple[Any, Any, Any]:
    """CIFAR-10 as `fit` takes it: training pictures, one-hot labels, validation data; the first `count`, or all."""
    one_hot = np.eye(10, dtype=np.float32)
    train, test = (data.load("cifar10").parts[name] for name in ("train", "test"))
    return train.images[:count], one_hot[train.labels[:count]], (test.images[:count], one_hot[test.labels[:count]])


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("engine", choices=("stock", "eyespot"))
    flags.add_argument("seed", type=int)
    flags.add_argument("--pictures", type=int, help="use only so many")
    arguments = flags.parse_args()

    keras.utils.set_random_seed(0)
    initial = tutorial((32, 32, 3), 10).get_weights()  # those of `eyespot train --seed 0`
    keras.utils.set_random_seed(arguments.seed)
    model = tutorial((32, 32, 3), 10)
    model.set_weights(initial)
    model.compile(adam_with_decay(1e-4, 0), "categorical_crossentropy", metrics=["accuracy"])

    x, y, validation = pictures(arguments.pictures)
    running = RunningLoss()
    options: dict[str, Any] = {"batch_size": 128, "epochs": EPOCHS, "verbose": 0, "callbacks": [running]}
    if arguments.engine == "eyespot":
        import eyespot

        history = eyespot.fit(model, x, y, validation_data=validation, seed=arguments.seed, **options)
    else:
        history = model.fit(x, y, validation_data=validation, **options)
    kept = {name: [round(float(value), 5) for value in values] for name, values in history.history.items()}
    within = {"steps": running.steps, "losses": [round(loss, 4) for loss in running.losses]}
    print(json.dumps({"history": kept, "running_loss": within}))


if __name__ == "__main__":
    main()
