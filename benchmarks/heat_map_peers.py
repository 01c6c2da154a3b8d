"""The methods that heat maps are compared with: other ways of finding out what a decision rests on."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from eyespot.network import Network
from eyespot.training.lowering import NativeNetwork

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

Asked = Callable[[Floats], Floats]
"""What a picture says with parts of it hidden: masks (n, height, width), 1 where it is kept -> (n,) probabilities."""


def occlusion(asked: Asked, size: tuple[int, int], passes: int, window: int) -> Floats:
    """How much the probability falls, on average, when a square over the pixel is hidden.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 4.2. The squares lie on
    an even grid of so many places that there are at least `passes` of them.
    """
    across = ceil(passes**0.5)
    rows, columns = (np.rint(np.linspace(0, side - window, across)).astype(int) for side in size)
    kept = np.ones((across * across, *size))
    for mask, (row, column) in zip(kept, ((row, column) for row in rows for column in columns), strict=True):
        mask[row : row + window, column : column + window] = 0
    whole = asked(np.ones((1, *size)))
    hidden = 1 - kept
    return np.asarray(np.tensordot(whole - asked(kept), hidden, axes=1) / hidden.sum(axis=0))


def rise(asked: Asked, size: tuple[int, int], passes: int, cells: int) -> Floats:
    """The mean of random masks, each weighted with the probability that is left.

    Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models" (BMVC 2018): grids of cells
    that are kept or not with equal chances, enlarged smoothly and moved by less than a cell.
    """
    generator = np.random.default_rng(0)
    step = [ceil(side / cells) for side in size]
    enlarged = [(cells + 1) * length for length in step]
    masks = np.empty((passes, *size))
    for mask in masks:
        grid = generator.integers(0, 2, (cells, cells)).astype(np.float32)
        smooth = np.asarray(Image.fromarray(grid).resize((enlarged[1], enlarged[0]), Image.Resampling.BILINEAR))
        row, column = (int(generator.integers(0, length)) for length in step)
        mask[:] = smooth[row : row + size[0], column : column + size[1]]
    return np.asarray(np.tensordot(asked(masks), masks, axes=1) / (passes / 2))


def kernel_shap(asked: Asked, size: tuple[int, int], passes: int, cells: int) -> Floats:
    """The weights of square cells in a linear model of the probability: approximate Shapley values.

    Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions" (NeurIPS 2017), with each set of cells beside its
    complement (Covert, Lee, "Improving KernelSHAP", AISTATS 2021).
    """
    generator = np.random.default_rng(0)
    count = cells * cells
    numbers = np.arange(1, count)
    chances = 1 / (numbers * (count - numbers))
    drawn = generator.choice(numbers, passes // 2, p=chances / chances.sum())
    sets = np.array([generator.permutation(count) < number for number in drawn], float)
    sets = np.concatenate([sets, 1 - sets])
    found = asked(_enlarged(sets.reshape(-1, cells, cells), size))
    centered = sets - 0.5
    # A little ridge, so that there is a solution however few the sets are.
    weights = np.linalg.solve(centered.T @ centered + 1e-3 * len(sets) * np.eye(count), centered.T @ (found - found.mean()))
    return _enlarged(weights.reshape(1, cells, cells), size)[0]


def _enlarged(grids: Floats, size: tuple[int, int]) -> Floats:
    """Grids (n, cells, cells) as maps (n, height, width), each pixel that of the cell it lies in."""
    rows, columns = (np.arange(side) * grids.shape[1] // side for side in size)
    return grids[:, rows][:, :, columns]


def map_layers(network: Network) -> list[str]:
    """The last layer of each size of maps, the smallest last: what Grad-CAM may be computed on."""
    last: dict[tuple[int, ...], str] = {}
    for layer in network.layers:
        shape = network.shapes[layer.name]
        if len(shape) == 3 and shape[0] * shape[1] > 1:
            last[shape[:2]] = layer.name
    return list(last.values())


def grad_cam(network: Network, layer: str) -> Callable[[Pixels, int], Floats]:
    """Maps of a layer, weighted with the mean gradient of the class's logit and rectified; (picture, label) -> a map.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization" (ICCV 2017).
    """
    native = NativeNetwork(network).eval()
    (chosen,) = (module for module in native.native_layers if module.layer.name == layer)

    def explain(picture: Pixels, label: int) -> Floats:
        kept: list[torch.Tensor] = []
        handle = chosen.register_forward_hook(lambda module, inputs, output: kept.append(output))
        try:
            score = native.logits(torch.from_numpy(picture[None]))[0, label]
        finally:
            handle.remove()
        (maps,) = kept
        (gradient,) = torch.autograd.grad(score, maps)
        weighted = torch.relu((gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
        larger = torch.nn.functional.interpolate(weighted, picture.shape[:2], mode="bilinear", align_corners=False)
        return np.asarray(larger[0, 0].detach().numpy(), float)

    return explain
