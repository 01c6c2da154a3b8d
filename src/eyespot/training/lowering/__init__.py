"""A network description as native torch: what the training loop trains."""

from eyespot.training.lowering.native_network import NativeNetwork as NativeNetwork
