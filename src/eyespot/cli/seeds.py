"""What `eyespot train --seeds` says at its end: the runs, how their accuracy scatters, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from eyespot.cli.console import answer, answer_json, one_line, percent, table
from eyespot.cli.summary import ending
from eyespot.errors import EyespotError

if TYPE_CHECKING:
    from eyespot.runs import Run, Spread


def finish(trained: Iterable[Run], *, as_json: bool) -> int:
    """Wait for all runs, print what they come to, and give the exit code; what is finished is told where the rest fails."""
    done: list[Run] = []
    try:
        for run in trained:
            done.append(run)
    except EyespotError as error:
        if done:
            error.args = (*error.args, f"kept: {', '.join(str(run.folder.path) for run in done)}")
        raise
    except Exception:
        raise
    except BaseException:  # a signal that came between two trainings, or a second one
        if done:
            _tell(done, as_json)
        raise
    _tell(done, as_json)
    return ending(done[-1])


def _tell(done: Sequence[Run], as_json: bool) -> None:
    if as_json:
        answer_json({"runs": [run.folder.read_metrics() for run in done], "summary": _document(done)})
    else:
        answer("\n".join(map(one_line, _lines(done))))


def _document(done: Sequence[Run]) -> dict[str, Any]:
    from eyespot.runs import pattern, spread

    found = spread(done)
    return {
        "seeds": [run.metrics["seed"] for run in done],
        "accuracy": found and found.to_json(),
        "compare": f"eyespot compare {pattern(done)}",
    }


def _lines(done: Sequence[Run]) -> list[str]:
    from eyespot.run_folder import RUNS
    from eyespot.runs import pattern, spread

    rows = [_row(run) for run in done]
    lines = table([_HEAD, *rows], numbers={0, 1, 2, 3, 4}).splitlines()
    found = spread(done)
    if found is not None:
        lines.append(f"accuracy {percent(found.mean)}{_scatter(found)}")
    if done[-1].folder.path.parent == RUNS and not done[-1].metrics["interrupted"]:
        lines.append(
            f"latest: {done[-1].folder.path}, the last to finish, not the best: chosen by these figures, it would be flattered"
        )
    return [*lines, f"next: eyespot compare {pattern(done)} --against OTHER_RUNS"]


def _scatter(found: Spread) -> str:
    if found.deviation is None:
        return " with one seed, which does not tell how others would do"
    return (
        f" on average over {found.n} seeds, standard deviation {100 * found.deviation:.2f} points, "
        f"from {percent(found.lowest)} to {percent(found.highest)}"
    )


_HEAD = ("seed", "accuracy", "balanced", "epochs", "seconds", "run")


def _row(run: Run) -> tuple[str, ...]:
    metrics = run.metrics
    state = " (interrupted)" if metrics["interrupted"] else ""
    return (
        str(metrics["seed"]),
        percent(metrics["test"]["accuracy"]),
        percent(metrics["test"]["balanced_accuracy"]),
        str(metrics["epochs"]),
        f"{metrics['train_seconds']:.0f}",
        f"{one_line(str(run.folder.path))}{state}",
    )
