import hashlib
import os
import sys
from pathlib import Path

import pytest

from eyespot import files


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a.bin", b"\0\1")
    files.write_text(tmp_path / "a.txt", "ü\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\0\1"
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xbc\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows names files in UTF-16")
def test_the_name_of_a_file_that_is_not_utf_8_is_written_with_its_odd_bytes_in_numbers(tmp_path: Path) -> None:
    files.write_text(tmp_path / "skipped.csv", os.fsdecode(b"k\xe4se.jpg"))
    assert (tmp_path / "skipped.csv").read_bytes() == rb"k\udce4se.jpg"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("old")

    def write_until_the_disk_is_full() -> None:
        with files.atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_until_the_disk_is_full()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with files.atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_temporary_file_keeps_the_ending_that_libraries_go_by(tmp_path: Path) -> None:
    with files.atomic_path(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "x")
    assert os.stat(tmp_path / "a.txt").st_mode & 0o777 == 0o644


def test_the_checksum_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert files.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
