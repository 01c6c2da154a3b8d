"""Average pooling with one-sided padding, where Keras' backends differ: TensorFlow's definition, worked out in NumPy."""

import numpy as np
import onnxruntime
import pytest
import torch

from eyespot.bundle.graph import to_onnx
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.training.lowering import NativeNetwork


def average_of_the_pixels_under_the_window(pixels, size, stride):
    """TensorFlow's `SAME`: ceil(n / s) positions, the odd row of padding below, padding not counted."""
    n, height, width, channels = pixels.shape
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + size - height, 0) // 2
    left = max((columns - 1) * stride + size - width, 0) // 2
    result = np.empty((n, rows, columns, channels))
    for row in range(rows):
        for column in range(columns):
            low, first = row * stride - top, column * stride - left
            patch = pixels[:, max(low, 0) : low + size, max(first, 0) : first + size]
            result[:, row, column] = patch.mean((1, 2))
    return result


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (2, 1), (3, 2), (4, 2), (4, 3), (3, 1)])
def test_padding_is_not_counted(size, stride):
    network = read(keras.Sequential([keras.Input((7, 8, 2)), keras.layers.AveragePooling2D(size, stride, "same")]))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 7, 8, 2), dtype=np.uint8)
    expected = average_of_the_pixels_under_the_window(pixels.astype(float), size, stride)
    native = NativeNetwork(network)(torch.from_numpy(pixels))
    np.testing.assert_allclose(native, expected, rtol=1e-5)
    (written,) = onnxruntime.InferenceSession(to_onnx(network).SerializeToString()).run(None, {"pixels": pixels})
    np.testing.assert_allclose(written.transpose(0, 2, 3, 1), expected, rtol=1e-5)
