"""Labelled pictures: where they come from, and what they look like to a network.

`load` reads any source into a `Dataset`; each kind of source is one module: `cifar10`, `letters`, `folder`, `archive`
(a zip) and `table` (a CSV). `splits` parts a data set that came without parts.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyespot.data.dataset import WHOLE as WHOLE
from eyespot.data.dataset import Dataset as Dataset
from eyespot.data.dataset import Part as Part
from eyespot.data.dataset import Skipped as Skipped
from eyespot.errors import DataError
from eyespot.progress import SILENT, Progress

if TYPE_CHECKING:
    from eyespot.data.reading import Size

NAMES = ("cifar10", "letters")
"""The data sets that are known by name."""


def load(source: str | Path, size: Size = (32, 32), *, minimum_classes: int = 2, progress: Progress = SILENT) -> Dataset:
    """Read a data set, its pictures resized to `size` by the rule in `eyespot.images`.

    A source with parts gives those it has of `train`, `validation` and `test`; one without gives the single part `all`.

    Args:
        source: `cifar10`; `letters`; a folder or .zip of class folders, with or without train/val|valid|validation/test; a
            .csv of path,label[,split]; or CIFAR-10's published archives or folders.
        size: (height, width) of the pictures, or what chooses it from those they have: see `eyespot.data.reading.Size`.
        minimum_classes: fewer classes than this are an error: 2 to learn from, 1 to test on.

    Errors: DataError, which names what is wrong and where; DownloadError, where CIFAR-10 cannot be had.
    """
    from eyespot.data import archive, cifar10, cifar10_files, folder, letters, table

    path = Path(source)
    if source == "cifar10":
        return _at_size(cifar10.load(progress=progress), size, progress)
    if source == "letters":
        return _at_size(letters.load(progress=progress), size, progress)
    if not source or not os.path.exists(path):  # unlike Path.exists, False for names that no file can have
        raise DataError(f"no such folder or file: {source}{_nearest(path)}; DATA may also be {' or '.join(NAMES)}")
    if cifar10_files.locate(path) is not None:
        return _at_size(cifar10.read(path), size, progress)
    if path.is_dir():
        return folder.load(path, size, minimum_classes=minimum_classes, progress=progress)
    if path.suffix.lower() == ".zip":
        return archive.load(path, size, minimum_classes=minimum_classes, progress=progress)
    if path.suffix.lower() == ".csv":
        return table.load(path, size, minimum_classes=minimum_classes, progress=progress)
    raise DataError(
        f"{source} is no data set; DATA is {' or '.join(NAMES)}, a folder or .zip of class folders, a .csv of path,label, "
        f"or CIFAR-10 as published"
    )


def known_classes(source: str | Path) -> tuple[str, ...] | None:
    """The classes of a data set that is known by name, which need not be read for that; None for any other."""
    from eyespot.data import cifar10, letters

    return {"cifar10": cifar10.CLASSES, "letters": letters.CLASSES}.get(str(source))


def describe(dataset: Dataset) -> dict[str, Any]:
    """What a data set holds, as JSON.

    The keys are `name`, `classes`, `size` (height, width), `parts` ({part: {class: pictures}}), `pictures`, `skipped`
    ([{path, reason}...]), `ignored` ({ending: files}), `notes`, `facts` (for CIFAR-10 whether it `matches_published`) and
    `fingerprint`.
    """
    return {
        "name": dataset.name,
        "classes": list(dataset.classes),
        "size": list(next(iter(dataset.parts.values())).images.shape[1:3]),
        "parts": {name: _counts(part, dataset.classes) for name, part in dataset.parts.items()},
        "pictures": len(dataset),
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in dataset.skipped],
        "ignored": dict(dataset.ignored),
        "notes": list(dataset.notes),
        "facts": dict(dataset.facts),
        "fingerprint": dataset.fingerprint(),
    }


def _at_size(dataset: Dataset, size: Size, progress: Progress) -> Dataset:
    from eyespot.data.reading import check_room, resized

    if callable(size):
        height, width = next(iter(dataset.parts.values())).images.shape[1:3]
        size = size([(height, width)], len(dataset))
    check_room(len(dataset), size)
    return dataset.with_parts(**{name: resized(part, size, progress) for name, part in dataset.parts.items()})


def _counts(part: Part, classes: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(part.labels, minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}


def _nearest(path: Path) -> str:
    """The name meant, perhaps: a known one, or one that lies beside `path`."""
    try:
        beside = {entry.name: str(path.parent / entry.name) for entry in path.parent.iterdir()}
    except OSError:
        beside = {}
    candidates = beside | ({name: name for name in NAMES} if path.parent == Path() else {})
    close = difflib.get_close_matches(path.name, candidates, n=1, cutoff=0.6)
    return f" (is {candidates[close[0]]} meant?)" if close else ""
