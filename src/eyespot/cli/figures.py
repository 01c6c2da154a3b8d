"""The figures of `eyespot evaluate` as text: each with the interval between which it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eyespot.cli.console import bar, one_line, percent, table

if TYPE_CHECKING:
    from eyespot.evaluation.intervals import Interval
    from eyespot.evaluation.metrics import Evaluation
    from eyespot.evaluation.robustness import Robustness


def figures(evaluation: Evaluation, flipped: Evaluation | None) -> str:
    """The headline figures, those with mirror images beside them where they were asked for, and those of the classes."""
    return "\n".join([_headline(evaluation, flipped), "", *_confidence(evaluation), "", _classes(evaluation)])


def lost(robustness: Robustness) -> str:
    """What is lost on worse pictures."""
    rows = [
        (
            row.corruption.kind,
            row.corruption.severity,
            percent(row.accuracy.estimate),
            _between(row.accuracy),
            f"{100 * row.lost.estimate:.1f}",
            f"{100 * row.lost.low:.1f} to {100 * row.lost.high:.1f}",
        )
        for row in robustness.rows
    ]
    head = ("worse by", "how much", "accuracy", "95 % interval", "points lost", "95 % interval")
    plain = ("nothing", "", percent(robustness.accuracy.estimate), _between(robustness.accuracy), "", "")
    shown = table([head, plain, *rows], numbers={2, 3, 4, 5})
    return f"{shown}\n{robustness.n:,} pictures, changed at the size that the network sees; seed {robustness.seed}"


def _headline(evaluation: Evaluation, flipped: Evaluation | None) -> str:
    columns = [_values(each) for each in (evaluation, flipped) if each is not None]
    rows = [[name, *(cell for values in columns for cell in values[name])] for name in columns[0]]
    head = ["figure", "value", "95 % interval", *(["with mirror images", "95 % interval"] if flipped else [])]
    return table([head, *rows], numbers={1, 2, 3, 4})


def _values(evaluation: Evaluation) -> dict[str, tuple[str, str]]:
    """Each headline figure with its interval, by its name."""
    known = evaluation.intervals
    return {
        "accuracy": (percent(evaluation.accuracy), _between(known.accuracy)),
        "balanced accuracy": (percent(evaluation.balanced_accuracy), _between(known.balanced_accuracy)),
        "top-5 accuracy": (percent(evaluation.top5_accuracy), _between(known.top5_accuracy)),
        "loss": (f"{evaluation.loss:.3f}", f"{known.loss.low:.3f} to {known.loss.high:.3f}"),
        "calibration error": (percent(evaluation.ece), _between(known.ece)),
    }


def _confidence(evaluation: Evaluation) -> list[str]:
    """On how many pictures the figures are measured, and what calibration and threshold come to on them."""
    lines = [f"{evaluation.n:,} pictures"]
    confidence = evaluation.confidence
    if confidence is None:
        return lines
    if confidence.ece_before is not None:
        before = percent(confidence.ece_before)
        lines.append(f"calibrated at temperature {confidence.temperature:.2f}; without, the calibration error is {before}")
    if confidence.check is not None:
        check = confidence.check
        wrong = "" if check.error_rate is None else f", {percent(check.error_rate)} of these wrongly"
        lines.append(
            f"unsure: answers below {percent(confidence.unsure_threshold)}; it answers {percent(check.coverage)} of the "
            f"pictures{wrong}"
        )
    return lines


def _classes(evaluation: Evaluation) -> str:
    rows = [
        (
            one_line(name),
            bar(figures.recall or 0.0, 16),
            percent(figures.recall),
            _between(evaluation.intervals.recalls[name]),
            percent(figures.precision),
            percent(figures.f1),
            f"{figures.n:,}",
        )
        for name, figures in evaluation.per_class.items()
    ]
    head = ("class", "", "recall", "95 % interval", "precision", "f1", "pictures")
    lines = [table([head, *rows], numbers={2, 3, 4, 5, 6})]
    absent = sum(figures.n == 0 for figures in evaluation.per_class.values())
    if absent:
        lines.append(
            f"classes without any picture: {absent:,}; nothing is known about them, and balanced accuracy leaves them out"
        )
    return "\n".join(lines)


def _between(interval: Interval | None) -> str:
    return "-" if interval is None else f"{100 * interval.low:.1f} to {percent(interval.high)}"
