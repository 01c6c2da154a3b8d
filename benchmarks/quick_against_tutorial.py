"""`eyespot train cifar10 --recipe quick` against the tutorial in stock Keras to its own end: how many times faster it is.

    python benchmarks/peers.py                  makes the peers' environments, once
    python benchmarks/quick_against_tutorial.py

The tutorial's time is put together: the epochs that it trains to its own end (`tutorial_accuracy.py`) times the seconds of an
epoch: 50,000 pictures at the speed of the fastest backend (`training_throughput.py`) and the validation pass over 10,000, which
is what is measured here. Left out, in the tutorial's favor: imports, compilation, reading the pictures, the final evaluation.
Of `quick` (`accuracy_speed.py`) everything counts, process start to exit. examples/tutorial.py is written in float32; the row
in bfloat16 is Keras' mixed_bfloat16 policy on the backend that is fastest with it. Takes about a minute.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from common import (
    HERE,
    Document,
    document,
    finish,
    parser,
    peer_environment,
    peer_python,
    recorded,
    run_json,
    say,
    spread,
    table,
)
from speed_results import by_row, mean_of

NAME = "quick_against_tutorial"
PRECISIONS = ("float32", "bfloat16")
TRAINING_PICTURES = 50_000


def fastest_backend(precision: str) -> tuple[str, float] | None:
    """The backend on which stock `fit` trains the tutorial network fastest, and its images a second; None: not measured."""
    measured = _beside_quick(recorded("training_throughput"))
    speeds = {
        words[2].rstrip(","): row["median"]
        for row in (measured[-1]["rows"] if measured else [])
        if (words := row["variant"].split())[0] == "Keras" and words[-1] == precision
    }
    backend = max(speeds, key=speeds.__getitem__, default=None)
    return None if backend is None else (backend, speeds[backend])


def _beside_quick(results: Sequence[Document]) -> list[Document]:
    """The results of the machine that `quick` was measured on: others say nothing about how many times faster it is."""
    quick = quick_rows()
    return [result for result in results if not quick or result["machine"] == quick[-1]["machine"]]


def quick_rows() -> list[Document]:
    """What was measured of `quick`; empty: nothing."""
    return by_row(recorded("accuracy_speed")).get("quick", [])


def tutorial_epochs() -> float | None:
    """After how many epochs the tutorial ends by itself, the mean over seeds; None: not measured."""
    measured = recorded("tutorial_accuracy")
    return mean_of(measured, "epochs") if measured else None


def training_seconds(precision: str) -> float | None:
    """How long stock Keras trains the tutorial to its own end, validation left out; None: not measured."""
    fastest, epochs = fastest_backend(precision), tutorial_epochs()
    return None if fastest is None or epochs is None else epochs * TRAINING_PICTURES / fastest[1]


def validation_seconds(results: Sequence[Document], precision: str) -> float:
    """How long all its validation passes take; 0 where they were not measured."""
    here = _beside_quick(results)
    epochs, rows = tutorial_epochs(), here[-1]["rows"] if here else []
    passes = [row["median"] for row in rows if row["precision"] == precision]
    return epochs * passes[0] if epochs is not None and passes else 0.0


def show(results: Sequence[Document]) -> str:
    """One row a precision: how the tutorial's time comes about, and how many times that of `quick` it is."""
    quick = quick_rows()
    seconds = mean_of(quick, "seconds") if quick else None
    lines = []
    for precision in PRECISIONS:
        fastest, training = fastest_backend(precision), training_seconds(precision)
        if fastest is None or training is None:
            return "The tutorial in stock Keras is not measured yet."
        validation = validation_seconds(results, precision)
        times = [f"{total / seconds:.0f}" if seconds else "" for total in (training, training + validation)]
        backend, speed = fastest
        figures = [f"{tutorial_epochs():.0f}", f"{speed:.0f}", f"{training:.0f}", f"{validation:.0f}"]
        lines.append([f"{precision}, Keras on {backend}", *figures, f"{seconds:.1f}" if seconds else "", *times])
    heads = ["the tutorial, to its own end", "epochs", "images/s", "s, training", "s, validation"]
    return table([*heads, "s, quick", "times, training only", "times, with validation"], lines)


def measure_validation(precision: str, quick: bool) -> Document:
    """One row: the validation pass on the fastest backend.

    Errors: SystemExit, where the backend is not known yet or has no environment.
    """
    fastest = fastest_backend(precision)
    if fastest is None:
        raise SystemExit("which backend is fastest is not known yet: run python benchmarks/training_throughput.py first")
    python = peer_python(fastest[0])
    if python is None:
        raise SystemExit(f"no environment for Keras on {fastest[0]}: run python benchmarks/peers.py first")
    amount = ["--repeats", "1", "--pictures", "512"] if quick else ["--repeats", "3"]
    passes = run_json([python, HERE / "stock_validation.py", precision, *amount], peer_environment(fastest[0]))["seconds"]
    say(f"validation pass on {fastest[0]}, {precision}: {statistics.median(passes):.2f} s")
    return {"precision": precision, "backend": fastest[0], **spread(passes)}


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = [measure_validation(precision, arguments.quick) for precision in PRECISIONS]
    finish(document(NAME, rows=rows), show, arguments)
    if not arguments.quick:
        import accuracy_figure  # it imports this module

        accuracy_figure.draw()


if __name__ == "__main__":
    main()
