"""What every data source returns: labelled pictures in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

WHOLE = "all"
"""The name of the single part of a data set that came without parts."""


@dataclass(frozen=True)
class Part:
    """The pictures of one part of a data set, decoded at the network's input size.

    Attributes:
        images: (n, height, width, 3) uint8, RGB.
        labels: (n,) int64, positions in the data set's classes.
        names: n names, unique within the data set: a path within it, or `test/00012`.
        columns: what else a table says of the pictures: a column's name -> n cells.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.int64]) -> Part:
        """The pictures at `positions`, (m,) int64, in that order."""
        columns = {name: tuple(cells[i] for i in positions) for name, cells in self.columns.items()}
        return Part(self.images[positions], self.labels[positions], tuple(self.names[i] for i in positions), columns)


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures, ready to learn from.

    Attributes:
        name: what the user called it: `cifar10`, `letters`, or the folder's or file's own name.
        classes: the class names, in the order that labels count in.
        parts: any of `train`, `validation`, `test`; or `all` alone where the data came without parts.
        skipped: pictures that could not be read.
        ignored: how many files of other kinds lie among the pictures, by their ending (`.txt`).
        notes: lines worth telling the user, such as `matches the published checksums`.
        facts: what else is known of where it came from, as JSON values; for CIFAR-10 whether it `matches_published`.
    """

    name: str
    classes: tuple[str, ...]
    parts: Mapping[str, Part]
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts.values())

    def with_parts(self, **parts: Part) -> Dataset:
        """The same data set with other parts."""
        return replace(self, parts=parts)

    def fingerprint(self) -> str:
        """The SHA-256 of classes, part names, pictures and labels, as the network sees them: 64 hexadecimal digits."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for name, part in sorted(self.parts.items()):
            digest.update(repr((name, part.images.shape)).encode())
            digest.update(np.ascontiguousarray(part.images).data)
            digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()
