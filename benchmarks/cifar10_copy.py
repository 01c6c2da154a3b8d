"""Writes CIFAR-10, or a part of it, in the form in which somebody else reads it.

    python benchmarks/cifar10_copy.py torch FOLDER [--train N] [--test N]
    python benchmarks/cifar10_copy.py folders FOLDER [--train N] [--test N] [--classes 5] [--size 96]
    python benchmarks/cifar10_copy.py folders FOLDER --classes airplane,ship

`torch`: train.pt and test.pt, as the peers' scripts keep them. `folders`: class folders in train/ and test/.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from eyespot import data
from eyespot.data import Part


def write_torch(part: Part, classes: Sequence[str], path: Path) -> None:
    """One file with `images` (n, 32, 32, 3) uint8, `labels` (n,) int64 and `classes`."""
    import torch

    images, labels = torch.from_numpy(part.images.copy()), torch.from_numpy(part.labels.astype("int64"))
    torch.save({"images": images, "labels": labels, "classes": list(classes)}, path.with_suffix(".pt"))


def write_folders(part: Part, classes: Sequence[str], path: Path) -> None:
    """One folder for each class, with a PNG for each picture."""
    for name in classes:
        (path / name).mkdir(parents=True)
    for number, (pixels, label) in enumerate(zip(part.images, part.labels, strict=True)):
        Image.fromarray(pixels).save(path / classes[label] / f"{number:05}.png")


def chosen_classes(words: str, known: Sequence[str]) -> list[str]:
    """What `--classes` means: names, or how many of the first.

    Errors: SystemExit for a name that there is not.
    """
    if words.isdecimal():
        return list(known[: int(words)])
    names = words.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no class is called {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def first_of(part: Part, labels: Sequence[int], count: int | None, size: int) -> Part:
    """The first `count` pictures with one of these labels, which are numbered anew, resized to `size` x `size` pixels."""
    kept = np.flatnonzero(np.isin(part.labels, labels))[:count]
    images = part.images[kept]
    if images.shape[1] != size:
        images = np.stack([np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC)) for each in images])
    numbered = np.array([labels.index(label) for label in part.labels[kept]], np.int64)
    return Part(images, numbered, tuple(part.names[i] for i in kept))


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("form", choices=("torch", "folders"))
    flags.add_argument("folder", type=Path)
    flags.add_argument("--train", type=int, help="only the first so many pictures of the training part")
    flags.add_argument("--test", type=int, help="only the first so many pictures of the test part")
    flags.add_argument("--classes", default="10", metavar="N|NAME,...", help="only the first so many classes, or those named")
    flags.add_argument("--size", type=int, default=32, help="pixels of height and width")
    arguments = flags.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    dataset = data.load("cifar10")
    classes = chosen_classes(arguments.classes, dataset.classes)
    labels = [dataset.classes.index(name) for name in classes]
    write = {"torch": write_torch, "folders": write_folders}[arguments.form]
    for name, count in (("train", arguments.train), ("test", arguments.test)):
        write(first_of(dataset.parts[name], labels, count, arguments.size), classes, arguments.folder / name)


if __name__ == "__main__":
    main()
