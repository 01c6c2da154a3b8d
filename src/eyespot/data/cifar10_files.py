"""The files in which CIFAR-10 is published: their names, their checksums, and how their bytes become pictures.

Two versions hold the same 60,000 pictures in six files of 10,000 (A. Krizhevsky, "Learning Multiple Layers of Features from
Tiny Images", 2009, https://www.cs.toronto.edu/~kriz/cifar.html). In the binary version a record is 1 label byte and 3,072
pixel bytes: a red, a green and a blue plane of 32 rows. In the python version a file is a pickled dictionary.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import DataError

RECORDS = 10_000
"""Pictures in each file."""

BINARY_SHA1: Mapping[str, str] = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}
"""The files of the binary version, the test file last; SHA-1 as in apache/mxnet, python/mxnet/gluon/data/vision/datasets.py."""

PYTHON_MD5: Mapping[str, str] = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""The files of the python version, the test file last; MD5 as in pytorch/vision, torchvision/datasets/cifar.py."""

ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz")
"""What the archives are called: as published, and as Keras 2 stored the python one."""

_FOLDERS = (".", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py")
_RECORD_BYTES = 1 + 3 * 32 * 32
_MAX_FILE_BYTES = 40_000_000  # the files of either version have about 31 million


@dataclass(frozen=True)
class Batch:
    """One of the six files.

    Attributes:
        records: (10000, 3072) uint8, the planes of each picture.
        labels: (10000,) uint8.
        is_published: whether the file is byte for byte the published one.
    """

    records: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    is_published: bool

    def copy_images(self, to: NDArray[np.uint8]) -> None:
        """Write the pictures to `to`, (10000, 32, 32, 3) uint8."""
        to[:] = self.records.reshape(RECORDS, 3, 32, 32).transpose(0, 2, 3, 1)

    def to_binary(self) -> bytes:
        """The file in the binary version."""
        return np.concatenate([self.labels[:, None], self.records], axis=1).tobytes()


def locate(path: Path) -> Path | None:
    """The folder with the batch files, or the archive, that `path` is or holds; None where it is neither."""
    if path.is_file():
        return path if path.name.endswith((".tar.gz", ".tgz", ".tar")) else None
    for folder in _FOLDERS:
        if any((path / folder / name).is_file() for name in (*BINARY_SHA1, *PYTHON_MD5)):
            return path / folder
    return next((path / name for name in ARCHIVES if (path / name).is_file()), None)


def read_files(path: Path) -> dict[str, bytes]:
    """The six files of a folder or an archive, those of the binary version where both are there; the test file is last.

    Errors: DataError, where one of the six is missing or too large, or the archive is damaged.
    """
    try:
        found = _read_folder(path) if path.is_dir() else _read_archive(path)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path} cannot be read as CIFAR-10: {error}") from error
    expected = BINARY_SHA1 if any(name in found for name in BINARY_SHA1) else PYTHON_MD5
    missing = [name for name in expected if name not in found]
    if len(missing) == len(expected):
        raise DataError(f"{path} holds no CIFAR-10, and no other .tar archive is read; pack class folders as .zip")
    if missing:
        raise DataError(f"{path} is not the whole of CIFAR-10: {', '.join(missing)} missing")
    return {name: found[name] for name in expected}


def _read_folder(path: Path) -> dict[str, bytes]:
    names = BINARY_SHA1 if any((path / name).is_file() for name in BINARY_SHA1) else PYTHON_MD5
    found = {}
    for name in names:
        if (path / name).is_file():
            _check_size(path / name, (path / name).stat().st_size)
            found[name] = (path / name).read_bytes()
    return found


def _read_archive(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            _check_size(path, member.size)
            name = PurePosixPath(member.name).name
            if name in BINARY_SHA1 or name in PYTHON_MD5:
                file = archive.extractfile(member)  # None for a link or a folder
                if file is not None:
                    found[name] = file.read()
    return found


def _check_size(path: Path, size: int) -> None:
    if size > _MAX_FILE_BYTES:
        raise DataError(f"{path} holds a file of {size:,} bytes, more than any file of CIFAR-10 has")


def parse(name: str, data: bytes) -> Batch:
    """The pictures and labels of one file, by its name in `BINARY_SHA1` or `PYTHON_MD5`.

    Errors: DataError, where it does not hold 10,000 records with labels 0-9.
    """
    if name in BINARY_SHA1:
        if len(data) != RECORDS * _RECORD_BYTES:
            raise DataError(
                f"{name} holds {len(data) / _RECORD_BYTES:,g} records of {_RECORD_BYTES:,} bytes; there must be {RECORDS:,}"
            )
        table = np.frombuffer(data, np.uint8).reshape(RECORDS, _RECORD_BYTES)
        batch = Batch(table[:, 1:], table[:, 0], hashlib.sha1(data).hexdigest() == BINARY_SHA1[name])
    else:
        records, labels = _unpickle(name, data)
        batch = Batch(records, labels, hashlib.md5(data).hexdigest() == PYTHON_MD5[name])
    if batch.labels.max() > 9:
        raise DataError(f"{name} has the label {batch.labels.max()}; CIFAR-10's labels are 0-9")
    return batch


def _unpickle(name: str, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    try:
        content = _Unpickler(io.BytesIO(data), encoding="latin1").load()
        pixels, labels = content["data"].raw, content["labels"]
        records = np.frombuffer(pixels.encode("latin1") if isinstance(pixels, str) else pixels, np.uint8)
        return records.reshape(RECORDS, _RECORD_BYTES - 1), np.array(labels, np.uint8).reshape(RECORDS)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{name} is not a file of CIFAR-10's python version, or is damaged ({error})") from error


class _Unpickler(pickle.Unpickler):
    """Reads plain values and one kind of object, the array, whose bytes it keeps without handing them to numpy.

    A pickle can call any function it names. Here the three names that the published files hold stand for the harmless
    functions below, and every other name is refused.
    """

    def find_class(self, module: str, name: str) -> Any:
        found = {
            ("numpy.core.multiarray", "_reconstruct"): _array,
            ("numpy._core.multiarray", "_reconstruct"): _array,  # the same function since NumPy 2
            ("numpy", "ndarray"): "ndarray",
            ("numpy", "dtype"): _Kind,
        }.get((module, name))
        if found is None:
            raise DataError(f"the pickle asks for {module}.{name}, which no file of CIFAR-10 holds: refused")
        return found


class _Array:
    """Stands for an array; `raw` are its bytes, which an unpickler set to latin1 hands over as text."""

    raw: bytes | str = b""

    def __setstate__(self, state: tuple[Any, Any, Any, bool, bytes | str]) -> None:
        _version, _shape, _kind, is_by_columns, self.raw = state
        if is_by_columns:
            raise DataError("its array lies by columns, as in no published file of CIFAR-10")


class _Kind:
    """Stands for the kind of an array's numbers, which the number of its bytes checks well enough."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _array(*_: Any) -> _Array:
    return _Array()
