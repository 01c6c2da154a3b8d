"""What `eyespot compare` says: two sides in a few lines and tables, or many runs in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from eyespot.cli.console import one_line, percent, table
from eyespot.cli.summary import sentence

if TYPE_CHECKING:
    from eyespot.evaluation.compare import Comparison, Ranking
    from eyespot.evaluation.cost import Cost, Speed
    from eyespot.evaluation.flips import ClassChange, Flip
    from eyespot.evaluation.intervals import Interval
    from eyespot.evaluation.judged import Side

    Priced: TypeAlias = tuple[Cost | None, Speed | None]

_SHOWN = 5
"""So many flipped pictures a side are shown; --json has all."""
_FEW_FREEDOM = 6
"""With fewer degrees of freedom it is the small number of runs that makes an interval wide."""
_CLASSES = 12
"""Of more classes than these only those that changed most are shown."""


def comparison(found: Comparison, costs: Sequence[Priced]) -> str:
    """Two sides; what each costs."""
    return "\n".join(map(one_line, _comparison(found, costs)))


def ranking(found: Ranking, costs: Sequence[Priced]) -> str:
    """Single runs, the best first; what each costs."""
    return "\n".join(map(one_line, _ranking(found, costs)))


def _comparison(found: Comparison, costs: Sequence[Priced]) -> Iterator[str]:
    from eyespot.evaluation.compare import COUNTED, MEANINGS

    yield from _side("A", found.first)
    yield from _side("B", found.second)
    yield f"on the same {len(found.pictures):,} pictures"
    yield ""
    yield from sentence(_verdict(found))
    yield from sentence(f"claim: {MEANINGS[found.claim]}")
    yield from sentence(f"the interval counts {COUNTED[found.claim]}")
    for line in found.caveats:
        yield from sentence(f"note: {line}")
    yield ""
    yield from _classes(found.classes)
    yield ""
    yield from _flips(found)
    yield ""
    heads = [("", "A", "B"), *zip(_COSTS, *(_cost_cells(*cost) for cost in costs), strict=True)]
    yield from table(heads, numbers={1, 2}).splitlines()
    if len(found.first.runs) + len(found.second.runs) > 2:
        yield "each the first run's of its side"


def _side(letter: str, side: Side) -> Iterator[str]:
    if side.deviation is None:
        yield f"{letter}  {percent(side.accuracy)}  {side.runs[0].folder.path}"
        return
    scatter = f"standard deviation {100 * side.deviation:.2f} points"
    yield f"{letter}  {percent(side.accuracy)}  on average over {len(side.runs)} runs, {scatter}"
    for run, accuracy in zip(side.runs, side.accuracies, strict=True):
        seed = "" if run.seed is None else f"  seed {run.seed}"
        yield f"     {percent(accuracy)}  {run.folder.path}{seed}"


def _verdict(found: Comparison) -> str:
    estimate, interval = found.difference.estimate, f"95 % interval of A - B: {_interval(found.difference)}"
    if found.is_real:
        better, worse = ("A", "B") if estimate > 0 else ("B", "A")
        return f"{better} is better than {worse}, by {_points(abs(estimate))} ({interval}){_how_unlikely(found)}."
    ahead = f"A is {'ahead' if estimate > 0 else 'behind'} by {_points(abs(estimate))}" if estimate else "they are level"
    return f"Which is better cannot be told: {ahead} ({interval}, 0 included){_how_unlikely(found)}; {_what_helps(found)}."


def _how_unlikely(found: Comparison) -> str:
    """What the p-value says, in words."""
    if found.p_value is None:
        return ""
    name = "McNemar's test, mid-p" if found.test is not None else "Student's t"
    often = "less than once in 1,000 times" if found.p_value < 0.001 else f"{percent(found.p_value)} of the time"
    return f"; equally good ones would differ by so much {often} ({name})"


def _what_helps(found: Comparison) -> str:
    by_seeds = found.by_seeds
    if by_seeds is None or (by_seeds.of_pictures > by_seeds.of_seeds and by_seeds.freedom > _FEW_FREEDOM):
        return "more test pictures would tell"
    return "more seeds would tell"


def _classes(changes: Sequence[ClassChange]) -> Iterator[str]:
    shown = changes
    if len(changes) > _CLASSES:
        most = sorted(changes, key=lambda change: -abs(change.difference.estimate))[:_CLASSES]
        shown = [change for change in changes if change in most]
    rows = [
        (
            one_line(change.name),
            f"{change.n:,}",
            percent(change.first),
            percent(change.second),
            _signed(change.difference.estimate),
            _interval(change.difference),
            f"{change.gained:,}",
            f"{change.lost:,}",
        )
        for change in shown
    ]
    head = ("class", "pictures", "A", "B", "A - B", "95 % interval", "A alone", "B alone")
    yield from table([head, *rows], numbers={1, 2, 3, 4, 5, 6, 7}).splitlines()
    if len(shown) < len(changes):
        yield f"the {len(shown)} of {len(changes):,} classes that changed most; --json has all"
    if len(changes) > 4:
        yield f"of {len(changes):,} such intervals, about one in 20 misses by chance"


def _flips(found: Comparison) -> Iterator[str]:
    several = len(found.first.runs) + len(found.second.runs) > 2
    who = "most runs of" if several else "only"
    for letter, count, gained in (("A", found.gained, True), ("B", found.lost, False)):
        yield f"{count:,} pictures that {who} {letter} told right{' and most of the other side did not' if several else ''}"
        flips = [flip for flip in found.flips if flip.is_gained is gained][:_SHOWN]
        rows = [_flip(flip, several) for flip in flips]
        if rows:
            yield from (f"  {line}" for line in table(rows).splitlines())
        if count > len(rows):
            yield f"  and {count - len(rows):,} more; --json has all, the surest first"


def _flip(flip: Flip, several: bool) -> tuple[str, ...]:
    counts = f"{flip.first_right} : {flip.second_right} runs right" if several else ""
    return (
        one_line(flip.name),
        one_line(flip.label),
        f"A: {one_line(flip.first)} {percent(flip.first_probability)}",
        f"B: {one_line(flip.second)} {percent(flip.second_probability)}",
        counts,
    )


def _ranking(found: Ranking, costs: Sequence[Priced]) -> Iterator[str]:
    from eyespot.evaluation.compare import COUNTED, MODELS

    head = ("run", "accuracy", "95 % interval", "to the best", "95 % interval", "")
    rows = [
        (
            one_line(place.run.name),
            percent(place.accuracy.estimate),
            f"{100 * place.accuracy.low:.1f} to {100 * place.accuracy.high:.1f}",
            "" if place.to_best is None else _signed(place.to_best.estimate),
            "" if place.to_best is None else _interval(place.to_best),
            "" if place.to_best is None else "behind" if place.is_behind else "may be as good",
        )
        for place in found.places
    ]
    yield f"{len(rows)} models on the same {len(found.pictures):,} pictures, the best first"
    yield ""
    yield from table([head, *rows], numbers={1, 2, 3, 4}).splitlines()
    yield ""
    priced = [(row[0], *_cost_cells(*cost)) for row, cost in zip(rows, costs, strict=True)]
    yield from table([("run", *_COSTS), *priced], numbers=set(range(1, 1 + len(_COSTS)))).splitlines()
    yield ""
    yield from sentence(
        f"claim: about these {len(rows)} models, of which the best is so partly by luck: the more so, the more there are"
    )
    yield from sentence(f"the interval counts {COUNTED[MODELS]}")
    yield "recipes, not models, over several seeds: eyespot compare RUN... --against RUN..."
    for line in found.caveats:
        yield from sentence(f"note: {line}")


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _interval(interval: Interval) -> str:
    return f"{_signed(interval.low)} to {_signed(interval.high)}"


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) or 0.0:+.1f}"  # no -0.0


# -------------------------------------------------------------------------------------------------------------- costs


_COSTS = ("weights", "multiply-adds", "size on disk", "one picture", "in batches", "training")


def _cost_cells(cost: Cost | None, speed: Speed | None) -> tuple[str, ...]:
    if cost is None:
        return ("-",) * len(_COSTS)
    return (
        f"{cost.parameters:,}",
        f"{cost.macs:,}",
        f"{cost.size / 1e6:.2f} MB",
        "-" if speed is None else f"{1e3 * speed.seconds:.2f} ms",
        "-" if speed is None else f"{speed.images_per_second:,.0f} pictures/s",
        "-" if cost.train_seconds is None else f"{cost.train_seconds:,.0f} s",
    )
