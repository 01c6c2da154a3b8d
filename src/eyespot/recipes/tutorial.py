"""The Keras tutorial that Eyespot began from, reproduced exactly.

    eyespot train cifar10 --recipe tutorial

Adam as Keras defines it at 1e-4 with the legacy decay, learning rate / (1 + 1e-6 * step), batches of 128, at most 50 epochs.
As in the tutorial, the test part is watched while training: it stops once the test loss has not fallen by 0.001 for three
epochs, and keeps the last weights. So its test figure is a little flattered; every other recipe looks at the test part once.

Measured once (seed 0, 50 epochs, bfloat16, two Xeon cores with AMX, torch 2.13, 2026-11-22): 77.3 % and a loss of 0.666 on all
test pictures, 43 % of which were at hand as JPEG only; 76.5 % balanced over the classes on the exact ones; 23 s an epoch. See
`benchmarks/tutorial_accuracy.py`.
"""

from __future__ import annotations

from typing import Any

from eyespot.models.backend import keras
from eyespot.models.tutorial import tutorial
from eyespot.recipes.recipe import Recipe


def adam_with_decay(learning_rate: float, steps: int, batch_size: int) -> Any:
    """Keras' Adam with what `decay=1e-6` meant: the rate is divided by 1 + 1e-6 * step, whatever steps and batch."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=1e-6)
    return keras.optimizers.Adam(schedule)


recipe = Recipe(
    model=tutorial,
    optimizer=adam_with_decay,
    learning_rate=1e-4,
    epochs=50,
    batch_size=128,
    watch="test",
    patience=3,
    min_delta=0.001,
)
