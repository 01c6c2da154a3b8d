"""A CSV that lists pictures: the columns `path` and `label`, and `split` where the pictures come in parts.

Further columns are kept as they are, for whoever asks for one by its name.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from eyespot.data import reading
from eyespot.data.dataset import WHOLE, Dataset
from eyespot.data.layout import PART_NAMES
from eyespot.data.reading import Entry, Size
from eyespot.errors import DataError
from eyespot.progress import SILENT, Progress

_DELIMITERS = ",;\t"  # spreadsheets in some countries write semicolons


def load(path: Path, size: Size, *, minimum_classes: int = 2, progress: Progress = SILENT) -> Dataset:
    """The pictures that a CSV lists; paths in it are relative to the folder the CSV lies in.

    Errors: DataError, where a column or a file is missing, a cell is empty, a `split` is unknown or a path comes twice.
    """
    entries = _entries(path)
    missing = [(line, entry.name) for line, entry in entries.items() if not os.path.isfile(path.parent / entry.name)]
    if missing:
        line, name = missing[0]
        others = f", and {len(missing) - 1} other files are missing too" if len(missing) > 1 else ""
        raise DataError(f"{path}, line {line}: no such file: {path.parent / name}{others}")
    return reading.read(
        path.name,
        list(entries.values()),
        path.parent.joinpath,
        size,
        minimum_classes=minimum_classes,
        progress=progress,
    )


def _entries(path: Path) -> dict[int, Entry]:
    """What the rows list, by the line that each row ends on."""
    rows = _rows(path)
    header = rows.pop(0)[1] if rows else []
    column = _columns(path, header)
    others = _others(header, column)
    entries: dict[int, Entry] = {}
    line_of: dict[str, int] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        if len(row) < len(header):
            raise DataError(f"{where}: {len(row)} cells, but the header has {len(header)}")
        cell = {name: row[position].strip() for name, position in column.items()}
        for name, value in cell.items():
            if not value:
                raise DataError(f"{where}: the {name} is empty")
        name = cell["path"].replace("\\", "/")
        if name in line_of:
            raise DataError(f"{where}: {name} stands on line {line_of[name]} already")
        line_of[name] = line
        further = {other: row[position].strip() for other, position in others.items()}
        entries[line] = Entry(name, cell["label"], _part(cell.get("split"), where), further)
    if not entries:
        raise DataError(f"{path} lists no pictures")
    return entries


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with its line."""
    text = _text(path)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    """The columns in use -> their positions."""
    found = {name.strip().casefold(): position for position, name in enumerate(header)}
    for name in ("path", "label"):
        if name not in found:
            raise DataError(
                f"{path} has no column {name!r}; its first line must name the columns path and label (and may name split); "
                f"it is: {', '.join(header) or 'empty'}"
            )
    return {name: found[name] for name in ("path", "label", "split") if name in found}


def _others(header: list[str], used: Mapping[str, int]) -> dict[str, int]:
    """The further columns that bear a name -> their positions; of those with the same name the first."""
    positions = set(used.values())
    others: dict[str, int] = {}
    for position, name in enumerate(header):
        if name.strip() and position not in positions:
            others.setdefault(name.strip(), position)
    return others


def _part(split: str | None, where: str) -> str:
    if split is None:
        return WHOLE
    try:
        return PART_NAMES[split.casefold()]
    except KeyError:
        raise DataError(f"{where}: the split is {split!r}; it must be one of {', '.join(PART_NAMES)}") from None
