"""From the words on the command line to pictures: files, folders, globs, addresses, and - for standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def expand(words: Sequence[str]) -> list[Entry]:
    """The pictures that the words stand for, in order; a folder stands for all pictures in it and its subfolders.

    Errors: UsageError, where standard input is asked for twice.
    """
    if words.count(STDIN) > 1:
        raise UsageError("- stands for one picture on standard input and can be given once")
    return [entry for word in words for entry in _expand(word)]


def _expand(word: str) -> Iterator[Entry]:
    if word == STDIN:
        yield _standard_input()
    elif word.lower().startswith(("http://", "https://")):
        yield Entry(word, word)
    elif os.path.isdir(word):
        yield from _folder(word)
    elif not os.path.lexists(word) and glob.has_magic(word):
        yield from _matches(word)
    else:
        yield Entry(word, Path(word))


def _standard_input() -> Entry:
    data = sys.stdin.buffer.read(MAX_DOWNLOAD_BYTES + 1)
    if len(data) > MAX_DOWNLOAD_BYTES:
        return Entry(STDIN, None, f"is larger than {MAX_DOWNLOAD_BYTES // 1_000_000} MB")
    return Entry(STDIN, data)


def _folder(word: str) -> Iterator[Entry]:
    found = False
    for folder, subfolders, names in os.walk(word):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                found = True
                path = os.path.join(folder, name)
                yield Entry(path, Path(path))
    if not found:
        yield Entry(word, None, "there is no picture in this folder")


def _matches(pattern: str) -> Iterator[Entry]:
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        yield Entry(pattern, None, "no file has a name like this")
    for path in paths:
        if not os.path.isdir(path):
            yield Entry(path, Path(path))
        elif "**" not in pattern:  # which matches what lies in the folder, too
            yield from _folder(path)
