"""The heat map: what a classifier's answer rests on, found by hiding parts of the picture; forward passes are all it takes.

The model is asked about the picture some hundred times, each time with other parts hidden. Each answer is taken for the sum of
the heat of all pixels that are left, so that a regression finds the heat, as Ribeiro et al. ("Why Should I Trust You?", KDD
2016) and Lundberg and Lee ("A Unified Approach to Interpreting Model Predictions", NeurIPS 2017) do it for larger parts. Heat
is a Gaussian process here, smooth on several scales, so that there may be fewer answers than pixels. After a first round the
parts lean towards the heat known so far: most is then learned about pictures of which the hottest parts alone are left or gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.evaluation.temperature import untempered
from eyespot.explanation.heat_map_hiding import Floats, cells, enlarged, fillings, smooth_noise, smoothing, with_parts_hidden
from eyespot.explanation.layers import layer_table
from eyespot.network import Network
from eyespot.prediction import Model

MOST_PASSES = 512
LEAST_PASSES = 64

_COST = 75e9
"""Multiply-adds that a heat map may take, or what takes as long: about half a second's on two cores."""

_NUMBER = 40
"""So many multiply-adds take as long as one number that a layer hands on."""

_ROUNDS = 8
_ROUND = 16  # passes, at the least

_PARTS = (1 / 20, 1 / 10, 1 / 6)
"""How large the parts are that are hidden together, as shares of the picture's sides."""

_SMOOTH = ((1 / 32, 0.3), (1 / 16, 0.3), (1 / 8, 0.4))
"""On which scales heat is smooth, as shares of the picture's sides, and which share of its variance each has."""

_LEAN = 2.0
"""How strongly parts lean towards the heat that is known; chance has the weight 1."""

_NOISE = 1.5
"""The variance of what no sum of heat explains, where that of the sums themselves is 1."""

_LEVEL, _LEVEL_SCALE = 4.0, 0.2
"""The variance of what an answer owes to how much is left, wherever that lies, and over which share that is smooth."""

_ROUNDING = 1e-6
"""Answers that differ by less than this are the same: a batch of another size is enough for that."""

_SEED = 0


@dataclass(frozen=True)
class _Answers:
    """What the model said.

    Attributes:
        left: (n,), the share of the cells that were left.
        which: (n, cells), 1 for each cell that was left, less that share.
        smoothed: (n, cells), the same times the covariance of heat.
        kind: (n,), how the cells were chosen, and what hid the others.
        probability: (n,), of the class.
    """

    left: Floats
    which: Floats
    smoothed: Floats
    kind: NDArray[np.int64]
    probability: Floats


