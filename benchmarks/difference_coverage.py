"""How often the 95 % interval of the difference of two recipes holds the true one: 400 simulated comparisons a setting.

    python benchmarks/difference_coverage.py

Every run of a recipe tells a picture where a sum of normal variables exceeds a limit: how easy the picture is, for all
alike; how easy it is for the recipe (0.4 of the first's spread); the luck of the seed with all pictures (0, 0.03 or 0.2 of
it); the luck of both together (0.7 of it). Two recipes with such limits that one tells 83 % and the other 79 % of all
pictures are run with a few seeds each and judged on the same 200, 1,000 or 10,000 pictures; a side of one run is a model,
whose own accuracy is the true one. Peers: Welch's interval of the seeds' accuracies, which knows nothing of other pictures;
the interval of each picture's mean difference, which knows nothing of other seeds; the sum of both variances, which counts
twice what both count. About 2 minutes on one core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
from common import document, finish, parser, say, table

from eyespot.evaluation.seed_intervals import seed_difference
from eyespot.evaluation.student import quantile

Bounds = tuple[float, float]

OWN = "Eyespot"
SEEDS = "Welch, seeds alone"
PICTURES = "pictures alone"
SUM = "sum of both"

RUNS = ((2, 2), (3, 3), (5, 5), (10, 10), (1, 5))
COUNTS = (200, 1000, 10_000)
SCATTERS = (0.0, 0.03, 0.2)
VIEW, LUCK = 0.4, 0.7
LIMITS = (1.23, 1.04)
TRUSTED = (0.92, 0.98)


def recipe(
    easiness: np.ndarray, limit: float, runs: int, scatter: float, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    """(runs, n) bool, which pictures each run tells; and the true accuracy: of the recipe, or of its only run."""
    view = VIEW * generator.normal(size=len(easiness))
    of_run = scatter * generator.normal(size=(runs, 1))
    told = easiness + view + limit + of_run + LUCK * generator.normal(size=(runs, len(easiness))) > 0
    if runs == 1:
        return told, NormalDist().cdf((limit + float(of_run[0, 0])) / float(np.sqrt(1 + VIEW**2 + LUCK**2)))
    return told, NormalDist().cdf(limit / float(np.sqrt(1 + VIEW**2 + LUCK**2 + scatter**2)))


def intervals(first: np.ndarray, second: np.ndarray) -> dict[str, Bounds]:
    """The interval of every side."""
    found = seed_difference(first, second)
    gaps = first.mean(axis=0) - second.mean(axis=0)
    middle, pictures = float(gaps.mean()), float(gaps.var(ddof=1)) / len(gaps)
    seeds = [float(side.mean(axis=1).var(ddof=1)) / len(side) if len(side) > 1 else 0.0 for side in (first, second)]
    doubt = sum(seed**2 / (len(side) - 1) for seed, side in zip(seeds, (first, second), strict=True) if len(side) > 1)
    freedom = max(sum(seeds) ** 2 / doubt, 1.0) if doubt else 1.0
    z = NormalDist().inv_cdf(0.975)
    return {
        OWN: (found.interval.low, found.interval.high),
        SEEDS: around(middle, quantile(0.975, freedom) * np.sqrt(sum(seeds))),
        PICTURES: around(middle, z * np.sqrt(pictures)),
        SUM: around(middle, quantile(0.975, freedom) * np.sqrt(sum(seeds) + pictures)),
    }


def around(middle: float, reach: float) -> Bounds:
    return middle - float(reach), middle + float(reach)


def coverage(runs: tuple[int, int], n: int, scatter: float, comparisons: int, seed: Sequence[int]) -> dict[str, Any]:
    """How many intervals of each side hold the truth, and how wide they are on average."""
    covered: dict[str, int] = {}
    width: dict[str, float] = {}
    for number in range(comparisons):
        generator = np.random.default_rng([*seed, number])
        easiness = generator.normal(size=n)
        (first, one), (second, other) = (
            recipe(easiness, limit, count, scatter, generator) for limit, count in zip(LIMITS, runs, strict=True)
        )
        for side, (low, high) in intervals(first, second).items():
            covered[side] = covered.get(side, 0) + int(low <= one - other <= high)
            width[side] = width.get(side, 0.0) + (high - low) / comparisons
    return {"covered": covered, "width": {side: round(value, 4) for side, value in width.items()}, "comparisons": comparisons}


def share(rows: Sequence[Mapping[str, Any]], side: str) -> str:
    held = sum(row["covered"][side] for row in rows) / sum(row["comparisons"] for row in rows)
    width = sum(row["width"][side] for row in rows) / len(rows)
    return f"{held:.1%}, {100 * width:.1f}"


def within(rows: Sequence[Mapping[str, Any]], side: str) -> str:
    shares = [row["covered"][side] / row["comparisons"] for row in rows]
    inside = sum(TRUSTED[0] <= value <= TRUSTED[1] for value in shares)
    return f"{inside} of {len(shares)}; {min(shares):.0%} to {max(shares):.0%}"


def show(results: Sequence[dict[str, Any]]) -> str:
    """The table of the latest result."""
    settings = results[-1]["settings"]
    sides = list(settings[0]["covered"])
    rows = []
    for runs, n in product(RUNS, COUNTS):
        chosen = [row for row in settings if (tuple(row["runs"]), row["n"]) == (runs, n)]
        if chosen:
            by_scatter = {row["scatter"]: share([row], OWN) for row in chosen}
            at = [by_scatter.get(scatter, "") for scatter in SCATTERS]
            rows.append([f"{runs[0]} against {runs[1]} runs, n = {n:,}", *at, *(share(chosen, side) for side in sides)])
    rows.append(["all settings", *[""] * len(SCATTERS), *(share(settings, side) for side in sides)])
    rows.append(["settings within 92 to 98 %", *[""] * len(SCATTERS), *(within(settings, side) for side in sides)])
    own = [f"{OWN}, seeds {scatter:g}" for scatter in SCATTERS]
    return table(["held the truth, width in points", *own, *(f"{side}, all" for side in sides)], rows)


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--comparisons", type=int, default=400, help="how many each setting has (default: 400)")
    arguments = flags.parse_args()
    comparisons = 5 if arguments.quick else arguments.comparisons
    settings = []
    for number, (runs, n, scatter) in enumerate(product(RUNS, COUNTS, SCATTERS)):
        found = coverage(runs, n, scatter, comparisons, [number])
        settings.append({"runs": list(runs), "n": n, "scatter": scatter, **found})
        say(f"{runs[0]} against {runs[1]} runs, n = {n:,}, seeds {scatter:g}: {share(settings[-1:], OWN)}")
    finish(document("difference_coverage", settings=settings), show, arguments)


if __name__ == "__main__":
    main()
