"""Decode the listed pictures of a source, in threads, into a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isqrt
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from eyespot import environment, images
from eyespot.data.dataset import WHOLE, Dataset, Part, Skipped
from eyespot.errors import DataError, ImageError
from eyespot.progress import SILENT, Progress

_T = TypeVar("_T")

Pixels = tuple[int, int]
"""Height and width of a picture."""

Size: TypeAlias = Pixels | Callable[[Sequence[Pixels], int], Pixels]
"""The size that pictures are resized to; or what chooses it: (the sizes that some of them have, how many there are) -> size."""

_PART_ORDER = ("train", "validation", "test", WHOLE)

_CHUNK = 32  # pictures that a thread decodes before it reports

_LOOKED_AT = 64
"""So many pictures' own sizes are looked at where the size is to be chosen."""

_COPIES = 2
"""So often the pictures lie in memory while they are sorted into parts."""


@dataclass(frozen=True)
class Entry:
    """A picture that a source lists, not yet decoded.

    Attributes:
        name: its path within the data set.
        label: its class.
        part: its part.
        columns: what else the source says of it, by the column's name; the entries of a source have the same columns.
    """

    name: str
    label: str
    part: str
    columns: Mapping[str, str] = field(default_factory=dict)


def read(
    name: str,
    entries: Sequence[Entry],
    source: Callable[[str], Path | bytes],
    size: Size,
    *,
    minimum_classes: int = 2,
    ignored: Mapping[str, int] | None = None,
    notes: Iterable[str] = (),
    progress: Progress = SILENT,
) -> Dataset:
    """Decode what `entries` list; a picture that cannot be read is skipped, and named in the data set.

    Args:
        name: the data set's name, also for errors.
        source: an entry's name -> its file, or the file's bytes; called in several threads at once. It may raise ImageError.
        size: (height, width) of the decoded pictures, or what chooses it.
        minimum_classes: fewer classes than this are an error.
        ignored: files of other kinds, counted by their ending.
        notes: lines worth telling the user.

    Errors: DataError, where a part has classes that the training part lacks, there are too few classes, or no picture of a
    class can be read.
    """
    classes = _classes(name, entries, minimum_classes)
    target = size(_native_sizes(entries, source), len(entries)) if callable(size) else size
    pixels = _allocate(len(entries), target)

    def decode(chunk: range) -> list[tuple[int, str]]:
        faults = []
        for i in chunk:
            try:
                pixels[i] = images.decode(source(entries[i].name), target, name=entries[i].name)
            except ImageError as error:
                faults.append((i, error.reason))
        return faults

    faults = dict(_in_chunks(len(entries), decode, "Reading pictures", progress))
    good = [i for i in range(len(entries)) if i not in faults]
    _check_nothing_lost(name, entries, good, classes, faults)
    return Dataset(
        name,
        classes,
        _parts(entries, good, pixels, classes),
        skipped=tuple(Skipped(entries[i].name, reason) for i, reason in sorted(faults.items())),
        ignored=dict(ignored or {}),
        notes=tuple(notes),
    )


def resized(part: Part, size: Pixels, progress: Progress = SILENT) -> Part:
    """The same part with its pictures at another `size`, (height, width)."""
    if part.images.shape[1:3] == tuple(size):
        return part
    pixels = _allocate(len(part), size)

    def resize(chunk: range) -> list[None]:
        for i in chunk:
            pixels[i] = images.resize(part.images[i], size)
        return []

    _in_chunks(len(part), resize, "Resizing pictures", progress)
    return replace(part, images=pixels)


