"""A zip of class folders, with or without parts, read where it lies: nothing is unpacked to the disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from eyespot import files, settings
from eyespot.data import layout, reading
from eyespot.data.dataset import Dataset
from eyespot.data.reading import Size
from eyespot.errors import ImageError
from eyespot.progress import SILENT, Progress


def load(path: Path, size: Size, *, minimum_classes: int = 2, progress: Progress = SILENT) -> Dataset:
    """The pictures of a zip; `layout.arrange` says which folders are classes and which are parts.

    Errors: DataError, where it is no zip, is not safe to unpack (see `files.open_zip`), or is no data set.
    """
    with files.open_zip(path) as archive:
        members = {member.filename.replace("\\", "/"): member for member in archive.infolist()}
        found = layout.arrange(members, str(path))

        def source(name: str) -> bytes:
            if members[name].file_size > settings.MAX_PICTURE_BYTES:
                raise ImageError(
                    name, f"has {members[name].file_size:,} bytes; at most {settings.MAX_PICTURE_BYTES:,} are read"
                )
            try:
                return archive.read(members[name])
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
                raise ImageError(name, f"cannot be unpacked from the zip ({error})") from error

        return reading.read(
            path.name,
            found.entries,
            source,
            size,
            minimum_classes=minimum_classes,
            ignored=found.ignored,
            notes=found.notes,
            progress=progress,
        )
