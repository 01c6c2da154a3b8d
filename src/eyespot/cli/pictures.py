"""From the words on the command line to pictures: files, folders, globs, addresses, and - for standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """

    path: str
    source: Path | str | bytes | None
    error: str | None = None


@dataclass(frozen=True)
class Expanded:
    """What the words on the command line stand for.

    Attributes:
        entries: the pictures, in order.
        left_out: how many files of other kinds lie in the folders named, by their ending (`.mov`).
    """

    entries: list[Entry]
    left_out: Mapping[str, int]


def expand(words: Sequence[str]) -> Expanded:
    """The pictures that the words stand for; a folder stands for all pictures in it and its subfolders.

    Hidden files and what operating systems leave lying about do not count.

    Errors: UsageError, where standard input is asked for twice.
    """
    if words.count(STDIN) > 1:
        raise UsageError("- stands for one picture on standard input and can be given once")
    left_out: Counter[str] = Counter()
    return Expanded([entry for word in words for entry in _expand(word, left_out)], left_out)


def _expand(word: str, left_out: Counter[str]) -> Iterator[Entry]:
    if word == STDIN:
        yield _standard_input()
    elif word.lower().startswith(("http://", "https://")):
        yield Entry(word, word)
    elif os.path.isdir(word):
        yield from _folder(word, left_out)
    elif not os.path.lexists(word) and glob.has_magic(word):
        yield from _matches(word, left_out)
    else:
        yield Entry(word, Path(word))


def _standard_input() -> Entry:
    data = sys.stdin.buffer.read(MAX_DOWNLOAD_BYTES + 1)
    if len(data) > MAX_DOWNLOAD_BYTES:
        return Entry(STDIN, None, f"is larger than {MAX_DOWNLOAD_BYTES // 1_000_000} MB")
    return Entry(STDIN, data)


def _folder(word: str, left_out: Counter[str]) -> Iterator[Entry]:
    found = False
    for folder, subfolders, names in os.walk(word):
        subfolders[:] = sorted(name for name in subfolders if not is_stray(name))
        for name in sorted(name for name in names if not is_stray(name)):
            if ending(name) in SUFFIXES:
                found = True
                path = os.path.join(folder, name)
                yield Entry(path, Path(path))
            else:
                left_out[ending(name) or "no ending"] += 1
    if not found:
        yield Entry(word, None, "there is no picture in this folder")


def _matches(pattern: str, left_out: Counter[str]) -> Iterator[Entry]:
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        yield Entry(pattern, None, "no file has a name like this")
    for path in paths:
        if not os.path.isdir(path):
            yield Entry(path, Path(path))
        elif "**" not in pattern:  # which matches what lies in the folder, too
            yield from _folder(path, left_out)
