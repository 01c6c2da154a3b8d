"""Which file of a folder or a zip is a picture, of which class, in which part."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from eyespot import images
from eyespot.data.dataset import WHOLE
from eyespot.data.reading import Entry, names_line
from eyespot.errors import DataError

PART_NAMES: Mapping[str, str] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""What a folder, or the `split` column of a table, may call a part (in any case) -> the part."""

_STRAY = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir"})  # what systems leave lying about

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What a folder or zip holds.

    Attributes:
        entries: the pictures, in the order of their names.
        ignored: how many files of other kinds there are, by their ending.
        notes: lines worth telling the user.
    """

    entries: tuple[Entry, ...]
    ignored: Mapping[str, int]
    notes: tuple[str, ...]


def arrange(paths: Iterable[str], where: str) -> Layout:
    """Find parts and classes in the names of files alone.

    A class is a folder with pictures in it, at any depth. Where the folders that hold the class folders are called train,
    val, valid, validation or test, they are the parts. A single folder around everything is looked through. Hidden files and
    what operating systems leave lying about do not count.

    Args:
        paths: the files, relative to the folder or zip, with `/` between the steps; a folder's name ends in `/`.
        where: what errors call the folder or zip.

    Errors: DataError, where there are no pictures, or none in a class folder.
    """
    seen = sorted(path for path in paths if not is_stray(path))
    files = [path for path in seen if not path.endswith("/")]
    pictures = {path: PurePosixPath(path).parts for path in files if ending(path) in images.SUFFIXES}
    ignored = Counter(ending(path) or "no ending" for path in files if path not in pictures)
    if not pictures:
        raise DataError(_nothing_found(where, ignored))
    depth = _wrapping_folders(list(pictures.values()))
    shortened = {path: steps[depth:] for path, steps in pictures.items()}
    parts = _part_folders(list(shortened.values()))
    notes: list[str] = []
    if parts:
        others = {path: steps for path, steps in shortened.items() if steps[0] not in parts}
        if others:
            folders = ", ".join(sorted({steps[0] for steps in others.values()}))
            notes.append(f"left out: {len(others)} pictures in {folders}, beside the folders {', '.join(sorted(parts))}")
        shortened = {path: steps for path, steps in shortened.items() if steps[0] in parts}
    entries = tuple(
        Entry(path, _class_name(steps[1 if parts else 0]), PART_NAMES[steps[0].casefold()] if parts else WHOLE)
        for path, steps in shortened.items()
        if len(steps) >= (3 if parts else 2)
    )
    if not entries:
        raise DataError(
            f"{where} holds {len(pictures)} pictures but no class folders; put the pictures of each class into a folder of its "
            f"own, named after the class, or list them in a CSV with the columns path and label"
        )
    if len(entries) < len(shortened):
        notes.append(f"left out: {len(shortened) - len(entries)} pictures that lie in no class folder")
    empty = _empty_class_folders(seen, depth + (1 if parts else 0), {PurePosixPath(entry.name).parts[:-1] for entry in entries})
    if empty:
        notes.append(f"no pictures in {names_line(empty)}: not a class")
    if ignored:
        notes.append(f"left out: {kinds_line(ignored)}: not pictures of a kind that is read")
    return Layout(entries, dict(sorted(ignored.items())), tuple(notes))


def is_stray(path: str) -> bool:
    """Whether a file is hidden, or one that operating systems leave lying about, or lies in such a folder."""
    return any(step.startswith(".") or step.casefold() in _STRAY for step in PurePosixPath(path).parts)


def ending(path: str) -> str:
    """A file's ending in lower case, with its dot; empty where it has none."""
    return PurePosixPath(path).suffix.lower()


def _class_name(folder: str) -> str:
    # macOS writes accents as separate characters, other systems do not: the same class must keep its name.
    return unicodedata.normalize("NFC", folder)


def _nothing_found(where: str, ignored: Mapping[str, int]) -> str:
    if not ignored:
        return f"{where} is empty: no pictures found"
    return (
        f"{where} holds no pictures, only other files: {kinds_line(ignored)}; "
        f"pictures end in {', '.join(sorted(images.SUFFIXES))}"
    )


def kinds_line(ignored: Mapping[str, int]) -> str:
    """Numbers of files by their ending in one line: `3 .mov, 1 .txt`."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(ignored.items()))


def _wrapping_folders(pictures: list[Parts]) -> int:
    """How many folders lie around everything: `photos/cat/1.jpg`, `photos/dog/2.jpg` -> 1."""
    depth = 0
    while (
        all(len(steps) >= depth + 3 for steps in pictures)
        and len({steps[depth] for steps in pictures}) == 1
        and pictures[0][depth].casefold() not in PART_NAMES
    ):
        depth += 1
    return depth


def _part_folders(pictures: list[Parts]) -> set[str]:
    """The folders that are parts, by their name and because class folders lie in them; empty where there are no parts.

    A class may be called `train` too, beside `car` and `plane`. So part names count only where every folder bears one, or
    where `train` has another beside it.
    """
    deep = Counter(steps[0] for steps in pictures if len(steps) >= 3)
    shallow = Counter(steps[0] for steps in pictures if len(steps) == 2)
    named = {folder for folder in deep if folder.casefold() in PART_NAMES and deep[folder] > shallow[folder]}
    meanings = {PART_NAMES[folder.casefold()] for folder in named}
    every_folder = named == set(deep) | set(shallow)
    return named if every_folder or (len(meanings) > 1 and "train" in meanings) else set()


def _empty_class_folders(paths: list[str], depth: int, with_pictures: set[Parts]) -> list[str]:
    """Folders where classes are expected, at `depth`, with no picture in them or below."""
    classes = {steps[: depth + 1] for steps in with_pictures}
    homes = {steps[:depth] for steps in classes}
    folders = {PurePosixPath(path).parts[: depth + 1] for path in paths if path.endswith("/")}
    empty = {steps for steps in folders if len(steps) == depth + 1 and steps[:depth] in homes and steps not in classes}
    return ["/".join(steps) for steps in sorted(empty)]
