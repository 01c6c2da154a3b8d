"""The file of vectors: bounded, shared by processes, and never in the way, whatever becomes of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.backbones import cache
from eyespot.backbones.cache import keep, load

PLENTY = 2**30


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def vector(number: int, length: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(number).normal(size=length).astype(np.float32)


def numbered(*numbers: int, length: int = 5) -> dict[bytes, NDArray[np.float32]]:
    return {key(number): vector(number, length) for number in numbers}


def there(path: Path, count: int = 100) -> list[int]:
    """The numbers, below `count`, of the vectors that are kept and as they were."""
    found = load(path, [key(number) for number in range(count)])
    return [number for number in range(count) if np.array_equal(found.get(key(number)), vector(number, 5))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "a strange name? 50%#.sqlite"


def test_what_was_kept_is_there_bit_by_bit_and_nothing_else(path: Path) -> None:
    strange = {key(7): np.array([np.nan, -0.0, np.inf, 1e-45], np.float32)}
    assert keep(path, {**numbered(1, 2), **strange}, PLENTY) is None
    assert there(path) == [1, 2]
    assert load(path, [key(7)])[key(7)].tobytes() == strange[key(7)].tobytes()
    assert load(path, [key(7)])[key(7)].dtype == np.float32
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_where_there_is_no_file_there_is_nothing_and_none_is_made(path: Path) -> None:
    assert load(path, [key(1)]) == {}
    assert not path.parent.exists()


def test_a_later_vector_takes_the_place_of_an_earlier_one(path: Path) -> None:
    keep(path, {key(1): vector(2)}, PLENTY)
    keep(path, numbered(1), PLENTY)
    assert there(path) == [1]


def test_those_that_were_not_used_longest_go(path: Path) -> None:
    room_for_three = 3 * (5 * 4 + cache._OVERHEAD)
    for number in (1, 2, 3):
        keep(path, numbered(number), room_for_three)
    assert load(path, [key(1)])
    keep(path, numbered(4), room_for_three)
    assert there(path) == [1, 3, 4]


def test_the_file_shrinks_with_what_it_holds(path: Path) -> None:
    keep(path, numbered(*range(100), length=1000), PLENTY)
    before = path.stat().st_size
    assert before > 300_000
    keep(path, numbered(100, length=1000), 50_000)
    assert path.stat().st_size < 200_000


def test_the_file_stays_within_its_bounds(path: Path) -> None:
    for number in range(40):
        keep(path, numbered(*range(10 * number, 10 * number + 10), length=500), 100_000)
    assert 60_000 < path.stat().st_size < 250_000


def test_a_damaged_entry_counts_as_missing_and_the_others_stay(path: Path) -> None:
    keep(path, numbered(1, 2, 3), PLENTY)
    content = bytearray(path.read_bytes())
    position = content.find(vector(2).tobytes())
    content[position + 5] ^= 4
    path.write_bytes(content)
    assert there(path) == [1, 3]
    assert key(2) not in load(path, [key(2)])
    assert keep(path, numbered(2), PLENTY) is None
    assert there(path) == [1, 2, 3]


@pytest.mark.parametrize("value", ["x'01020304'", "'text'", "7", "NULL"])
def test_an_entry_of_something_else_counts_as_missing(path: Path, value: str) -> None:
    keep(path, numbered(1, 2), PLENTY)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE vectors SET vector = {value} WHERE key = ?", (key(1),))
    assert there(path) == [2]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"no database at all, but a long enough text " * 99, b"SQLite format 3\0" + b"\xff" * 4080]
)
def test_a_file_that_is_none_is_begun_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert load(path, [key(1)]) == {}
    path.write_bytes(content)  # as `load` may have removed it
    assert keep(path, numbered(1), PLENTY) is None
    assert there(path) == [1]


def test_a_table_of_another_kind_is_begun_anew(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE vectors (something TEXT)")
    assert load(path, [key(1)]) == {}
    assert keep(path, numbered(1), PLENTY) is None
    assert there(path) == [1]


def test_whatever_is_damaged_nothing_wrong_comes_back_and_it_heals(path: Path) -> None:
    keep(path, numbered(*range(40)), PLENTY)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        start = int(generator.integers(0, len(whole)))
        length = int(generator.choice([1, 40, 4096]))
        damaged[start : start + length] = generator.bytes(len(damaged[start : start + length]))
        path.write_bytes(damaged)
        found = load(path, [key(number) for number in range(40)])
        assert all(np.array_equal(value, vector(int.from_bytes(name, "big"))) for name, value in found.items())
        assert keep(path, numbered(*range(40)), PLENTY) is None
        assert there(path) == list(range(40))


def test_a_file_that_was_cut_off_heals(path: Path) -> None:
    keep(path, numbered(*range(40)), PLENTY)
    whole = path.read_bytes()
    for length in range(1, len(whole), 3001):
        path.write_bytes(whole[:length])
        load(path, [key(1)])
        assert keep(path, numbered(*range(40)), PLENTY) is None
        assert there(path) == list(range(40))


def test_while_another_process_writes_nothing_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_WAIT", 0.05)
    keep(path, numbered(1), PLENTY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert load(path, [key(1)]) == {}
        assert keep(path, numbered(2), PLENTY) == "database is locked"
    assert there(path) == [1]


def test_processes_may_use_it_at_once(path: Path) -> None:
    code = """
import sys
from pathlib import Path
import numpy as np
from eyespot.backbones.cache import keep, load
path, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 30):
    key = number.to_bytes(32, "big")
    vector = np.random.default_rng(number).normal(size=5).astype(np.float32)
    prevented = keep(path, {key: vector}, 2**30)
    assert prevented is None, prevented
    assert np.array_equal(load(path, [key])[key], vector)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, path, str(first)]) for first in (0, 15, 30)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert there(path) == list(range(60))


def test_where_there_is_no_place_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert keep(tmp_path / "file" / "features.sqlite", numbered(1), PLENTY) in ("Not a directory", "File exists")
    assert load(tmp_path / "file" / "features.sqlite", [key(1)]) == {}
    assert keep(tmp_path, numbered(1), PLENTY) == "unable to open database file"
    assert load(tmp_path, [key(1)]) == {}
    assert (tmp_path / "file").read_text() == "in the way"