def affordable_passes(model: Model) -> int:
    """How many forward passes a heat map of this model takes: as many as two cores compute in about half a second, 64 to 512.

    The fewer, the coarser the map. It depends on the network alone, so that the map is the same on every machine.
    """
    rows = layer_table(Network.from_json(model.description.network, {}))
    cost = sum(row.macs + _NUMBER * prod(row.output_shape) for row in rows)
    return int(np.clip(_COST // cost, LEAST_PASSES, MOST_PASSES))


def heat_map(model: Model, picture: NDArray[np.uint8], label: int, *, passes: int | None = None) -> NDArray[np.float32]:
    """How much each pixel speaks for a class; negative, where it speaks against it.

    All heat together is by how much hiding all of the picture lowers the probability of the class, on average over hiding it
    behind its blur and behind its mean color. Where hiding changes nothing, as in a picture of one color, it is 0. Asked again,
    the answer is the same. Probabilities are those at a temperature of 1: a network made surer than that by its temperature
    would say nearly 1 of most parts of a picture, which tells less.

    Args:
        model: any classifier that Eyespot wrote.
        picture: (height, width, 3) uint8 at the model's own `size`.
        label: the class, as a position in `model.classes`.
        passes: how many pictures the model is asked about, 16 at the least; None: `affordable_passes(model)`.

    Returns: (height, width).

    Errors: InputError for a picture of another shape or type, a class that is not there, or too few passes.
    """
    passes = affordable_passes(model) if passes is None else passes
    _check(model, picture, label, passes)
    fills = fillings(picture)
    whole, *blank = _asked(model, np.stack([picture, *(np.rint(fill).astype(np.uint8) for fill in fills)]), label)
    shape = cells(model.size)
    covariance = _covariance(shape)

    def asked(kept: Floats, kind: NDArray[np.int64]) -> _Answers:
        pictures = np.empty((len(kept), *picture.shape), np.uint8)
        for position, fill in enumerate(fills):
            chosen = kind % len(fills) == position
            pictures[chosen] = with_parts_hidden(picture, kept[chosen], fill)
        probability = _asked(model, pictures, label)
        left = kept.mean(axis=(1, 2))
        which = (kept - left[:, None, None]).reshape(len(kept), -1)
        return _Answers(left, which, which @ covariance, kind, probability)

    generator = np.random.default_rng(_SEED)
    rounds: list[_Answers] = []
    heat: Floats = np.zeros(shape)
    for pairs in _rounds((passes - 1 - len(fills)) // 2):
        rounds.append(asked(*_parts(generator, pairs, heat, len(fills))))
        heat = _regression(rounds).reshape(shape)
    of_pixels = enlarged(heat, model.size) * (prod(shape) / prod(model.size))
    # How much is left is no matter of where, so the regression leaves open what all heat comes to.
    of_pixels += (float(whole) - float(np.mean(blank)) - of_pixels.sum()) / of_pixels.size
    return of_pixels.astype(np.float32)


def _asked(model: Model, pictures: NDArray[np.uint8], label: int) -> Floats:
    """The probability of the class, (n,), at a temperature of 1."""
    return untempered(model.probabilities(pictures), model.description.temperature)[:, label]


def _check(model: Model, picture: NDArray[np.uint8], label: int, passes: int) -> None:
    if picture.shape != (*model.size, 3) or picture.dtype != np.uint8:
        raise InputError(f"a heat map is of a picture {(*model.size, 3)} uint8; got {picture.shape} {picture.dtype}")
    if not 0 <= label < len(model.classes):
        raise InputError(f"label must be a position in the model's {len(model.classes)} classes, from 0 on; got {label}")
    if passes < _ROUND:
        raise InputError(f"a heat map takes at least {_ROUND} passes; got {passes}")


def _rounds(pairs: int) -> list[int]:
    """How many pairs each round has."""
    count = max(1, min(_ROUNDS, 2 * pairs // _ROUND))
    return [len(part) for part in np.array_split(np.arange(pairs), count)]


def _parts(generator: np.random.Generator, pairs: int, heat: Floats, fills: int) -> tuple[Floats, NDArray[np.int64]]:
    """Masks of which parts are kept, each with its opposite, and their kinds: kind % fills is what hides the others.

    Of one mask after another a little of the picture is left, half of it, nearly all, in mixed order: the Shapley value of a
    pixel is its mean contribution over all these shares (Owen, "Multilinear Extensions of Games", 1972).
    """
    turns = np.arange(pairs)
    fields = np.empty((pairs, *heat.shape))
    for position, scale in enumerate(_PARTS):
        chosen = turns % len(_PARTS) == position
        fields[chosen] = smooth_noise(generator, int(chosen.sum()), heat.shape, scale)
    leans = bool(heat.std() > 0)
    if leans:
        fields += _LEAN * (heat - heat.mean()) / heat.std()
    shares = (generator.permutation(pairs) + 0.5) / pairs
    ranks = np.argsort(np.argsort(-fields.reshape(pairs, -1), axis=1), axis=1)
    kept = (ranks < shares[:, None] * heat.size).astype(np.float32).reshape(fields.shape)
    filling = turns // len(_PARTS) % fills
    # That hot parts alone are left, or gone, changes an answer by more than the sum of their heat: each kind has its own level.
    return np.concatenate([kept, 1 - kept]), np.concatenate([filling + leans * fills, filling + 2 * leans * fills])


def _regression(rounds: Sequence[_Answers]) -> Floats:
    """The heat of each cell, (cells,), by Gaussian process regression; what it sums to means nothing yet."""
    each = zip(*(vars(answers).values() for answers in rounds), strict=True)
    all_answers = _Answers(*(np.concatenate(values) for values in each))
    left, probability = all_answers.left, all_answers.probability
    products = all_answers.which @ all_answers.smoothed.T
    scale, deviation = np.trace(products) / len(left), probability.std()
    if not (scale > 0 and deviation > _ROUNDING):
        return np.zeros(all_answers.which.shape[1])
    alike = np.exp(-((left[:, None] - left) ** 2) / (2 * _LEVEL_SCALE**2))
    level = _LEVEL * (all_answers.kind[:, None] == all_answers.kind) * (1 + alike)
    standardized = (probability - probability.mean()) / deviation
    weights = np.linalg.solve(products / scale + level + _NOISE * np.eye(len(left)), standardized)
    return np.asarray((weights @ all_answers.smoothed) * (deviation / scale))


def _covariance(shape: tuple[int, int]) -> Floats:
    """(cells, cells): how the heat of any two cells belongs together beforehand."""
    total = np.zeros((prod(shape), prod(shape)), np.float32)
    for scale, share in _SMOOTH:
        rows, columns = (smoothing(side, scale) for side in shape)
        total += share * np.kron(rows @ rows.T, columns @ columns.T).astype(np.float32)
    return total
