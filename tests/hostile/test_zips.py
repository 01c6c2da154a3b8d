"""Zips made to write elsewhere, or to fill memory or disk: each is refused with one DataError that says why."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from eyespot import data, settings
from eyespot.errors import DataError

MakeFolder = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def zip_with(tmp_path: Path, make_folder: MakeFolder) -> Callable[..., Path]:
    """A good zip of two classes, and beside them one more member."""
    root = make_folder({"cat": 1, "dog": 1})

    def make(name: str, content: bytes = b"x", mode: int = 0o644 | stat.S_IFREG) -> Path:
        path = tmp_path / "attack.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for label in ("cat", "dog"):
                archive.write(root / label / "0.png", f"{label}/0.png")
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
        return path

    return make


def test_the_zip_without_an_attack_is_read(zip_with: Callable[..., Path]) -> None:
    assert len(data.load(zip_with("readme.txt"))) == 2


@pytest.mark.parametrize("name", ["../evil.png", "cat/../../evil.png", "cat\\..\\..\\e"])
def test_a_name_that_points_outside_is_refused(zip_with: Callable[..., Path], name: str) -> None:
    with pytest.raises(DataError, match=r"is refused: its member .* points outside the zip"):
        data.load(zip_with(name))


@pytest.mark.parametrize(
    "name", ["/etc/evil.png", "/", "//server/evil.png", "\\evil.png", "C:/evil.png", "C:\\evil.png", "C:evil"]
)
def test_an_absolute_path_is_refused(zip_with: Callable[..., Path], name: str) -> None:
    with pytest.raises(DataError, match=r"is refused: its member .* has an absolute path"):
        data.load(zip_with(name))


def test_a_link_is_refused(zip_with: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"is refused: its member 'cat/1\.png' is a link"):
        data.load(zip_with("cat/1.png", b"/etc/passwd", 0o777 | stat.S_IFLNK))


def test_an_encrypted_member_is_refused(zip_with: Callable[..., Path]) -> None:
    path = zip_with("cat/1.png")
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # the last member in the directory at the end
    content[entry + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="is encrypted"):
        data.load(path)


def test_a_member_that_grows_beyond_measure_is_refused(zip_with: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"would unpack from .* bytes, more than 200-fold"):
        data.load(zip_with("cat/1.png", bytes(settings.MAX_UNCHECKED_BYTES + 1)))


def test_more_bytes_in_all_than_the_limit_are_refused(zip_with: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_with("notes.txt", b"x" * 1000)
    monkeypatch.setattr(settings, "MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(DataError, match=r"would unpack to .* bytes; at most 1,000 are taken"):
        data.load(path)


def test_a_picture_larger_than_any_picture_is_skipped(zip_with: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_with("cat/1.png", b"x" * 100_000)
    monkeypatch.setattr(settings, "MAX_PICTURE_BYTES", 99_999)
    dataset = data.load(path)
    assert [skipped.path for skipped in dataset.skipped] == ["cat/1.png"]
    assert "has 100,000 bytes" in dataset.skipped[0].reason


def test_a_member_whose_size_is_a_lie_is_not_unpacked_beyond_it(zip_with: Callable[..., Path]) -> None:
    path = zip_with("cat/1.png", bytes(5_000_000))
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 16 : entry + 20] = struct.pack("<I", zlib.crc32(bytes(50)))
    content[entry + 24 : entry + 28] = struct.pack("<I", 50)
    path.write_bytes(bytes(content))
    assert [skipped.path for skipped in data.load(path).skipped] == ["cat/1.png"]


def test_a_zip_in_which_members_overlap_is_refused_or_its_pictures_skipped(zip_with: Callable[..., Path]) -> None:
    path = zip_with("cat/1.png", b"x" * 100)
    content = bytearray(path.read_bytes())
    first, last = content.index(b"PK\x01\x02"), content.rindex(b"PK\x01\x02")
    content[last + 42 : last + 46] = content[first + 42 : first + 46]  # the last member claims the first one's bytes
    path.write_bytes(bytes(content))
    dataset = data.load(path)
    assert "cat/1.png" in [skipped.path for skipped in dataset.skipped]


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(30)], ids=["empty", "two bytes", "text", "end only"]
)
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pictures.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"pictures\.zip is (not a zip file, or is damaged|empty)"):
        data.load(path)
