"""Convolutions over small maps: the gradient of the kernel by one matrix product.

oneDNN, which torch computes convolutions with on the processor, is slow at this gradient where the window has few positions, as
in the deepest layers. The pixels that it sees at every position of every picture, written side by side, are one large matrix.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape, Window

MOST_POSITIONS = 16
"""Positions of the window up to which the product is faster ..."""

MOST_POSITIONS_OF_MANY = 64
_MANY = 128
"""... and in bfloat16 where each position sees so many channels."""

_MOST_PIXELS = 9
"""Of a kernel: larger ones were not measured, and their matrix takes much memory."""

_MOST_BYTES = 32 * 2**20
"""Of the matrix: pictures for which it would be larger are gone through in pieces, which is faster and takes less memory."""


def is_faster_as_product(window: Window, shape: Shape, groups: int, x: Tensor) -> bool:
    """Whether `convolve` trains faster than torch's own convolution: over few positions, on the processor.

    The matrix holds each pixel once for every position that sees it, so that over large maps it is mostly copying. On two
    cores with AMX, 3x3 kernels over maps of 3x3 and 4x4 took a fourth to a fifth of the time in bfloat16, 256 channels over 7x7
    two thirds, 128 over 8x8 nine tenths.

    Args:
        window: what the convolution moves; with strides or holes it stays torch's own.
        shape: (height, width, channels) of its input.
        groups: into which its channels are divided; more than one stay torch's own.
        x: its input.
    """
    height, width = window.output_size((shape[0], shape[1]))
    gains_more = shape[2] >= _MANY and _computing_type(x) == torch.bfloat16
    is_small = height * width <= (MOST_POSITIONS_OF_MANY if gains_more else MOST_POSITIONS)
    is_plain = window.stride == window.dilation == (1, 1) and groups == 1
    return x.device.type == "cpu" and is_small and is_plain and window.size[0] * window.size[1] <= _MOST_PIXELS


def _computing_type(x: Tensor) -> torch.dtype:
    """The type that torch convolves `x` in, here and now."""
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """What `F.conv2d` computes of the same arguments, in the type that it computes in under autocast.

    Args:
        x: (n, in, height, width).
        kernel: (out, in, kernel height, kernel width).
        bias: (out,) or None.
        padding: rows above and below, columns left and right.
    """
    dtype = _computing_type(x)
    x, kernel, bias = x.to(dtype), kernel.to(dtype), None if bias is None else bias.to(dtype)
    convolved: Tensor = _Convolution.apply(x, kernel, bias, padding)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return convolved


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, kernel)
        ctx.padding = padding
        return F.conv2d(x, kernel, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        of_x, of_kernel, of_bias, _ = ctx.needs_input_grad
        return (
            _input_gradient(gradient, x, kernel, ctx.padding) if of_x else None,
            _kernel_gradient(gradient, x, kernel, ctx.padding) if of_kernel else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
            None,
        )


def _input_gradient(gradient: Tensor, x: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    one, none = (1, 1), (0, 0)
    wanted = (True, False, False)
    of_x: Tensor
    of_x, *_ = torch.ops.aten.convolution_backward(gradient, x, kernel, None, one, padding, one, False, none, 1, wanted)
    return of_x


def _kernel_gradient(gradient: Tensor, x: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    positions = gradient.shape[2] * gradient.shape[3]
    at_once = max(1, _MOST_BYTES // (positions * kernel[0].numel() * x.element_size()))
    pieces = zip(torch.split(gradient, at_once), torch.split(x, at_once), strict=True)
    products = [_product(of_output, pictures, kernel, padding) for of_output, pictures in pieces]
    product = products[0] if len(products) == 1 else torch.stack(products).sum(0)
    outputs, inputs, height, width = kernel.shape
    return product.view(outputs, height, width, inputs).permute(0, 3, 1, 2)


def _product(gradient: Tensor, x: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient from some of the pictures, as (out, kernel height x kernel width x in)."""
    outputs, inputs, height, width = kernel.shape
    vertical, horizontal = padding
    pixels = F.pad(x.permute(0, 2, 3, 1), (0, 0, horizontal, horizontal, vertical, vertical))
    # A view: (n, positions down, positions across, height, width, in); the copy into a matrix is the reshape's.
    windows = pixels.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)
    seen = windows.reshape(-1, height * width * inputs)
    return torch.mm(gradient.permute(0, 2, 3, 1).reshape(-1, outputs).t(), seen)
