"""From the words on the command line to pictures: files, folders, globs, addresses, and - for standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eyespot.data.layout import ending, is_stray
from eyespot.errors import UsageError
from eyespot.images import SUFFIXES
from eyespot.settings import MAX_DOWNLOAD_BYTES

STDIN = "-"


@dataclass(frozen=True)
class Entry:
    """One picture asked for.

    Attributes:
        path: what the answer calls it.
        source: what `Model.predict` takes; None where there is no picture.
        error: why there is none.
        within: the folders between the one that was named and the picture, as a relative path; where there are none, the name
            of the folder that it lies in. Empty where the picture is no file.
    """

    path: str
    source: Path | str | bytes | None
    error: str | None = None
    within: str = ""


@dataclass(frozen=True)
class Expanded:
    """What the words on the command line stand for.

    Attributes:
        entries: the pictures, in order.
        left_out: how many files of other kinds lie in the folders named, by their ending (`.mov`).
        passed_by: whether the folder to pass by was met.
    """

    entries: list[Entry]
    left_out: Mapping[str, int]
    passed_by: bool


@dataclass
class _Aside:
    """What is not taken: `folder` with all in it, and files of other kinds, which are counted."""

    folder: Path | None
    kinds: Counter[str] = field(default_factory=Counter)
    is_met: bool = False

    def is_folder(self, path: str | Path) -> bool:
        """Whether this is the folder to pass by, under whatever name."""
        try:
            return self.folder is not None and os.path.samefile(path, self.folder)
        except OSError:  # one of them is not there
            return False

    def holds(self, path: str) -> bool:
        """Whether the path is that folder, or lies in it."""
        absolute = Path(path).absolute()
        return self.folder is not None and any(map(self.is_folder, (absolute, *absolute.parents)))


def expand(words: Sequence[str], passing_by: Path | None = None) -> Expanded:
    """The pictures that the words stand for; a folder stands for all pictures in it and its subfolders.

    Hidden files and what operating systems leave lying about do not count.

    Args:
        words: as on the command line.
        passing_by: a folder in which nothing is looked for, where it is named or lies in a folder that is. Pictures and folders
            in it that are named themselves are taken. It need not be there.

    Errors: UsageError, where standard input is asked for twice, or nothing but the folder to pass by is named.
    """
    if words.count(STDIN) > 1:
        raise UsageError("- stands for one picture on standard input and can be given once")
    aside = _Aside(passing_by)
    others = [word for word in words if not aside.is_folder(word)]
    aside.is_met = len(others) < len(words)  # as where a shell wrote out what `photos/*` stands for
    if words and not others:
        raise _same_folder(words[0])
    entries = [entry for word in others for entry in _expand(word, aside)]
    return Expanded(entries, aside.kinds, aside.is_met)


def _expand(word: str, aside: _Aside) -> Iterator[Entry]:
    if word == STDIN:
        yield _standard_input()
    elif word.lower().startswith(("http://", "https://")):
        yield Entry(word, word)
    elif os.path.isdir(word):
        yield from _folder(word, word, aside)
    elif not os.path.lexists(word) and glob.has_magic(word):
        yield from _matches(word, aside)
    else:
        yield Entry(word, Path(word), within=_within(os.path.dirname(word), os.path.dirname(word)))


def _standard_input() -> Entry:
    data = sys.stdin.buffer.read(MAX_DOWNLOAD_BYTES + 1)
    if len(data) > MAX_DOWNLOAD_BYTES:
        return Entry(STDIN, None, f"is larger than {MAX_DOWNLOAD_BYTES // 1_000_000} MB")
    return Entry(STDIN, data)


def _same_folder(folder: str) -> UsageError:
    return UsageError(f"--sort-into names {folder}, the folder of the pictures itself; choose another")


def _folder(path: str, named: str, aside: _Aside) -> Iterator[Entry]:
    """The pictures below `path`, a folder that is or lies in the one that was `named`."""
    found = False
    for folder, subfolders, names in os.walk(path):
        if aside.is_folder(folder):
            aside.is_met = True
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not is_stray(name))
        within = _within(folder, named)
        for name in sorted(name for name in names if not is_stray(name)):
            if ending(name) in SUFFIXES:
                found = True
                picture = os.path.join(folder, name)
                yield Entry(picture, Path(picture), within=within)
            else:
                aside.kinds[ending(name) or "no ending"] += 1
    if not found:
        yield Entry(path, None, "there is no picture in this folder")


def _matches(pattern: str, aside: _Aside) -> Iterator[Entry]:
    named = _folder_before_the_pattern(pattern)
    if aside.is_folder(named):
        raise _same_folder(named)
    paths = sorted(glob.glob(pattern, recursive=True))
    if not aside.holds(named):
        found = len(paths)
        paths = [path for path in paths if not aside.holds(path)]
        aside.is_met = aside.is_met or len(paths) < found
    if not paths:
        yield Entry(pattern, None, "no file has a name like this")
    for path in paths:
        if not os.path.isdir(path):
            yield Entry(path, Path(path), within=_within(os.path.dirname(path), named))
        elif "**" not in pattern:  # which matches what lies in the folder, too
            yield from _folder(path, named, aside)


def _folder_before_the_pattern(pattern: str) -> str:
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder or os.curdir


def _within(folder: str, named: str) -> str:
    """Which folders to name, of those around a picture, to tell it from others: see `Entry.within`."""
    steps = os.path.relpath(folder or os.curdir, named or os.curdir)
    return os.path.basename(os.path.abspath(folder)) if steps == os.curdir else steps
