"""Accuracy on CIFAR-10 against seconds on the processor: Eyespot's recipes and budgets beside two published speed records.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/accuracy_speed.py
    python benchmarks/accuracy_speed.py --only quick,budget-1m
    python benchmarks/accuracy_speed.py --only 'airbench94_muon*,cifar10_speedrun*'

Every run is a process of its own, one after the other, rows in turn, on all cores. Rows and seeds that are in results.jsonl
from this machine are not run again unless `--again` asks for it, so that a study that was broken off goes on. After a change of
a recipe, ask: only runs with the settings of its latest one are counted. Eyespot is run as a user would; `seconds` is from
process start to exit: reading the pictures, evaluation, model file and report included, and `training` is what the run calls
`train_seconds`.

The peers are KellerJordan/cifar10-airbench's airbench94_muon and hiverge/cifar10-speedrun's cifar10_speedrun, both written for
an A100, with their device calls changed: `peer_patches.py` has every change. Each is run as it is; `+allocator`: with the C
library keeping big blocks of memory, as Eyespot does; and with that also `+float32-weights`: weights in float32 that are
rounded to bfloat16 for each step, as bfloat16 weights may cost accuracy. As it is it computes the same as with `+allocator`, so
there it is run once, for its time. What is not compiled is faster: see `peer_forms.py`; other forms can be named, such as
`airbench94_muon+compiled`, whose warm-up is reported apart and counts nowhere.
Their `seconds` end where their own work ends, and leave out what they evaluate only to log; their `training` is what their own
clock says, which includes their evaluation of the test pictures from several views. Neither has a report to write.

Accuracy is computed by `views.py` for all alike, from one, two (mirrored) and six views of each test picture, on those that are
known to be exact (see `tutorial_accuracy.py`) and on all. Peak memory is the process's largest resident set. 5 to 9
minutes a run for the peers on 2 cores.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from fnmatch import fnmatch

import accuracy_figure
from common import Document, finish_study, machine, parser, record, recorded, say, table
from speed_results import Rows, accuracy_values, best_forms, by_row, mean_of
from speed_runs import NAME, ROWS, SMOKE, TUTORIAL, Row, peer_row, run

SMOKE_ROWS = ("quick", "airbench94_muon+allocator", "cifar10_speedrun+allocator")
"""What a smoke check runs where nothing is named."""


# ------------------------------------------------------------------------------------------------ tables


def show(results: Sequence[Document]) -> str:
    """Seconds, memory and accuracy of every row; Eyespot's `accurate` against the peers; the picture."""
    places = {row.name: place for place, row in enumerate(ROWS)}
    rows = dict(sorted(by_row(results).items(), key=lambda row: places.get(row[0], len(places))))
    parts = [_exact_table(rows), _all_table(rows), _peer_table(rows)]
    if accuracy_figure.is_drawn(rows):
        parts.append("![accuracy against seconds](../docs/images/accuracy_seconds.png)")
    return "\n\n".join(part for part in parts if part)


def _exact_table(rows: Rows) -> str:
    heads = ["mean (deviation)", "n", "seconds", "training", "warm-up", "peak GB", "1 view", "2 views", "6 views"]
    n = next((result["test"]["n_exact"] for results in rows.values() for result in results), None)
    of = f"on the {n:,} test pictures known to be exact" if n else "(no test pictures are known to be exact)"
    lines = [
        [
            name,
            str(len(results)),
            _summary([result["seconds"] for result in results], ".1f"),
            _summary([result["train_seconds"] for result in results], ".1f"),
            _summary([result["warm_up_seconds"] for result in results if result["warm_up_seconds"] is not None], ".0f"),
            _summary([result["peak_bytes"] / 1e9 for result in results], ".2f"),
            *(_summary(accuracy_values(results, views, "balanced_exact"), ".2%") for views in (1, 2, 6)),
        ]
        for name, results in rows.items()
    ]
    return f"Seconds from process start to end; balanced accuracy {of}:\n\n{table(heads, lines)}"


