"""Cross-entropy as Keras computes it, from the native network's scores.

The engine leaves out a network's final softmax and takes the loss on the logits, which is faster and exact. Keras, given
probabilities, divides them by their sum, keeps them within [epsilon, 1 - epsilon] and takes the logarithm; here the same
bounds are put on the log-softmax, so that values and gradients stay equal to Keras', down to the zero gradient of a
probability below epsilon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras

_EITHER = ("crossentropy", "ce")
_KNOWN = "categorical_crossentropy and sparse_categorical_crossentropy (as names, functions or objects) and crossentropy"
_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum")
_DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Loss:
    """Cross-entropy between targets and a network's scores.

    Attributes:
        is_sparse: whether targets are class numbers (n,); False: they are distributions (n, classes), one-hot or soft; None:
            either, as the targets' shape says.
        from_logits: Keras' `from_logits`: the loss itself applies a softmax to what the Keras model returns.
        softmax_left_out: whether the Keras model ends in a softmax that the scores come before.
        label_smoothing: how much of each target is spread over all classes, 0-1; class numbers stand for one-hot targets here.
        reduction: Keras' name of how the examples' losses become one: `sum_over_batch_size` and `mean` divide by the number of
            examples, whatever their weights, `mean_with_sample_weight` by the sum of the weights, `sum` by nothing.
        epsilon: probabilities are kept within [epsilon, 1 - epsilon] where they are not from logits.
    """

    is_sparse: bool | None
    from_logits: bool
    softmax_left_out: bool
    label_smoothing: float = 0.0
    reduction: str = "sum_over_batch_size"
    epsilon: float = 1e-7

    def __call__(self, scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            scores: (n, classes) what the native network returns.
            targets: (n,) int64 class numbers, or (n, classes) distributions.
            weights: (n,) how much each example counts; None: each counts 1.
        """
        return self.reduced(self.per_example(scores, targets), weights)

    def reduced(self, losses: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch, a scalar, from those of its examples, (n,), and how much each counts."""
        if weights is not None:
            weights = weights.to(losses.dtype)
            losses = losses * weights
        total = losses.sum()
        if self.reduction == "sum":
            return total
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            divisor = weights.sum()
            return torch.where(divisor == 0, torch.zeros_like(total), total / torch.where(divisor == 0, 1, divisor))
        return total / len(losses)

    def per_example(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Each example's loss, (n,), without weights."""
        log_probabilities = self._log_probabilities(scores)
        if targets.ndim == 1:
            losses = functional.nll_loss(log_probabilities, targets, reduction="none")
            if not self.label_smoothing:
                return losses
            return (1 - self.label_smoothing) * losses - self.label_smoothing * log_probabilities.mean(dim=-1)
        targets = targets.to(log_probabilities.dtype)
        if self.label_smoothing:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / targets.shape[-1]
        return -(targets * log_probabilities).sum(dim=-1)

    def _log_probabilities(self, scores: Tensor) -> Tensor:
        if self.from_logits:
            returned = functional.softmax(scores, dim=-1) if self.softmax_left_out else scores
            return functional.log_softmax(returned, dim=-1)
        if self.softmax_left_out:
            return functional.log_softmax(scores, dim=-1).clamp(math.log(self.epsilon), math.log1p(-self.epsilon))
        normalized = scores / scores.sum(dim=-1, keepdim=True)
        return normalized.clamp(self.epsilon, 1 - self.epsilon).log()


def translate(loss: Any, *, softmax_left_out: bool) -> Loss:
    """The native form of what `compile` was given as `loss`: a name, function, object or configuration of Keras.

    Args:
        loss: the argument of `compile`; a list or dictionary with a single entry counts as that entry.
        softmax_left_out: whether the Keras model ends in a softmax that the native network leaves out.

    Errors: UnsupportedError names a loss or option that the engine does not know; InputError, where there is none or Keras
    knows none of that name.
    """
    loss = _single(loss)
    if isinstance(loss, str) and loss.lower() in _EITHER:
        return Loss(None, from_logits=False, softmax_left_out=softmax_left_out, epsilon=keras.config.epsilon())
    try:
        resolved = keras.losses.get(loss)
    except (ValueError, TypeError):
        raise InputError(f"Keras has no loss {loss!r}; the engine knows {_KNOWN}") from None
    if resolved is keras.losses.categorical_crossentropy:
        resolved = keras.losses.CategoricalCrossentropy()
    elif resolved is keras.losses.sparse_categorical_crossentropy:
        resolved = keras.losses.SparseCategoricalCrossentropy()
    is_sparse = type(resolved) is keras.losses.SparseCategoricalCrossentropy
    if not is_sparse and type(resolved) is not keras.losses.CategoricalCrossentropy:
        raise UnsupportedError(f"the engine does not know the loss {_name(loss)}; it knows {_KNOWN}")
    _refuse_unsupported(resolved)
    return Loss(
        is_sparse=is_sparse,
        from_logits=bool(resolved.from_logits),
        softmax_left_out=softmax_left_out,
        label_smoothing=0.0 if is_sparse else float(resolved.label_smoothing),
        reduction=resolved.reduction,
        epsilon=keras.config.epsilon(),
    )


def _single(loss: Any) -> Any:
    if loss is None:
        raise InputError("the model was compiled without a loss; compile it with one, such as sparse_categorical_crossentropy")
    if isinstance(loss, dict) and "class_name" in loss:
        return loss  # the configuration of a loss object
    entries = list(loss.values()) if isinstance(loss, dict) else list(loss) if isinstance(loss, (list, tuple)) else [loss]
    if len(entries) != 1:
        raise UnsupportedError(f"the engine trains networks with one output and one loss; got {len(entries)} losses")
    return entries[0]


def _name(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    return str(getattr(loss, "__name__", type(loss).__name__))


def _refuse_unsupported(loss: Any) -> None:
    options = loss._fn_kwargs  # `get_config` does not tell the axis of the sparse loss
    name = type(loss).__name__
    if options.get("ignore_class") is not None:
        raise UnsupportedError(f"the engine does not know ignore_class of {name}; got ignore_class={options['ignore_class']}")
    if options["axis"] not in (-1, 1):
        raise UnsupportedError(f"the engine takes {name} along the last axis; got axis={options['axis']}")
    if loss.reduction not in _REDUCTIONS:
        raise UnsupportedError(
            f"the engine does not know reduction={loss.reduction!r} of {name}; it knows {', '.join(_REDUCTIONS)}"
        )
    if loss.dtype not in _DTYPES:
        raise UnsupportedError(f"the engine takes the loss in {' or '.join(_DTYPES)}; got dtype={loss.dtype!r} of {name}")
