"""The accuracy of the published CIFAR-10 speed records, on an ordinary processor, in minutes.

    eyespot train cifar10 --recipe accurate

Nine epochs in batches of 1,024, whose gradients are computed for 256 pictures at a time; of the pictures that the network knows
best, half are left out of most epochs. No part is held out to watch, as nothing is decided by it.

Measured with three seeds (two Xeon cores with AMX, bfloat16, torch 2.13, 2026-11-23): 91.5 % balanced over classes on the 5,677
test pictures that are exact here (deviation 0.4), with flips 92.4 %, with six views 92.5 %; 89.1, 90.1 and 90.3 % on all of
them. 277 s from process start to end. See `benchmarks/accuracy_speed.py`.
"""

from __future__ import annotations

from eyespot.models.whitened import whiten, whitened
from eyespot.recipes.muon_sgd import falling_to_zero
from eyespot.recipes.recipe import Recipe

recipe = Recipe(
    model=whitened,
    network={"widths": [64, 256, 256], "learns_bias": True},
    prepare=whiten,
    optimizer=falling_to_zero,
    learning_rate=0.24,
    epochs=9,
    least_steps=350,
    batch_size=1024,
    micro_batch=256,
    flip="auto",
    shift=2,
    label_smoothing=0.2,
    data_pruning=0.33,
    validation_fraction=0.0,
)
