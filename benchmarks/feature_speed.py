"""Features of 800 photographs by networks of `keras.applications`, then head and folds: Eyespot against stock Keras.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/feature_speed.py

800 JPEGs of 400 x 500 pixels in five classes are drawn. Each side reads them and computes their features with the same random
weights (how fast they are does not depend on what they are), as `feature_worker.py` shows: Eyespot as
`eyespot train --backbone keras:NAME` does with nothing cached, stock Keras by `load_img` and `model.predict` in batches of 32,
on each backend. Seconds from the photographs to the features; what is imported and built before does not count. Sides take
turns. Then Eyespot alone: the features of the mirrored pictures, from which heads learn too; five folds, in each of which the
strength of the head is chosen on inner folds; and the head that is kept. What a user waits for besides is in none of these
figures: the photographs are read a second time, small, and compared with one another for copies and near duplicates. About 15
minutes on 2 cores.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, Document, document, finish, parser, peer_environment, peer_python, run_json, say, spread, table
from PIL import Image

NAME = "feature_speed"
NETWORKS = ("MobileNetV3Small", "EfficientNetV2B0", "ResNet50V2", "ConvNeXtTiny")
BACKENDS = ("torch", "tensorflow", "jax")
OWN = "eyespot"
COUNT, CLASSES = 800, 5


def show(results: Sequence[Document]) -> str:
    """One line a network: seconds of every side, and how many times those of Eyespot the fastest backend takes."""
    backends = [f"Keras on {backend}" for backend in BACKENDS]
    heads = ["network", "Eyespot", *backends, "fastest / Eyespot", "mirrored too", "head and folds"]
    lines = []
    for row in results[-1]["rows"]:
        sides = {side: row["features"].get(side) for side in (OWN, *BACKENDS)}
        ratios = row["ratios"]
        lines.append(
            [
                row["network"],
                *("not measured" if each is None else _seconds(each) for each in sides.values()),
                f"{ratios['median']:.2f} ({ratios['lowest']:.2f} to {ratios['highest']:.2f})" if ratios else "not measured",
                _seconds(row["mirrored"]),
                _seconds(row["head"]),
            ]
        )
    what = f"{results[-1]['count']:,} photographs of 400 x 500 pixels; seconds, medians (lowest to highest)"
    what += f" of {results[-1]['rows'][0]['head']['n']} turns; the search for near duplicates counts nowhere"
    return f"{what}:\n\n{table(heads, lines)}"


def _seconds(measured: Mapping[str, Any]) -> str:
    return f"{measured['median']:.1f} ({measured['lowest']:.1f} to {measured['highest']:.1f})"


def draw_photographs(folder: Path, count: int) -> None:
    """Smooth JPEGs, as photographs are; each class has a color that it leans to."""
    generator = np.random.default_rng(0)
    lean = generator.integers(0, 96, (CLASSES, 3))
    for number in range(count):
        own = number % CLASSES
        path = folder / f"class{own}" / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = (generator.integers(0, 160, (20, 16, 3)) + lean[own]).astype(np.uint8)
        Image.fromarray(coarse).resize((400, 500), Image.Resampling.BICUBIC).save(path, quality=90)


def compared(network: str, turns: Sequence[Mapping[str, Mapping[str, float]]]) -> Document:
    """What is kept of a network's turns: of each side, and of stock Keras' fastest backend against Eyespot, turn by turn."""
    sides = {side: [turn[side]["features"] for turn in turns] for side in turns[0]}
    peers = {side: statistics.median(seconds) for side, seconds in sides.items() if side != OWN}
    ratios = None
    if peers:
        fastest = min(peers, key=lambda side: peers[side])
        ratios = spread([peer / own for peer, own in zip(sides[fastest], sides[OWN], strict=True)])
    return {
        "network": network,
        "features": {side: spread(seconds) for side, seconds in sides.items()},
        **{key: spread([turn[OWN][key] for turn in turns]) for key in ("mirrored", "head")},
        "ratios": ratios,
    }


def turn(network: str, weights: Path, photographs: Path, backends: Sequence[str]) -> dict[str, Any]:
    """Every side once."""
    worker, of_all = HERE / "feature_worker.py", [network, weights, photographs]
    found = {OWN: run_json([sys.executable, worker, "eyespot", *of_all], os.environ)}
    for backend in backends:
        python = peer_python(backend)
        if python is not None:
            found[backend] = run_json([python, worker, "stock", *of_all], peer_environment(backend))
    return found


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--repeats", type=int, default=3, help="how many turns there are (default: 3)")
    arguments = flags.parse_args()
    networks, backends = (NETWORKS[:1], BACKENDS[:1]) if arguments.quick else (NETWORKS, BACKENDS)
    count = 40 if arguments.quick else COUNT
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        photographs = Path(scratch) / "photographs"
        draw_photographs(photographs, count)
        for network in networks:
            weights = Path(scratch) / f"{network}.weights.h5"
            run_json([sys.executable, HERE / "feature_worker.py", "weights", network, weights], peer_environment("torch"))
            turns = [turn(network, weights, photographs, backends) for _ in range(1 if arguments.quick else arguments.repeats)]
            rows.append(compared(network, turns))
            say(f"{network}: {rows[-1]['features'][OWN]['median']:.1f} s, head and folds {rows[-1]['head']['median']:.1f} s")
    finish(document(NAME, count=count, rows=rows), show, arguments)


if __name__ == "__main__":
    main()