def check_room(count: int, size: Pixels) -> None:
    """Refuse more pixels than the machine has memory for: the system would end the process without a word.

    Errors: DataError.
    """
    height, width = size
    needed, there = _COPIES * count * height * width * 3, environment.memory()
    if there is None or needed <= there:
        return
    fitting = isqrt(there // (2 * _COPIES * count * 3))
    raise DataError(
        f"{count:,} pictures at {height} x {width} need {needed / 1e9:,.1f} GB of memory, and there are {there / 1e9:,.1f} GB; "
        + (f"choose a smaller size, such as --size {fitting}" if fitting else "take fewer of them")
    )


def names_line(names: Iterable[str], most: int = 20) -> str:
    """Names in one line, the first `most` of them."""
    listed = sorted(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest


def _in_chunks(total: int, work: Callable[[range], list[_T]], description: str, progress: Progress) -> list[_T]:
    """Do `work` on 0 ... total - 1 in threads: Pillow lets go of Python's lock while it decodes and resizes."""
    results: list[_T] = []
    chunks = [range(start, min(start + _CHUNK, total)) for start in range(0, total, _CHUNK)]
    with progress.task(description, total) as task, ThreadPoolExecutor() as pool:
        try:
            for chunk, result in zip(chunks, pool.map(work, chunks), strict=True):
                results += result
                task.advance(len(chunk))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # or Ctrl-C would wait for everything
            raise
    return results


def _native_sizes(entries: Sequence[Entry], source: Callable[[str], Path | bytes]) -> list[Pixels]:
    """The sizes of some pictures from all over the data set, as they are; of those that cannot be read, none."""
    sizes = []
    for entry in entries[:: max(1, len(entries) // _LOOKED_AT)]:
        with suppress(ImageError):
            sizes.append(images.native_size(source(entry.name), name=entry.name))
    return sizes


def _allocate(count: int, size: Pixels) -> NDArray[np.uint8]:
    check_room(count, size)
    height, width = size
    try:
        return np.empty((count, height, width, 3), np.uint8)
    except MemoryError as error:
        gigabytes = count * height * width * 3 / 1e9
        raise DataError(
            f"{count} pictures at {height} x {width} need {gigabytes:.1f} GB of memory, more than there is; use a smaller size"
        ) from error


def _classes(name: str, entries: Sequence[Entry], minimum: int) -> tuple[str, ...]:
    in_part: dict[str, set[str]] = {}
    for entry in entries:
        in_part.setdefault(entry.part, set()).add(entry.label)
    known = in_part.get("train") or set().union(*in_part.values())
    for part, labels in sorted(in_part.items()):
        if labels - known:
            raise DataError(
                f"{name}: the {part} part has classes that the train part lacks: {names_line(labels - known)}; "
                f"{part} has {names_line(labels)}; train has {names_line(known)}"
            )
    if len(known) < minimum:
        raise DataError(
            f"{name} holds one class only, {names_line(known)}; a classifier tells at least {minimum} apart: "
            f"put the pictures of each class into a folder of its own"
        )
    return tuple(sorted(known))


def _check_nothing_lost(
    name: str, entries: Sequence[Entry], good: Sequence[int], classes: tuple[str, ...], faults: Mapping[int, str]
) -> None:
    first_fault: dict[str, str] = {}
    for i, reason in sorted(faults.items()):
        first_fault.setdefault(entries[i].label, f"{entries[i].name} {reason}")
    lost = set(classes) - {entries[i].label for i in good}
    if lost:
        example = first_fault[min(lost)]
        raise DataError(f"{name}: no picture of {names_line(lost)} can be read; for example, {example}")


def _parts(
    entries: Sequence[Entry], good: Sequence[int], pixels: NDArray[np.uint8], classes: tuple[str, ...]
) -> dict[str, Part]:
    position = {label: i for i, label in enumerate(classes)}
    members: dict[str, list[int]] = {}
    for i in good:
        members.setdefault(entries[i].part, []).append(i)
    return {
        part: Part(
            pixels if len(chosen) == len(pixels) else pixels[chosen],
            np.array([position[entries[i].label] for i in chosen], np.int64),
            tuple(entries[i].name for i in chosen),
            {column: tuple(entries[i].columns[column] for i in chosen) for column in entries[chosen[0]].columns},
        )
        for part, chosen in sorted(members.items(), key=lambda item: _PART_ORDER.index(item[0]))
    }
