"""A folder of class folders, with or without parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from eyespot.data import layout, reading
from eyespot.data.dataset import Dataset
from eyespot.data.reading import Size
from eyespot.errors import DataError
from eyespot.progress import SILENT, Progress


def load(path: Path, size: Size, *, minimum_classes: int = 2, progress: Progress = SILENT) -> Dataset:
    """The pictures of a folder; `layout.arrange` says which folders are classes and which are parts.

    Errors: DataError, where the folder cannot be listed or is no data set.
    """
    name = path.resolve().name or str(path)
    try:
        found = layout.arrange(_walk(path), str(path))
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be listed: {error.strerror}") from error
    return reading.read(
        name,
        found.entries,
        path.joinpath,
        size,
        minimum_classes=minimum_classes,
        ignored=found.ignored,
        notes=found.notes,
        progress=progress,
    )


def _walk(root: Path) -> Iterator[str]:
    """Everything below `root`, relative to it, with `/` between the steps and at the end of a folder's name.

    Links to folders are followed, for people gather classes by links; a folder that was seen already is not entered again.
    """
    seen = {os.path.realpath(root)}
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_raise):
        inside = Path(folder).relative_to(root)
        for file in files:
            yield (inside / file).as_posix()
        for subfolder in list(subfolders):
            real = os.path.realpath(os.path.join(folder, subfolder))
            if real in seen:
                subfolders.remove(subfolder)
                continue
            seen.add(real)
            yield (inside / subfolder).as_posix() + "/"


def _raise(error: OSError) -> None:
    raise error
