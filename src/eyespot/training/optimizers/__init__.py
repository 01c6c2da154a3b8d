"""Keras' optimizers on native torch parameters: the same arithmetic, state read from Keras and written back.

A Keras optimizer given to `compile` is the way an optimizer enters the engine. One file an algorithm: `sgd`, `adam` (AdamW
too), `rmsprop`, `muon`, `muon_sgd`; what they share is in `native` (the step and the state) and `clipping`.
"""

from eyespot.training.optimizers.native import NativeOptimizer as NativeOptimizer
from eyespot.training.optimizers.parameters import NamedParameter as NamedParameter
from eyespot.training.optimizers.parameters import on_tensors as on_tensors
from eyespot.training.optimizers.translation import translate as translate
