"""The network of the fast recipes: it whitens small patches of the picture first, then learns on what that leaves.

After K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv:2404.00498), and `airbench94_muon.py` of the same
author; the whitening is Page's ("How to Train Your ResNet 8: Bag of Tricks", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot import environment
from eyespot.errors import InputError
from eyespot.models.backend import keras

WHITENING = "whitening"
"""The name of the layer whose weights `whiten` computes."""

PATTERNS = 12
"""So many principal components of the patches are looked for, each by a filter and by its negative; twice as many where the
patches are twice as high and wide."""

_SIDE = 32

_NOISE = 5e-4
"""Added to each component's variance, as a share of the pixels' own, so that components of mere noise are not blown up."""

_PATCHES = 500_000
"""At most so many patches are enough to know their covariance."""

_COVARIANCES = 3
"""So much memory, in matrices of the patches' covariance, their principal components take at least."""


def whitened(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    widths: Sequence[int] = (64, 256, 256),
    depth: int = 2,
    stride: int | None = None,
    learns_bias: bool = False,
) -> Any:
    """A convolutional network on whitened patches.

    A convolution of kernel 2 x stride, whose kernel is not learned, whitens the patches; for each of `widths` follows a group
    of `depth` 3 x 3 convolutions, the first of which is pooled; the largest answer of each last channel decides.

    Takes (n, height, width, 3) pixels 0-255, returns (n, classes) probabilities. Before it is trained, `whiten` computes the
    weights of its first layer.

    Args:
        input_shape: (height, width, 3).
        classes: how many there are.
        widths: the channels of each group, which halves height and width.
        depth: convolutions in a group; the first's output joins that of the third.
        stride: pixels from one patch to the next; None: such that larger pictures cost little more than those of 32 x 32.
        learns_bias: whether the bias of the whitening is learned, which only long trainings gain from.

    Errors: InputError, where an argument cannot be, nothing is left of the picture, or memory is too small for the whitening.
    """
    stride = stride_for(min(input_shape[:2])) if stride is None else stride
    _check_arguments(widths, depth, stride)
    _check_shapes(input_shape, widths, stride)
    layers = keras.layers
    pixels = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 255, name="rescaling")(pixels)
    whitening = layers.Conv2D(2 * PATTERNS * stride, 2 * stride, strides=stride, name=WHITENING)
    x = whitening(x)
    whitening.kernel.trainable = False
    whitening.bias.trainable = learns_bias
    x = layers.Activation("gelu", name="whitening_gelu")(x)
    for group, width in enumerate(widths, 1):
        x = first = _normalized(_convolution(x, width, f"conv{group}_1"), f"{group}_1", pool=True)
        for number in range(2, depth + 1):
            x = _convolution(x, width, f"conv{group}_{number}")
            x = _normalized(x, f"{group}_{number}", joined=first if number == 3 else None)
    x = layers.GlobalMaxPooling2D(name="largest")(x)
    spread = keras.initializers.RandomUniform(-(3**0.5), 3**0.5)  # of unit variance
    x = layers.Dense(classes, use_bias=False, kernel_initializer=spread, name="dense")(x)
    x = layers.Rescaling(1 / widths[-1], name="logit_scale")(x)
    x = layers.Rescaling(1.0, name="temperature")(x)
    return keras.Model(pixels, layers.Softmax(name="probabilities")(x), name="whitened")


def stride_for(size: int) -> int:
    """The stride of the whitening that leaves about 32 x 32 of pictures of `size` x `size` pixels."""
    return max(1, round(size / _SIDE))


def _check_arguments(widths: object, depth: object, stride: object) -> None:
    if not isinstance(widths, list | tuple) or not widths or not all(map(_is_count, widths)):
        raise InputError(f"widths must be a list of whole numbers above 0, one a group, such as [32, 64]; got {widths!r}")
    for name, value in (("depth", depth), ("stride", stride)):
        if not _is_count(value):
            raise InputError(f"{name} must be a whole number above 0; got {value!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _check_shapes(input_shape: tuple[int, int, int], widths: Sequence[int], stride: int) -> None:
    height, width, depth = input_shape
    side, needed = min(height, width) // stride - 1, 2 ** len(widths)
    if side < needed:
        raise InputError(
            f"pictures of {height} x {width} pixels are too small for this network: with stride {stride} the whitening leaves "
            f"{max(side, 0)} x {max(side, 0)} of them, and the widths {list(widths)}, each of which halves that, need "
            f"{needed} x {needed}; choose a larger size (--size), a smaller stride or fewer widths (--set network=...)"
        )
    needed, there = _COVARIANCES * ((2 * stride) ** 2 * depth) ** 2 * 4, environment.memory()
    if there is not None and needed > there:
        raise InputError(
            f"pictures of {height} x {width} pixels, whitened in patches of {2 * stride} x {2 * stride}, need "
            f"{needed / 1e9:,.0f} GB of memory, and there are {there / 1e9:,.0f} GB; choose a smaller size (--size) or a "
            "smaller stride (--set network='{stride: 8}')"
        )


def _convolution(x: Any, width: int, name: str) -> Any:
    """A 3 x 3 convolution that at first hands its inputs on unchanged, as far as it has channels."""
    spread = keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
    convolution = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=spread, name=name)
    y = convolution(x)
    kernel = np.array(keras.ops.convert_to_numpy(convolution.kernel))
    kept = min(x.shape[-1], width)
    kernel[..., :kept] = 0
    kernel[1, 1, :kept, :kept] = np.eye(kept)
    convolution.kernel.assign(kernel)
    return y


def _normalized(x: Any, name: str, *, pool: bool = False, joined: Any = None) -> Any:
    layers = keras.layers
    if pool:
        x = layers.MaxPooling2D(2, name=f"pool{name}")(x)
    x = layers.BatchNormalization(momentum=0.6, epsilon=1e-6, scale=False, name=f"norm{name}")(x)
    if joined is not None:
        x = layers.Add(name=f"add{name}")([x, joined])
    return layers.Activation("gelu", name=f"gelu{name}")(x)


def whiten(model: Any, pictures: NDArray[np.uint8]) -> None:
    """Compute the weights of the first layer of a `whitened` network, so that its outputs are uncorrelated on `pictures`.

    Its filters are the principal components of the pictures' patches, scaled to unit variance, and their negatives; its bias
    takes the mean off.

    Args:
        model: what `whitened` returned.
        pictures: (n, height, width, 3) uint8, all or part of what it will be trained on.
    """
    layer = model.get_layer(WHITENING)
    size, stride = layer.kernel_size[0], layer.strides[0]
    patches = _patches(pictures, size, stride)
    mean = patches.mean(axis=0)
    centered = patches - mean
    variances, components = np.linalg.eigh(centered.T @ centered / len(centered))
    strongest = np.argsort(variances)[::-1][: layer.filters // 2]
    scaled = components[:, strongest] / np.sqrt(variances[strongest] + _NOISE * centered.var() + 1e-12)
    kernel = np.concatenate([scaled, -scaled], axis=1)
    layer.kernel.assign(kernel.reshape(size, size, 3, -1))
    layer.bias.assign(-mean @ kernel)


def _patches(pictures: NDArray[np.uint8], size: int, stride: int) -> NDArray[np.float32]:
    """Patches of `size` x `size` pixels, as the layer meets them: (m, size * size * 3), 0-1."""
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    positions = windows.shape[1] * windows.shape[2]
    chosen = np.linspace(0, len(pictures) - 1, max(1, min(len(pictures), _PATCHES // positions)), dtype=np.intp)
    patches = windows[chosen].transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * 3)
    return patches.astype(np.float32) / np.float32(255)
