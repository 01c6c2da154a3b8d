"""Does the heat map find what a decision rests on? Insertion and deletion scores beside occlusion's, RISE's and Grad-CAM's.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/heat_map.py

The model is the shipped `cifar10`, the pictures 200 test pictures, 20 of each class, of those known to be exact where these are
known (see `tutorial_accuracy.py`), and the class is the one that the model answers with. Deletion and insertion are those of
Petsiuk, Das and Saenko (RISE, BMVC 2018). Deletion: the 1,024 pixels are replaced, the hottest first, 32 at a time. Insertion:
all are replaced, and put back, the hottest first. Pixels of equal heat come in one random order, the same for all. After each
of the 32 steps the model gives the probability of the class; the score is the area under these probabilities (trapezoids, 0-1).
A pixel is replaced in two ways, each scored by itself: by that of the blurred picture (Gaussian, standard deviation 4 pixels,
edges reflected) and by the mean color of the picture.

All that work by forward passes have as many as Eyespot has, occlusion a few more, since its windows lie on a square grid.
Occlusion's window and filling, and RISE's and KernelSHAP's cells and filling, are those that did best on training pictures
(`--tune` shows them). Grad-CAM takes one pass forward and one back, in torch, at the last maps and at the larger ones before.
Differences are paired by picture, with 95 % intervals by Student's t. About 10 minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from common import document, finish, parser, say, table
from heat_map_peers import Asked, Floats, Pixels, grad_cam, kernel_shap, map_layers, occlusion, rise
from scipy.ndimage import gaussian_filter
from scipy.stats import t as student
from tutorial_accuracy import exact_test_pictures
from views import exact_flags

from eyespot import data
from eyespot.bundle import read_network
from eyespot.data.dataset import Part
from eyespot.explanation.heat_map import affordable_passes, heat_map
from eyespot.prediction import Model, load

Explain = Callable[[Pixels, int], Floats]
Scores = Mapping[str, Floats]
"""Score -> that of each picture, (n,)."""

BLUR = 4.0  # pixels
STEPS = 32
REPLACED_BY = ("blur", "mean color")
SCORES = tuple(f"{kind}, {how}" for how, kind in product(REPLACED_BY, ("insertion", "deletion")))
OVERALL = "insertion - deletion"
OWN = "Eyespot"
PER_CLASS = 20

_TIES = 7


# ---------------------------------------------------------------------------------------------------------- scoring


def replaced(picture: Pixels, how: str) -> Floats:
    """The picture with all of its pixels replaced: (height, width, 3)."""
    whole = picture.astype(float)
    if how == "blur":
        return np.asarray(gaussian_filter(whole, (BLUR, BLUR, 0), mode="reflect"))
    return np.broadcast_to(whole.mean(axis=(0, 1)), whole.shape)


def hidden(picture: Pixels, kept: Floats, others: Floats) -> Pixels:
    """(n, height, width, 3): the picture where each of the masks `kept` is 1, `others` where it is 0."""
    shares = kept[..., None]
    return np.rint(picture * shares + others * (1 - shares)).astype(np.uint8)


def asking(model: Model, picture: Pixels, label: int, how: str) -> Asked:
    """What the model says of the picture with parts of it replaced."""
    others = replaced(picture, how)
    return lambda kept: model.probabilities(hidden(picture, kept, others))[:, label].astype(float)


def hottest_first(heat: Floats) -> Floats:
    """The rank of each pixel, 0 for the hottest; pixels of equal heat in one random order."""
    shuffled = np.random.default_rng(_TIES).permutation(heat.size)
    order = shuffled[np.argsort(-heat.ravel()[shuffled], kind="stable")]
    ranks = np.empty(heat.size, int)
    ranks[order] = np.arange(heat.size)
    return ranks.reshape(heat.shape)


def area(probabilities: Floats) -> float:
    """The area under probabilities at even steps from 0 to 1, by trapezoids."""
    return float((probabilities[1:] + probabilities[:-1]).mean() / 2)


def scored(heat: Floats, asked: Asked) -> tuple[float, float]:
    """The insertion and the deletion score of a heat map."""
    counts = np.rint(np.linspace(0, heat.size, STEPS + 1))
    hottest = (hottest_first(heat) < counts[:, None, None]).astype(float)
    return area(asked(hottest)), area(asked(1 - hottest))


def scores(methods: Mapping[str, Explain], model: Model, pictures: Pixels, labels: Sequence[int]) -> dict[str, Scores]:
    """The scores of every method on every picture, picture by picture."""
    found: dict[str, dict[str, list[float]]] = {method: {score: [] for score in SCORES} for method in methods}
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True), 1):
        for method, explain in methods.items():
            heat = explain(picture, label)
            for how in REPLACED_BY:
                insertion, deletion = scored(heat, asking(model, picture, label, how))
                found[method][f"insertion, {how}"].append(insertion)
                found[method][f"deletion, {how}"].append(deletion)
        if number % 10 == 0 or number == len(pictures):
            means = {method: float(overall(_arrays(values)).mean()) for method, values in found.items()}
            say(f"{number} pictures, {OVERALL}: " + ", ".join(f"{method} {mean:.3f}" for method, mean in means.items()))
    return {method: _arrays(values) for method, values in found.items()}


def _arrays(found: Mapping[str, Sequence[float]]) -> Scores:
    return {score: np.array(values) for score, values in found.items()}


def overall(found: Scores) -> Floats:
    """Insertion less deletion, the mean of both ways to replace pixels: (n,)."""
    return np.asarray(sum(found[f"insertion, {how}"] - found[f"deletion, {how}"] for how in REPLACED_BY) / len(REPLACED_BY))


def difference(own: Floats, other: Floats) -> dict[str, float]:
    """The mean of the differences of pairs with its 95 % interval."""
    differences = own - other
    n = len(differences)
    half = student.ppf(0.975, n - 1) * differences.std(ddof=1) / n**0.5
    mean = differences.mean()
    return {"mean": float(mean), "low": float(mean - half), "high": float(mean + half)}


# ---------------------------------------------------------------------------------------------------------- methods


def black_box(model: Model, method: Callable[..., Floats], how: str, passes: int, scale: int) -> Explain:
    """A method that asks the model about pictures with parts replaced."""
    return lambda picture, label: method(asking(model, picture, label, how), model.size, passes, scale)


def methods(model: Model, passes: int) -> dict[str, Explain]:
    """What is compared, by the name in the tables."""
    network = read_network(model.path)
    layers = map_layers(network)[:-3:-1]
    return {
        OWN: partial(heat_map, model, passes=passes),
        "occlusion": black_box(model, occlusion, "blur", passes, 10),
        "RISE": black_box(model, rise, "mean color", passes, 6),
        "KernelSHAP": black_box(model, kernel_shap, "blur", passes, 8),
        **{f"Grad-CAM at {' x '.join(map(str, network.shapes[layer][:2]))}": grad_cam(network, layer) for layer in layers},
        "random": lambda picture, label: np.random.default_rng(_TIES + 1).random(model.size),
    }


def passes_of(explaining: Mapping[str, Explain], model: Model, picture: Pixels) -> dict[str, int]:
    """How many pictures each method asks the model about; Grad-CAM, which asks torch: 1."""
    counts = {}
    compute = model.probabilities
    for name, explain in explaining.items():
        asked: list[int] = []

        def counted(pictures: Pixels, asked: list[int] = asked) -> Floats:
            asked.append(len(pictures))
            return compute(pictures)

        model.probabilities = counted  # type: ignore[assignment,method-assign]  # for the counting alone
        explain(picture, 0)
        counts[name] = sum(asked) or int(name.startswith("Grad-CAM"))
    model.probabilities = compute  # type: ignore[method-assign]
    return counts


def candidates(model: Model, passes: int) -> dict[str, Explain]:
    """The peers with every setting that they were given to choose from."""
    scales = {occlusion: (6, 8, 10, 12), rise: (4, 6, 8), kernel_shap: (4, 8)}
    return {
        f"{method.__name__}, {scale}, {how}": black_box(model, method, how, passes, scale)
        for method, own_scales in scales.items()
        for scale, how in product(own_scales, REPLACED_BY)
    }


def drawn(part: Part, per_class: int) -> Part:
    """So many pictures of each class, at random."""
    generator = np.random.default_rng(0)
    classes = np.unique(part.labels)
    return part.take(np.concatenate([generator.permutation(np.flatnonzero(part.labels == c))[:per_class] for c in classes]))


def test_pictures(part: Part, per_class: int) -> Part:
    """Those to report on, exact ones where these are known."""
    exact = exact_flags(part.images, exact_test_pictures())
    return drawn(part if exact is None else part.take(np.flatnonzero(exact)), per_class)


# ---------------------------------------------------------------------------------------------------------- showing


def show(results: Sequence[dict[str, Any]]) -> str:
    """The scores of the latest result, and by how much Eyespot's differ from each of the others'."""
    latest = results[-1]
    rows = [
        [name, str(entry["passes"]), *(f"{entry['scores'][score]:.3f}" for score in (*SCORES, OVERALL))]
        for name, entry in latest["methods"].items()
    ]
    apart = [
        [f"{OWN} less {name}", *(_interval(entry["difference"][score]) for score in (*SCORES, OVERALL))]
        for name, entry in latest["methods"].items()
        if "difference" in entry
    ]
    before = f"{latest['n']} pictures; the model gives the class {latest['probability']:.3f} on average, " + ", ".join(
        f"{value:.3f} where all is replaced by the {how}" for how, value in latest["replaced"].items()
    )
    heads = [
        f"{score}{'' if score == OVERALL else ', higher' if score.startswith('insertion') else ', lower'}" for score in SCORES
    ]
    return "\n\n".join(
        [
            f"{before}.",
            table(["area under the probability", "passes", *heads, OVERALL], rows),
            table(["paired difference (95 % interval)", *SCORES, OVERALL], apart),
        ]
    )


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def compared(found: Mapping[str, Scores], passes: Mapping[str, int]) -> dict[str, Any]:
    """The figures of every method: its passes and mean scores, and Eyespot's paired differences from it."""
    complete = {name: {**own, OVERALL: overall(own)} for name, own in found.items()}
    figures: dict[str, Any] = {}
    for name, own in complete.items():
        figures[name] = {"passes": passes[name], "scores": {score: float(values.mean()) for score, values in own.items()}}
        if name != OWN and OWN in complete:
            figures[name]["difference"] = {score: difference(complete[OWN][score], values) for score, values in own.items()}
    return figures


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--tune", action="store_true", help="the peers' settings on 100 training pictures; nothing is recorded")
    arguments = flags.parse_args()
    model = load("cifar10")
    passes = affordable_passes(model)
    parts = data.load("cifar10").parts
    if arguments.tune:
        chosen, chosen_methods = drawn(parts["train"], 10), candidates(model, passes)
    else:
        chosen, chosen_methods = test_pictures(parts["test"], PER_CLASS), methods(model, passes)
    if arguments.quick:
        chosen = chosen.take(np.arange(3))
    probabilities = model.probabilities(chosen.images)
    answers = probabilities.argmax(axis=1).tolist()
    found = scores(chosen_methods, model, chosen.images, answers)
    if arguments.tune:
        return
    blank = {
        how: float(
            np.mean(
                [asking(model, *pair, how)(np.zeros((1, *model.size))) for pair in zip(chosen.images, answers, strict=True)]
            )
        )
        for how in REPLACED_BY
    }
    result = document(
        "heat_map",
        n=len(chosen),
        probability=float(probabilities.max(axis=1).mean()),
        replaced=blank,
        methods=compared(found, passes_of(chosen_methods, model, chosen.images[0])),
    )
    finish(result, show, arguments)


if __name__ == "__main__":
    main()
