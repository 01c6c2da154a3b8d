"""Keras optimizer -> native optimizer, or an error that names what the engine does not do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from eyespot.errors import InputError, UnsupportedError
from eyespot.recipes.muon_sgd import MuonSGD
from eyespot.training.compute import computes_in_bfloat16
from eyespot.training.optimizers.adam import ADAM
from eyespot.training.optimizers.muon import MUON
from eyespot.training.optimizers.muon_sgd import muon_sgd
from eyespot.training.optimizers.native import Algorithm, NativeOptimizer, as_numpy
from eyespot.training.optimizers.parameters import Entry, NamedParameter
from eyespot.training.optimizers.rmsprop import RMSPROP
from eyespot.training.optimizers.sgd import SGD

ALGORITHMS: Mapping[str, Algorithm] = {"Adam": ADAM, "AdamW": ADAM, "Muon": MUON, "RMSprop": RMSPROP, "SGD": SGD}
"""The name of Keras' own class -> what it does."""

_UNSUPPORTED_OPTIONS = ("use_ema", "gradient_accumulation_steps", "loss_scale_factor")


def translate(optimizer: Any, parameters: Sequence[NamedParameter], autocast: torch.dtype | None = None) -> NativeOptimizer:
    """The native optimizer that goes on from where the Keras `optimizer` stands.

    Where the optimizer is not built yet it is built for the parameters' variables, in their order; give them in the order of
    `model.trainable_variables`, on which Keras relies when it reads a saved optimizer.

    Args:
        optimizer: a Keras optimizer.
        parameters: the weights to train.
        autocast: bfloat16, where the network computes products in it. MuonSGD's are in it too, if the device has instructions
            for it; all other arithmetic of the optimizers is in the type of the weights. None: everything is.

    Errors: UnsupportedError names the optimizer, its option or the constraint that the engine does not know; InputError,
    where there is nothing to train or the optimizer belongs to another model.
    """
    if not parameters:
        raise InputError("the model has no trainable weights; set `trainable = True` on the layers to train and compile again")
    algorithm = _algorithm(optimizer, autocast if computes_in_bfloat16(parameters[0].tensor.device) else None)
    _refuse_unsupported(optimizer, parameters)
    if not optimizer.built:
        optimizer.build([parameter.variable for parameter in parameters])
    slots = algorithm.slots(optimizer)
    return NativeOptimizer(optimizer, algorithm, [_entry(optimizer, slots, parameter) for parameter in parameters])


def _algorithm(optimizer: Any, products: torch.dtype | None) -> Algorithm:
    kind = type(optimizer)
    if kind is MuonSGD:
        return muon_sgd(products)
    # Keras makes backend classes of its own behind the public names, so a class is known by its name within Keras.
    if kind.__module__.split(".")[0] != "keras" or kind.__name__ not in ALGORITHMS:
        origin = "" if kind.__module__.split(".")[0] == "keras" else f" (defined in {kind.__module__})"
        raise UnsupportedError(
            f"the engine does not know the optimizer {kind.__name__}{origin}; it knows Keras' own {', '.join(ALGORITHMS)}, and "
            "eyespot's MuonSGD"
        )
    return ALGORITHMS[kind.__name__]


def _refuse_unsupported(optimizer: Any, parameters: Sequence[NamedParameter]) -> None:
    for option in _UNSUPPORTED_OPTIONS:
        value = getattr(optimizer, option)
        if value:
            raise UnsupportedError(f"the engine does not know the optimizer option {option}; got {option}={value!r}")
    constrained = [parameter.variable.path for parameter in parameters if parameter.variable.constraint is not None]
    if constrained:
        raise UnsupportedError(f"the engine does not know constraints on weights; there is one on {', '.join(constrained)}")


def _entry(optimizer: Any, slots: Mapping[str, Sequence[Any]], parameter: NamedParameter) -> Entry:
    try:
        index = optimizer._get_variable_index(parameter.variable)
    except KeyError:
        raise InputError(
            f"the optimizer was made for other weights than {parameter.variable.path}: it belongs to another model, or layers "
            "became trainable after `compile`; compile the model again with a new optimizer"
        ) from None
    keras_state = {name: variables[index] for name, variables in slots.items() if variables[index] is not None}
    return Entry(
        parameter=parameter,
        state={name: _native(parameter, variable) for name, variable in keras_state.items()},
        keras_state=keras_state,
    )


def _native(parameter: NamedParameter, variable: Any) -> Tensor:
    """A Keras state variable as a tensor like the parameter: its type, device and layout in memory."""
    value = torch.tensor(as_numpy(variable), dtype=parameter.tensor.dtype, device=parameter.tensor.device)
    return torch.zeros_like(parameter.tensor, requires_grad=False).copy_(parameter.from_keras(value))
