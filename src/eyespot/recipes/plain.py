"""The tutorial's network trained the plain way, for any data: Adam at a rate that rises shortly, then falls to zero.

    eyespot train letters

Five epochs, or as many as make 1,100 steps where there are few pictures. A stratified tenth of the training part is held out
to watch; the test part is looked at once.
"""

from __future__ import annotations

from typing import Any

from eyespot.models.backend import keras
from eyespot.models.tutorial import tutorial
from eyespot.recipes.recipe import Recipe


def adam_falling_to_zero(learning_rate: float, steps: int) -> Any:
    """Adam whose rate rises over the first tenth of the steps and then falls along a cosine to zero."""
    warm_up = max(steps // 10, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / warm_up, decay_steps=max(steps - warm_up, 1), warmup_target=learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.Adam(schedule)


recipe = Recipe(
    model=tutorial,
    optimizer=adam_falling_to_zero,
    learning_rate=1.5e-3,
    epochs=5,
    least_steps=1_100,
    batch_size=64,
)
