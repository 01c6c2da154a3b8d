"""The accuracy of the published CIFAR-10 speed records, on an ordinary processor, in minutes.

    eyespot train cifar10 --recipe accurate

MEASURED-ACCURATE
"""

from __future__ import annotations

from functools import partial

from eyespot.models.whitened import whiten, whitened
from eyespot.recipes.muon_sgd import falling_to_zero
from eyespot.recipes.recipe import Recipe

recipe = Recipe(
    model=whitened,
    network={"widths": [64, 256, 256]},
    prepare=whiten,
    optimizer=partial(falling_to_zero, momentum=0.65),
    learning_rate=0.24,
    epochs=10,
    least_steps=350,
    batch_size=1024,
    flip="auto",
    shift=2,
    label_smoothing=0.2,
    validation_fraction=0.02,
)
