"""Pictures copied into one folder for each class: never moved, linked or overwritten, and whole or not at all.

A copy bears the picture's own name. Where another picture has that name already, the folders that the picture lies in are put
in front, `garden-IMG_1.jpg` beside `IMG_1.jpg`, and where that is taken too, a number behind, `garden-IMG_1-2.jpg`. What lies
there with the same bytes under a name that the picture can have is its copy, so that sorting again copies nothing twice.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath

from eyespot.errors import EyespotError
from eyespot.files import atomic_path

UNSURE = "unsure"
"""The folder of what the model is unsure of; no class has it."""

_LONGEST = 200
"""Bytes that a name may have; file systems take 255, of which writing needs some while a copy is not whole."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"
}  # names of devices on Windows, with any ending


class Sorter:
    """Copies pictures into the folders of their classes, and counts them.

    Attributes:
        target: the folder that holds the folders.
        folders: the name of each class's folder.
        counts: how many pictures there are by now in each folder that has any, by its name.
        there_already: for how many of them a copy lay there before.
        not_files: how many pictures were no files, and so not copied.

    Args:
        target: made, with the folders around it, where it is not there. One process at a time sorts into it.
        classes: the class names, all different.

    Errors: EyespotError, where the target is no folder or cannot be made.
    """

    def __init__(self, target: Path, classes: Sequence[str]) -> None:
        self.target = target
        self.folders = folder_names(classes)
        self.counts: Counter[str] = Counter()
        self.there_already = 0
        self.not_files = 0
        _make(target)

    @property
    def renamed(self) -> Mapping[str, str]:
        """The classes whose folders bear another name than theirs, with that name."""
        return {name: folder for name, folder in self.folders.items() if folder != name}

    def add(self, picture: object, label: str, *, unsure: bool = False, within: str = "") -> Path | None:
        """Copy one picture, with the time when it was last changed; nobody may read the copy who may not read the picture.

        Args:
            picture: a path; anything else is counted and not copied, as is a path that no ordinary file lies at.
            label: its class.
            unsure: whether it goes to what the model is unsure of, whatever its class.
            within: the folders that tell it from another picture of its name, as a relative path.

        Returns: where its copy lies; None where it is not copied.

        Errors: EyespotError, where it cannot be copied.
        """
        if not isinstance(picture, Path) or not picture.is_file():
            self.not_files += 1
            return None
        name = UNSURE if unsure else self.folders[label]
        _make(self.target / name)
        try:
            copy, is_new = _copy(picture, self.target / name, within)
        except OSError as error:
            raise EyespotError(
                f"{picture} cannot be copied into {self.target / name}: {error.strerror or error}",
                "what lies there is whole; the same command goes on where this one stopped",
            ) from error
        self.counts[name] += 1
        self.there_already += not is_new
        return copy


def folder_names(classes: Sequence[str]) -> dict[str, str]:
    """A folder's name for each class: its own where every file system takes that, else one like it.

    No two are the same, not even where capitals count for nothing, and none is `unsure`, hidden, or longer than 200 bytes.
    """
    taken = {_as_compared(UNSURE)}
    named: dict[str, str] = {}
    for name in sorted(classes, key=lambda name: _harmless(name) != name):  # who can keep its name comes first
        folder = wanted = _harmless(name)
        numbers = count(2)
        while _as_compared(folder) in taken:
            folder = _fitting(wanted, f"-{next(numbers)}")
        taken.add(_as_compared(folder))
        named[name] = folder
    return {name: named[name] for name in classes}


def _harmless(name: str) -> str:
    """The name with whatever a folder's name cannot have somewhere replaced by `_`."""
    shown = "".join("_" if c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs") else c for c in name)
    trimmed = re.sub(r"^\.+|[. ]+$", "_", _fitting(shown)) or "_"
    return f"_{trimmed}" if trimmed.partition(".")[0].rstrip().casefold() in _RESERVED else trimmed


def _as_compared(name: str) -> str:
    """What two names have in common that some file system takes for the same: canonical caseless matching, Unicode 3.13."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _fitting(stem: str, ending: str = "") -> str:
    """`stem` and `ending` joined, the stem cut to what fits into a name."""
    while stem and len(os.fsencode(stem + ending)) > _LONGEST:
        stem = stem[:-1]
    return stem + ending


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise EyespotError(f"{folder} is not a folder, so no pictures can be copied into it; choose another") from error
    except OSError as error:
        raise EyespotError(f"the folder {folder} cannot be made: {error.strerror or error}") from error


def _copy(picture: Path, folder: Path, within: str) -> tuple[Path, bool]:
    """Where the picture's copy lies in the folder, and whether it was made now.

    Errors: OSError, where it cannot be made; nothing is left of it then.
    """
    names = _names(picture.name, within)
    copy = folder / next(names)
    while os.path.lexists(copy):
        if copy.is_file() and filecmp.cmp(picture, copy, shallow=False):
            return copy, False
        copy = folder / next(names)
    status = picture.stat()
    with atomic_path(copy) as temporary:
        shutil.copyfile(picture, temporary)
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.chmod(stat.S_IWUSR | (status.st_mode & 0o644))
    return copy, True


def _names(name: str, within: str) -> Iterator[str]:
    """The names that a picture's copy can have, the best first, without end."""
    stem, ending = os.path.splitext(name)
    yield _fitting(stem, ending)
    around = [step for step in PurePath(within).parts if step != os.pardir]
    if around:
        stem = "-".join([*around, stem])
        yield _fitting(stem, ending)
    for number in count(2):
        yield _fitting(stem, f"-{number}{ending}")
