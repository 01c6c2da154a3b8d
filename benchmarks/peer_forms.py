"""In which form each published speed record is fastest on the processor: as it is, keeping freed memory, compiled.

    EYESPOT_CIFAR10=/path/to/cifar-10-batches-bin python benchmarks/peer_forms.py

Each form of each script, with its weights in bfloat16 and in float32, learns all its epochs from 4,000 pictures, two steps in
each, and judges 500; each in a process of its own, in turn, on all cores. Seconds are those of the script's own clock; what it
compiles is compiled in a warm-up apart. `accuracy_speed.py` trains the fastest to its end. About a minute a form, three where
it is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch

from common import Document, finish_study, parser, record, recorded, say, table
from peer_patches import SCRIPTS
from speed_results import by_row, mean_of
from speed_runs import SMOKE, TRIAL, peer_row, run

NAME = "peer_forms"
FORMS = ("", "+allocator", "+compiled", "+allocator+compiled")
WEIGHTS = ("", "+float32-weights")
ROWS = tuple(peer_row(f"{script}{form}{weights}") for script in SCRIPTS for weights in WEIGHTS for form in FORMS)


def show(results: Sequence[Document]) -> str:
    """Seconds of each form, and how many times those of the fastest of the same script."""
    rows = by_row(results)
    seconds = {name: mean_of(measured, "train_seconds") for name, measured in rows.items()}
    lines = []
    for row in sorted((row for row in ROWS if row.name in rows), key=lambda row: (row.script or "", seconds[row.name])):
        fastest = min(seconds[other.name] for other in ROWS if other.script == row.script and other.name in rows)
        warm_up = rows[row.name][-1]["warm_up_seconds"]
        lines.append(
            [
                row.name,
                str(len(rows[row.name])),
                f"{seconds[row.name]:.1f}",
                f"{seconds[row.name] / fastest:.2f}",
                "" if warm_up is None else f"{warm_up:.0f}",
            ]
        )
    return table(["learning from 4,000 pictures", "n", "seconds", "times the fastest", "compiling, seconds"], lines)


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--only", default="*", help="a pattern of names: only these forms")
    flags.add_argument("--repeats", type=int, default=1)
    arguments = flags.parse_args()
    rows = [row for row in ROWS if fnmatch(row.name, arguments.only)]
    results = []
    for repeat in range(1 if arguments.quick else arguments.repeats):
        for row in rows:
            outcome = run(row, repeat, few=SMOKE if arguments.quick else TRIAL) | {"benchmark": NAME}
            say(f"{row.name}: {outcome['train_seconds']:.1f} s")
            results.append(outcome)
            if not arguments.quick:
                record(outcome)
    finish_study(results if arguments.quick else recorded(NAME), show, arguments)


if __name__ == "__main__":
    main()