def _all_table(rows: Rows) -> str:
    heads = ["mean (deviation)", "n", "1 view", "2 views", "6 views", "parameters", "held-out pictures"]
    lines = [
        [
            name,
            str(len(results)),
            *(_summary(accuracy_values(results, views, "all"), ".2%") for views in (1, 2, 6)),
            f"{results[-1]['parameters']:,}",
            _summary([result["held_out_accuracy"] for result in results if result.get("held_out_accuracy")], ".2%"),
        ]
        for name, results in rows.items()
    ]
    held_out = "on the tenth of the training part that a budget holds out and watches, the last column"
    return f"Plain accuracy on all test pictures; {held_out}:\n\n{table(heads, lines)}"


def _peer_table(rows: Rows) -> str:
    """Eyespot's `accurate` beside each peer's fastest forms; empty where one side is missing."""
    figures = [(kind, views) for kind in ("balanced_exact", "all") for views in (1, 2, 6)]
    lines = [
        [
            f"{own} against {peer}",
            *(f"{mean_of(rows[own], key) / mean_of(rows[peer], key):.2f}" for key in ("seconds", "train_seconds")),
            *(
                _points(accuracy_values(rows[own], views, kind), accuracy_values(rows[peer], views, kind))
                for kind, views in figures
            ),
        ]
        for own in ("accurate", "accurate-float32")
        if own in rows
        for peer in best_forms(rows)
    ]
    if not lines:
        return ""
    heads = [
        "",
        "seconds",
        "training",
        *(f"{'exact' if kind == 'balanced_exact' else kind}, {views}" for kind, views in figures),
    ]
    return (
        f"Share of the time of a peer's fastest forms, and points of accuracy ahead of them, by views:\n\n{table(heads, lines)}"
    )


def _points(own: Sequence[float], peer: Sequence[float]) -> str:
    return f"{100 * (statistics.mean(own) - statistics.mean(peer)):+.2f}" if own and peer else ""


def _summary(values: Sequence[float], shape: str) -> str:
    if not values:
        return ""
    deviation = f" ({statistics.stdev(values):{shape}})" if len(values) > 1 else ""
    return f"{statistics.mean(values):{shape}}{deviation}"


# ------------------------------------------------------------------------------------------------- study


def chosen_rows(only: str) -> list[Row]:
    """The rows that a list of names and patterns means; all where it is empty.

    Errors: SystemExit for a name that means nothing.
    """
    if not only:
        return list(ROWS)
    found: dict[str, Row] = {}
    for name in only.split(","):
        matching = [row for row in ROWS if fnmatch(row.name, name)]
        matching = matching or [TUTORIAL if name == TUTORIAL.name else peer_row(name)]
        found |= {row.name: row for row in matching}
    return list(found.values())


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--only", default="", metavar="ROW,...", help="only these rows; * stands for anything in a name")
    flags.add_argument("--seeds", type=int, help="how many seeds of each row, counted from 0 (default: as the row has it)")
    flags.add_argument("--again", action="store_true", help="run also what is in results.jsonl already; the latest counts")
    arguments = flags.parse_args()
    if arguments.quick:
        rows = chosen_rows(arguments.only or ",".join(SMOKE_ROWS))
        finish_study([run(row, 0, few=SMOKE) for row in rows], show, arguments)
        return
    rows = chosen_rows(arguments.only)
    here = machine()
    done = set()
    if not arguments.again:
        done = {(result["row"], result["seed"]) for result in recorded(NAME) if result["machine"] == here}
    seeds = {row: row.seeds if arguments.seeds is None else arguments.seeds for row in rows}
    for seed in range(max(seeds.values())):
        for row in (row for row in rows if seed < seeds[row]):
            if (row.name, seed) in done:
                say(f"{row.name}, seed {seed}: in results.jsonl already")
                continue
            say(f"{row.name}, seed {seed}: running")
            record(run(row, seed))
            accuracy_figure.draw()
    finish_study(recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
