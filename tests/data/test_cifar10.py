import hashlib
import pickle
import struct
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot import data, download
from eyespot.data import cifar10, cifar10_files
from eyespot.errors import DataError, DownloadError

RECORDS = 20  # instead of 10,000 in each file

Files = dict[str, bytes]
Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def small_files_and_nothing_else_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if request.node.get_closest_marker("cifar10"):
        return
    monkeypatch.setattr(cifar10_files, "RECORDS", RECORDS)
    monkeypatch.setattr(cifar10, "RECORDS", RECORDS)
    (tmp_path / "user").mkdir()
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "user")
    monkeypatch.delenv("EYESPOT_CIFAR10", raising=False)
    monkeypatch.setenv("EYESPOT_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def records() -> Records:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (6 * RECORDS, 3072), np.uint8), (np.arange(6 * RECORDS) % 10).astype(np.uint8)


@pytest.fixture
def binary_files(records: Records) -> Files:
    table = np.concatenate([records[1][:, None], records[0]], axis=1)
    return {name: table[k * RECORDS : (k + 1) * RECORDS].tobytes() for k, name in enumerate(cifar10_files.BINARY_SHA1)}


@pytest.fixture
def python_files(records: Records) -> Files:
    return {
        name: as_published(records[0][k * RECORDS : (k + 1) * RECORDS], records[1][k * RECORDS : (k + 1) * RECORDS])
        for k, name in enumerate(cifar10_files.PYTHON_MD5)
    }


def as_published(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    """A pickle with the very opcodes of the published files, which Python 2 wrote."""
    shape = b"K" + bytes([len(pixels)]) + b"M\x00\x0c\x86"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01" + shape
        + b"cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T" + struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    )  # fmt: skip
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(" + numbers
        + b"eU\x04dataq\x06" + array + b"U\x09filenames]q\x0c(U\x05a.pngeu."
    )  # fmt: skip


def folder_of(files: Files, path: Path) -> Path:
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def archive_of(files: Files, path: Path, inside: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"readme.html": b"<html>", **files}.items():
            member = tarfile.TarInfo(f"{inside}/{name}")
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return path


def expected_images(records: Records) -> NDArray[np.uint8]:
    return records[0].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def test_the_binary_folder_the_python_folder_and_both_archives_hold_the_same(
    tmp_path: Path, records: Records, binary_files: Files, python_files: Files
) -> None:
    sources = [
        folder_of(binary_files, tmp_path / "a" / "cifar-10-batches-bin"),
        folder_of(python_files, tmp_path / "b" / "cifar-10-batches-py"),
        archive_of(binary_files, tmp_path / "c" / "cifar-10-binary.tar.gz", "cifar-10-batches-bin"),
        archive_of(python_files, tmp_path / "d" / "cifar-10-python.tar.gz", "cifar-10-batches-py"),
    ]
    for source in [*sources, *(source.parent for source in sources)]:
        dataset = data.load(source)
        assert dataset.name == "cifar10"
        assert " ".join(dataset.classes) == "airplane automobile bird cat deer dog frog horse ship truck"
        assert np.array_equal(dataset.parts["train"].images, expected_images(records)[: 5 * RECORDS])
        assert np.array_equal(dataset.parts["test"].images, expected_images(records)[5 * RECORDS :])
        assert dataset.parts["train"].labels.tolist() == records[1][: 5 * RECORDS].tolist()
        assert dataset.parts["test"].labels.tolist() == records[1][5 * RECORDS :].tolist()
        assert dataset.parts["train"].names[:2] == ("train/00000", "train/00001")
        assert dataset.parts["test"].names[-1] == "test/00019"


def test_python_files_that_a_newer_numpy_wrote_are_read(tmp_path: Path, records: Records, python_files: Files) -> None:
    content = {"labels": records[1][:RECORDS].tolist(), "data": records[0][:RECORDS]}
    python_files["data_batch_1"] = pickle.dumps(content, protocol=4)
    dataset = data.load(folder_of(python_files, tmp_path / "cifar-10-batches-py"))
    assert np.array_equal(dataset.parts["train"].images, expected_images(records)[: 5 * RECORDS])


def test_another_size_is_resized_to(tmp_path: Path, binary_files: Files) -> None:
    dataset = data.load(folder_of(binary_files, tmp_path / "bin"), (16, 24))
    assert dataset.parts["test"].images.shape == (RECORDS, 16, 24, 3)


def test_a_copy_that_differs_from_the_published_files_is_used_and_named(tmp_path: Path, binary_files: Files) -> None:
    dataset = data.load(folder_of(binary_files, tmp_path / "bin"))
    assert dataset.facts["matches_published"] is False
    assert str(dataset.facts["differing_files"]).startswith("data_batch_1.bin, data_batch_2.bin")
    assert any(note.startswith("differs from the published files in") for note in dataset.notes)


def test_a_copy_with_the_published_checksums_is_said_to_match(
    tmp_path: Path, binary_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = {name: hashlib.sha1(content).hexdigest() for name, content in binary_files.items()}
    monkeypatch.setattr(cifar10_files, "BINARY_SHA1", sums)
    dataset = data.load(folder_of(binary_files, tmp_path / "bin"))
    assert dataset.facts == {"matches_published": True, "differing_files": None}
    assert "matches the published checksums" in dataset.notes


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path, binary_files: Files) -> None:
    del binary_files["data_batch_3.bin"]
    with pytest.raises(DataError, match=r"is not the whole of CIFAR-10: data_batch_3\.bin missing"):
        data.load(folder_of(binary_files, tmp_path / "bin"))


def test_a_file_of_another_length_is_an_error_that_counts_its_records(tmp_path: Path, binary_files: Files) -> None:
    binary_files["data_batch_3.bin"] = binary_files["data_batch_3.bin"][:-3073]
    with pytest.raises(DataError, match=r"data_batch_3\.bin holds 19 records of 3,073 bytes; there must be 20"):
        data.load(folder_of(binary_files, tmp_path / "bin"))


def test_a_label_above_9_is_an_error(tmp_path: Path, binary_files: Files) -> None:
    binary_files["test_batch.bin"] = b"\x0a" + binary_files["test_batch.bin"][1:]
    with pytest.raises(DataError, match=r"test_batch\.bin has the label 10"):
        data.load(folder_of(binary_files, tmp_path / "bin"))


def test_another_tar_archive_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = archive_of({"cat/1.png": b"x"}, tmp_path / "photos.tar.gz", "photos")
    with pytest.raises(DataError, match=r"holds no CIFAR-10.*pack class folders as \.zip"):
        data.load(path)


def test_a_truncated_archive_is_an_error(tmp_path: Path, binary_files: Files) -> None:
    path = archive_of(binary_files, tmp_path / "cifar-10-binary.tar.gz", "x")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match="cannot be read as CIFAR-10"):
        data.load(path)


