"""CSV files made to break a reader: each gives one DataError."""

from pathlib import Path

import pytest

from eyespot import data
from eyespot.errors import DataError


@pytest.mark.parametrize(
    "content",
    [
        b"path,label\n" + b"x" * 200_000 + b",cat\n",
        b'path,label\n"never closed,cat\n',
        b"path,label\n\0\0\0,cat\n",
        b"\xff\xfep\0a\0t\0h\0",
        bytes(range(256)),
        b"path,label\n" + b"a" * 300 + b".png,cat\n",
    ],
    ids=["an endless cell", "an open quote", "zero bytes", "UTF-16", "every byte", "a name longer than names can be"],
)
def test_a_hostile_table_is_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"labels\.csv"):
        data.load(path)
