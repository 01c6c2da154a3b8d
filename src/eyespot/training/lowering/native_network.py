"""The module that the training loop trains: one native layer for each layer of the description."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from eyespot.errors import UnsupportedError
from eyespot.network import KINDS, Layer, Network, Weights, to_keras, to_native
from eyespot.training.lowering import activation, convolution, dense, dropout, merging, normalization, pooling, shape
from eyespot.training.lowering.call import Call, Compute, Lower, to_keras_axes
from eyespot.training.lowering.rewriting import ends_in_softmax, pool_before_relu, without_softmax
from eyespot.training.randomness import Randomness

LOWERINGS: Mapping[str, Lower] = {
    kind: lower
    for family in (shape, normalization, convolution, pooling, dense, activation, dropout, merging)
    for kind, lower in family.LAYERS.items()
}
"""Kind of layer -> its native form; one for each of `eyespot.network.KINDS`."""


class NativeLayer(nn.Module):
    """One layer with its weights, by Keras' names, in native layout; statistics are buffers.

    Attributes:
        layer: what it was made from.
        stream: the number of its own stream of randomness.
        frozen: whether it behaves as in inference, where that differs (as Keras' `trainable=False` has it: only
            BatchNormalization does).
        used_last: the inputs that no later layer needs.
    """

    def __init__(
        self,
        layer: Layer,
        compute: Compute,
        *,
        stream: int,
        frozen: bool,
        frozen_weights: Collection[str],
        used_last: tuple[str, ...],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.stream = stream
        self.frozen = frozen
        self.used_last = used_last
        self._compute = compute
        for name, weight in layer.weights.items():
            value = torch.from_numpy(to_native(layer.kind, name, np.array(weight))).to(dtype)
            if value.ndim == 4:
                value = value.contiguous(memory_format=torch.channels_last)
            if name in KINDS[layer.kind].statistics:
                self.register_buffer(name, value)
            else:
                self.register_parameter(name, nn.Parameter(value, requires_grad=name not in frozen_weights))

    def forward(self, inputs: list[Tensor], randomness: Randomness | None) -> Tensor:
        weights = {name: getattr(self, name) for name in self.layer.weights}
        learning = self.training and not (self.frozen and self.layer.kind == "BatchNormalization")
        return self._compute(Call(inputs, weights, learning, randomness, self.stream))

    def read_weights(self) -> Weights:
        """The weights and statistics as they are now, in Keras' layout."""
        return {
            name: to_keras(self.layer.kind, name, getattr(self, name).detach().cpu().numpy(), weight.shape)
            for name, weight in self.layer.weights.items()
        }

    def load_weights(self, weights: Weights) -> None:
        """Take on weights as `read_weights` gives them; those not named stay as they are."""
        with torch.no_grad():
            for name, weight in weights.items():
                getattr(self, name).copy_(torch.from_numpy(to_native(self.layer.kind, name, np.asarray(weight))))


class NativeNetwork(nn.Module):
    """A network description as a torch module.

    Args:
        network: the description; its weights are copied.
        dtype: of the weights and, without autocast, of all computing.
        frozen: names of the layers that are not to be trained, as with Keras' `trainable=False`.
        frozen_weights: (layer name, weight name) of further weights that stay as they are.

    Attributes:
        network: the description, with the weights it was made with.
        ends_in_softmax: whether `scores` are logits.
    """

    def __init__(
        self,
        network: Network,
        *,
        dtype: torch.dtype = torch.float32,
        frozen: Collection[str] = (),
        frozen_weights: Collection[tuple[str, str]] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype
        self.ends_in_softmax = ends_in_softmax(network)
        lowered = pool_before_relu(without_softmax(network) if self.ends_in_softmax else network)
        streams = {layer.name: number for number, layer in enumerate(network.layers)}
        self.layers = nn.ModuleList(
            NativeLayer(
                layer,
                LOWERINGS[layer.kind](layer.config, [lowered.shapes[name] for name in layer.inputs]),
                stream=streams.get(layer.name, 0),
                frozen=layer.name in frozen,
                frozen_weights=[name for name in layer.weights if layer.name in frozen or (layer.name, name) in frozen_weights],
                used_last=_used_last(lowered, index),
                dtype=dtype,
            )
            for index, layer in enumerate(lowered.layers)
        )

    @property
    def native_layers(self) -> list[NativeLayer]:
        """Its layers, each after its inputs, as they are computed: some are rewritten, none that has weights is missing."""
        return [module for module in self.layers if isinstance(module, NativeLayer)]

    def scores(self, pixels: Tensor, randomness: Randomness | None = None) -> Tensor:
        """The logits where the network ends in a softmax, its output elsewhere; arguments as of `forward`."""
        first, *others = self.native_layers
        outputs = {first.layer.name: first([pixels.to(self.dtype).contiguous()], randomness)}
        for native in others:
            outputs[native.layer.name] = native([outputs[name] for name in native.layer.inputs], randomness)
            for name in native.used_last:
                del outputs[name]
        return to_keras_axes(outputs[self.network.output]).to(self.dtype)

    def forward(self, pixels: Tensor, *, randomness: Randomness | None = None) -> Tensor:
        """The network's output, as Keras gives it.

        Args:
            pixels: (n, height, width, channels), uint8 or floating, 0-255.
            randomness: what dropout draws from in training mode; None: nothing is dropped.
        """
        scores = self.scores(pixels, randomness)
        return torch.softmax(scores, -1) if self.ends_in_softmax else scores

    def logits(self, pixels: Tensor, *, randomness: Randomness | None = None) -> Tensor:
        """The scores that the network's last softmax turns into probabilities: (n, classes) for a classifier.

        Arguments as of `forward`. Errors: UnsupportedError where the network does not end in a softmax.
        """
        if not self.ends_in_softmax:
            raise UnsupportedError(f"no logits: the last layer, {self.network.output}, is not a softmax")
        return self.scores(pixels, randomness)

    def read_weights(self) -> dict[str, Weights]:
        """The weights and statistics as they are now, by layer name, in Keras' layout."""
        return {native.layer.name: native.read_weights() for native in self.native_layers if native.layer.weights}

    def load_weights(self, weights: Mapping[str, Weights]) -> None:
        """Take on weights as `read_weights` gives them; layers that are not named keep theirs."""
        for native in self.native_layers:
            native.load_weights(weights.get(native.layer.name, {}))


def _used_last(network: Network, index: int) -> tuple[str, ...]:
    """The inputs of the layer at `index` that no later layer takes."""
    later = {name for layer in network.layers[index + 1 :] for name in layer.inputs}
    return tuple(set(network.layers[index].inputs) - later - {network.output})
