"""Writes CIFAR-10, or its first pictures, in the form in which somebody else reads it.

    python benchmarks/cifar10_copy.py torch FOLDER [--train N] [--test N]
    python benchmarks/cifar10_copy.py folders FOLDER [--train N] [--test N] [--classes 5] [--size 96]

`torch`: train.pt and test.pt, as the peers' scripts keep them. `folders`: class folders in train/ and test/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from eyespot import data
from eyespot.data import Part


def write_torch(part: Part, classes: tuple[str, ...], path: Path) -> None:
    """One file with `images` (n, 32, 32, 3) uint8, `labels` (n,) int64 and `classes`."""
    import torch

    images, labels = torch.from_numpy(part.images.copy()), torch.from_numpy(part.labels.astype("int64"))
    torch.save({"images": images, "labels": labels, "classes": list(classes)}, path.with_suffix(".pt"))


def write_folders(part: Part, classes: tuple[str, ...], path: Path) -> None:
    """One folder for each class, with a PNG for each picture."""
    for name in classes:
        (path / name).mkdir(parents=True)
    for number, (pixels, label) in enumerate(zip(part.images, part.labels, strict=True)):
        Image.fromarray(pixels).save(path / classes[label] / f"{number:05}.png")


def first_of(part: Part, classes: int, count: int | None, size: int) -> Part:
    """The first `count` pictures of the first so many classes, resized to `size` x `size` pixels."""
    kept = np.flatnonzero(part.labels < classes)[:count]
    images = part.images[kept]
    if images.shape[1] != size:
        images = np.stack([np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC)) for each in images])
    return Part(images, part.labels[kept], tuple(part.names[i] for i in kept))


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("form", choices=("torch", "folders"))
    flags.add_argument("folder", type=Path)
    flags.add_argument("--train", type=int, help="only the first so many pictures of the training part")
    flags.add_argument("--test", type=int, help="only the first so many pictures of the test part")
    flags.add_argument("--classes", type=int, default=10, help="only the first so many classes")
    flags.add_argument("--size", type=int, default=32, help="pixels of height and width")
    arguments = flags.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    dataset = data.load("cifar10")
    write = {"torch": write_torch, "folders": write_folders}[arguments.form]
    for name, count in (("train", arguments.train), ("test", arguments.test)):
        part = first_of(dataset.parts[name], arguments.classes, count, arguments.size)
        write(part, dataset.classes[: arguments.classes], arguments.folder / name)


if __name__ == "__main__":
    main()