class Attack:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        import os

        return os.mkdir, ("attacked",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Attack(), "labels": []}, 2),
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nfromfile\n(S'/etc/passwd'\ntR.",
        b"cnumpy.core.multiarray\n__dict__\n.",
        b"c_codecs\nencode\n(S'x'\ntR.",
    ],
    ids=["os.mkdir", "eval", "numpy.fromfile", "a module's inside", "codecs"],
)
def test_a_pickle_that_calls_anything_else_is_refused_and_nothing_is_called(
    tmp_path: Path, python_files: Files, content: bytes
) -> None:
    python_files["data_batch_2"] = content
    with pytest.raises(DataError, match="which no file of CIFAR-10 holds: refused"):
        data.load(folder_of(python_files, tmp_path / "py"))
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02}.", b"\x80\x02K\x01.", b"garbage", pickle.dumps({"data": 1, "labels": 2})])
def test_a_pickle_without_pictures_is_an_error(tmp_path: Path, python_files: Files, content: bytes) -> None:
    python_files["data_batch_2"] = content
    with pytest.raises(DataError, match="data_batch_2 is not a file of CIFAR-10's python version, or is damaged"):
        data.load(folder_of(python_files, tmp_path / "py"))


def test_a_huge_member_of_an_archive_is_refused(tmp_path: Path, python_files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10_files, "_MAX_FILE_BYTES", 1000)
    with pytest.raises(DataError, match="more than any file of CIFAR-10 has"):
        data.load(archive_of(python_files, tmp_path / "cifar-10-python.tar.gz", "x"))


