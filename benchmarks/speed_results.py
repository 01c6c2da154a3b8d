"""What `accuracy_speed.py` has measured so far, read from the results file: for its tables, the picture and the ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from common import Document

Rows = dict[str, list[Document]]


def by_row(results: Sequence[Document]) -> Rows:
    """The results of each row, in the order in which rows were first measured.

    Only those of the machine that measured last, and of a recipe those with its latest settings; where a row and seed were
    measured again, the latest counts.
    """
    if not results:
        return {}
    machine = results[-1]["machine"]
    latest = {(result["row"], result["seed"]): result for result in results if result["machine"] == machine}
    settings = {result["row"]: result.get("settings") for result in results if result["machine"] == machine}
    rows: Rows = {}
    for result in latest.values():
        if result.get("settings") == settings[result["row"]]:
            rows.setdefault(result["row"], []).append(result)
    return rows


def mean_of(results: Sequence[Document], key: str) -> float:
    """The mean of one figure over the seeds."""
    return statistics.mean(result[key] for result in results)


def accuracy_values(results: Sequence[Document], views: int, kind: str) -> list[float]:
    """The accuracies of one row, 0-1, one a seed: `kind` is `balanced_exact` or `all`; empty where it is not known."""
    values = [result["test"]["views"][str(views)][kind] for result in results]
    return [value for value in values if value is not None]


def is_peer(row: str) -> bool:
    """Whether the row is a peer's."""
    from peer_patches import SCRIPTS

    return row.split("+")[0] in SCRIPTS


def best_forms(rows: Mapping[str, Sequence[Document]]) -> list[str]:
    """The rows of each peer's fastest form, by the mean of its seconds from start to end.

    There is one for each type of weights, since bfloat16 trains another network than float32, and one each with and without
    Eyespot's way with freed memory, which the peer's authors know nothing of: as many as were measured.
    """
    forms: dict[tuple[str, bool, bool], list[str]] = {}
    for row in rows:
        if is_peer(row):
            script, *options = row.split("+")
            forms.setdefault((script, "float32-weights" in options, "allocator" in options), []).append(row)
    return [min(names, key=lambda name: mean_of(rows[name], "seconds")) for names in forms.values()]
