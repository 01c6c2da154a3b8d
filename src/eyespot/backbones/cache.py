"""Vectors kept on disk under keys: one SQLite file of bounded size, which may be lost at any time.

Two processes may use it at once. A damaged file is begun anew, and a damaged entry counts as missing; where there is
no place or no permission, nothing is kept. So reading never fails, and writing says in words what prevented it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WAIT = 10.0
"""Seconds to wait for another process that is writing."""

_OVERHEAD = 256
"""Bytes that an entry takes beside its vector, about: key and checksum, and its places in the indexes."""

# These have to come before the first table. Vectors fill pages of this size better than smaller ones; and the file shrinks.
_PAGES = ("PRAGMA page_size = 16384", "PRAGMA auto_vacuum = FULL")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, used INTEGER, bytes INTEGER, vector BLOB, checksum BLOB)",
    # Holds all that is asked of every entry, so that no vector is read for it.
    "CREATE INDEX IF NOT EXISTS vectors_used ON vectors (used, bytes)",
)
_NOW = "SELECT coalesce(max(used), 0) + 1 FROM vectors"
_LOAD = "SELECT vector, checksum FROM vectors WHERE key = ?"
_TOUCH = "UPDATE vectors SET used = ? WHERE key = ?"
_STORE = "INSERT OR REPLACE INTO vectors (key, used, bytes, vector, checksum) VALUES (?, ?, ?, ?, ?)"
_DROP = """
    DELETE FROM vectors WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid, sum(bytes) OVER (ORDER BY used DESC, rowid DESC) AS total FROM vectors
        ) WHERE total > ?
    )
"""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OTHER_TABLE = sqlite3.SQLITE_ERROR
"""What SQLite calls it where a table lacks a column. A file that another process just begins has no table yet, either."""


def load(path: Path, keys: Iterable[bytes]) -> dict[bytes, NDArray[np.float32]]:
    """The vectors that are kept under the keys, as far as there are any; they count as used now."""
    try:
        with _opened(path, "rw") as connection:
            connection.execute("BEGIN")
            found = {key: vector for key in keys if (vector := _intact(key, connection.execute(_LOAD, (key,)).fetchone()))}
            connection.execute("COMMIT")
            with suppress(sqlite3.OperationalError):  # a file that may only be read is of use too
                connection.execute("BEGIN IMMEDIATE")
                now = _now(connection)
                connection.executemany(_TOUCH, ((now, key) for key in found))
                connection.execute("COMMIT")
    except sqlite3.Error as error:
        if _code(error) in _DAMAGED:
            _discard(path)
        return {}
    return {key: np.frombuffer(vector, "<f4").astype(np.float32) for key, vector in found.items()}


def keep(path: Path, vectors: Mapping[bytes, NDArray[np.float32]], limit: int) -> str | None:
    """Keep vectors under their keys; where all of them take more than about `limit` bytes, those not used longest go.

    Returns: what prevented it, in words; None where nothing did.
    """
    for is_last_try in (False, True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, vectors, limit)
        except OSError as error:
            return error.strerror or str(error)
        except sqlite3.Error as error:
            if is_last_try or _code(error) not in (*_DAMAGED, _OTHER_TABLE):
                return str(error)
            _discard(path)
        else:
            break
    return None


def _write(path: Path, vectors: Mapping[bytes, NDArray[np.float32]], limit: int) -> None:
    with _opened(path, "rwc") as connection:
        for statement in _PAGES:
            connection.execute(statement)
        # Closed before the end, as after an error, the transaction leaves everything as it was.
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        now = _now(connection)
        for key, vector in vectors.items():
            content = vector.astype("<f4").tobytes()
            size = len(content) + _OVERHEAD
            connection.execute(_STORE, (key, now, size, content, _checksum(key, content)))
        connection.execute(_DROP, (limit,))
        connection.execute("COMMIT")


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection whose transactions are begun and ended by hand; `rw` opens what is there, `rwc` begins it where needed."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(address, uri=True, timeout=_WAIT, isolation_level=None)) as connection:
        connection.text_factory = bytes  # a damaged entry may claim to be text
        # What a loss of power leaves half written is found damaged, and computed again: no reason to wait for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def _now(connection: sqlite3.Connection) -> int:
    """A number higher than that of any use before: no clock is needed, and none can go wrong."""
    number = connection.execute(_NOW).fetchone()[0]
    return number if isinstance(number, int) and number < 2**62 else 1  # else it is damaged


def _intact(key: bytes, row: Any) -> bytes | None:
    """The vector of an entry, where there is one that is as it was written."""
    if row is None or not all(isinstance(value, bytes) for value in row):
        return None
    vector, checksum = row
    return vector if checksum == _checksum(key, vector) else None


def _checksum(key: bytes, vector: bytes) -> bytes:
    """SQLite does not notice a changed bit in what it holds."""
    return hashlib.blake2b(vector, digest_size=16, key=key).digest()


def _code(error: sqlite3.Error) -> int:
    """SQLite's own number of the error, without what it says more precisely in the upper bits."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _discard(path: Path) -> None:
    for file in (path, path.with_name(f"{path.name}-journal")):
        with suppress(OSError):
            file.unlink()