@pytest.mark.parametrize(
    "place",
    [
        "keras/datasets/cifar-10-batches-py",  # Keras 2
        "keras/datasets/cifar-10-batches-py-target/cifar-10-batches-py",  # Keras 3
        "data/cifar-10-batches-py",  # torchvision, in the folder of its examples
        "user/data/cifar-10-batches-py",
        "cache/cifar10/cifar-10-batches-py",
    ],
)
def test_a_copy_left_on_the_machine_is_found(tmp_path: Path, python_files: Files, place: str) -> None:
    folder_of(python_files, tmp_path / place)
    assert len(data.load("cifar10").parts["train"]) == 5 * RECORDS


def test_an_archive_put_into_the_cache_by_hand_is_found(tmp_path: Path, python_files: Files) -> None:
    archive_of(python_files, tmp_path / "cache" / "cifar10" / "cifar-10-python.tar.gz", "cifar-10-batches-py")
    assert len(data.load("cifar10").parts["train"]) == 5 * RECORDS


def test_the_copy_that_the_user_names_comes_first(
    tmp_path: Path, binary_files: Files, python_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(python_files, tmp_path / "data" / "cifar-10-batches-py")
    monkeypatch.setenv("EYESPOT_CIFAR10", str(folder_of(binary_files, tmp_path / "mine")))
    assert list(cifar10.copies()) == [tmp_path / "mine"]
    assert f"read from {tmp_path / 'mine'}" in data.load("cifar10").notes


def test_a_name_that_is_no_copy_is_an_error_although_another_copy_is_there(
    tmp_path: Path, python_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(python_files, tmp_path / "data" / "cifar-10-batches-py")
    monkeypatch.setenv("EYESPOT_CIFAR10", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"EYESPOT_CIFAR10 names .*nowhere, which is no copy of CIFAR-10"):
        data.load("cifar10")


def test_a_named_copy_that_is_broken_is_an_error_and_no_other_is_taken(
    tmp_path: Path, binary_files: Files, python_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(python_files, tmp_path / "data" / "cifar-10-batches-py")
    del binary_files["test_batch.bin"]
    monkeypatch.setenv("EYESPOT_CIFAR10", str(folder_of(binary_files, tmp_path / "mine")))
    with pytest.raises(DataError, match=r"mine is not the whole of CIFAR-10: test_batch\.bin missing"):
        data.load("cifar10")


def test_a_broken_copy_is_passed_over_for_a_good_one(tmp_path: Path, binary_files: Files, python_files: Files) -> None:
    broken = dict(list(python_files.items())[:3])
    folder_of(broken, tmp_path / "keras" / "datasets" / "cifar-10-batches-py")
    folder_of(binary_files, tmp_path / "data" / "cifar-10-batches-bin")
    assert any(note.endswith("cifar-10-batches-bin") for note in data.load("cifar10").notes)


def test_without_a_copy_and_without_the_network_the_ways_out_are_told(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        data.load("cifar10")
    message = str(caught.value)
    assert "EYESPOT_OFFLINE is set" in message
    assert "set EYESPOT_CIFAR10 to a copy" in message
    assert str(tmp_path / "cache" / "cifar10") in message
    assert "eyespot train letters" in message


def test_what_is_fetched_is_kept_in_the_binary_version_and_not_fetched_again(
    tmp_path: Path, records: Records, binary_files: Files, python_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []

    def fetch(addresses: tuple[str, ...], path: Path, *, size: int, sha256: str, **_: object) -> None:
        assert (addresses, size) == (cifar10.MIRRORS, 170_498_071)
        fetched.append(archive_of(python_files, path, "cifar-10-batches-py"))

    monkeypatch.setattr(download, "fetch", fetch)
    folder = cifar10.fetch()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == binary_files
    assert cifar10.fetch() == folder
    assert np.array_equal(data.load("cifar10").parts["train"].images, expected_images(records)[: 5 * RECORDS])
    assert len(fetched) == 1
    assert sorted(path.name for path in folder.parent.iterdir()) == ["cifar-10-batches-bin"]


@pytest.mark.cifar10
def test_the_copy_at_hand_is_60000_pictures_whose_training_files_are_the_published_ones(cifar10: Path) -> None:
    dataset = data.load("cifar10")
    assert {name: part.images.shape for name, part in dataset.parts.items()} == {
        "train": (50_000, 32, 32, 3),
        "test": (10_000, 32, 32, 3),
    }
    assert np.bincount(dataset.parts["train"].labels).tolist() == [5000] * 10
    assert np.bincount(dataset.parts["test"].labels).tolist() == [1000] * 10
    assert dataset.parts["train"].labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert "data_batch" not in str(dataset.facts["differing_files"])
