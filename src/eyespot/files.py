"""Files written whole or not at all, checksums, and zips that are safe to unpack."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from eyespot import settings
from eyespot.errors import DataError

if TYPE_CHECKING:
    import zipfile


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes `path`'s place when the block ends well, and is removed otherwise.

    The data is on the disk (fsync) before the name changes, so that a crash leaves the old file or the new one, never a part.

    Errors: OSError, where the folder cannot be written or the disk is full.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=f".part{path.suffix}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8 with Unix line ends, whole or not at all.

    Halves of characters, as in file names that are not UTF-8, become `\\udcXX`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip opened for reading, all of whose members are safe to unpack.

    Errors: DataError, where it is no zip, or a member has an absolute name or one with `..`, is a link, is encrypted, or would
    unpack to more than the limits in `settings` allow.
    """
    import zipfile

    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is not a zip file, or is damaged ({error})") from error
    with archive:
        for member in archive.infolist():
            fault = _fault(member)
            if fault:
                raise DataError(f"{path} is refused: its member {member.filename!r} {fault}")
        total = sum(member.file_size for member in archive.infolist())
        if total > settings.MAX_ARCHIVE_BYTES:
            raise DataError(
                f"{path} is refused: it would unpack to {total:,} bytes; at most {settings.MAX_ARCHIVE_BYTES:,} are taken"
            )
        yield archive


def _fault(member: zipfile.ZipInfo) -> str | None:
    """What makes a zip's member unsafe to unpack; None where nothing does."""
    name = member.filename.replace("\\", "/")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        return "has an absolute path"
    if ".." in PurePosixPath(name).parts:
        return "points outside the zip"
    if stat.S_ISLNK(member.external_attr >> 16):  # the upper half holds the mode where the zip was made on Unix
        return "is a link"
    if member.flag_bits & 1:
        return "is encrypted; unpack it first"
    if member.file_size > settings.MAX_UNCHECKED_BYTES and member.file_size > settings.MAX_ARCHIVE_RATIO * member.compress_size:
        growth = f"from {member.compress_size:,} to {member.file_size:,} bytes"
        return f"would unpack {growth}, more than {settings.MAX_ARCHIVE_RATIO}-fold"
    return None
