"""From logits to probabilities: the softmax of one picture worked out, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot.explanation.activations import Activations
from eyespot.explanation.page_forms import is_softmax
from eyespot.network import Layer, Network

MOST_ANSWERS = 10
MOST_ROWS = 16

_ONE_BY_ONE = frozenset({"Rescaling", "Activation", "Softmax", "Dropout"})


@dataclass(frozen=True)
class Answer:
    """One class.

    Attributes:
        label: its name.
        steps: its number after each of `Softmax.steps`.
        exponential: e to the last of these, less the largest of any class.
        probability: 0-1.
    """

    label: str
    steps: tuple[float, ...]
    exponential: float
    probability: float


@dataclass(frozen=True)
class Softmax:
    """The softmax of one picture.

    Attributes:
        steps: what the numbers of `Answer.steps` are called: the layer that gives the logits, then each that scales them.
        rows: the most probable classes, the best first.
        others: how many classes are not listed.
        others_exponential, others_probability: of these together.
        total: the sum of the exponentials of all classes.
        largest: the largest of the last step's numbers, which all are taken less.
    """

    steps: tuple[str, ...]
    rows: tuple[Answer, ...]
    others: int
    others_exponential: float
    others_probability: float
    total: float
    largest: float


def best_first(probabilities: NDArray[np.float32], most: int) -> list[int]:
    """The positions of the most probable classes, the best first; the earlier of two equal ones first."""
    return [int(position) for position in np.argsort(-probabilities, kind="stable")[:most]]


def class_layers(network: Network) -> list[Layer]:
    """The layers whose units are the classes, in order: from the one that gives the logits to the output."""
    found = [network.by_name[network.output]]
    while found[0].kind in _ONE_BY_ONE:
        found.insert(0, network.by_name[found[0].inputs[0]])
    return found


def softmax(network: Network, values: Activations, classes: Sequence[str]) -> Softmax | None:
    """The softmax at the network's end worked out; None where it has none."""
    steps = _steps(network, values)
    if steps is None:
        return None
    names, numbers = zip(*steps, strict=True)
    logits = numbers[-1].astype(np.float64)
    exponentials = np.exp(logits - logits.max())
    probabilities = exponentials / exponentials.sum()
    best = best_first(values[network.output], MOST_ROWS)
    rest = np.setdiff1d(np.arange(len(classes)), best)
    return Softmax(
        steps=names,
        rows=tuple(
            Answer(classes[i], tuple(float(step[i]) for step in numbers), float(exponentials[i]), float(probabilities[i]))
            for i in best
        ),
        others=len(rest),
        others_exponential=float(exponentials[rest].sum()),
        others_probability=float(probabilities[rest].sum()),
        total=float(exponentials.sum()),
        largest=float(logits.max()),
    )


def _steps(network: Network, values: Activations) -> list[tuple[str, NDArray[np.float32]]] | None:
    """What each step before the softmax is called, and its numbers; None where the network does not end with a softmax."""
    first, *others = class_layers(network)
    if others and is_softmax(others[-1], network):
        between = [(f"{layer.name} {_words(layer)}".rstrip(), values[layer.name]) for layer in _changing(others[:-1])]
        return [(first.name, values[first.name]), *between]
    if not others and first.kind == "Dense" and first.config["activation"] == "softmax":
        sums = values[first.inputs[0]].astype(np.float64) @ first.weights["kernel"] + first.weights.get("bias", 0)
        return [(first.name, sums.astype(np.float32))]
    return None


def _changing(layers: Iterable[Layer]) -> list[Layer]:
    """The layers that may change a number; a temperature of 1 is shown all the same, as it is asked for."""
    return [layer for layer in layers if layer.kind != "Dropout"]


def _words(layer: Layer) -> str:
    """What a layer does to each number."""
    if layer.kind != "Rescaling" or isinstance(layer.config["scale"], list) or isinstance(layer.config["offset"], list):
        return ""
    scale, offset = layer.config["scale"], layer.config["offset"]
    # The temperature divides, and is written as a Rescaling by its inverse.
    first = f"÷ {1 / scale:.4g}" if layer.name == "temperature" and scale else f"× {scale:.4g}"
    return f"{first} {'+' if offset > 0 else '−'} {abs(offset):.4g}" if offset else first
