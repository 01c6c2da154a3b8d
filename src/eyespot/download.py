"""Fetch files over HTTP: whole and checked, or not at all; broken downloads go on where they stopped."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot import settings
from eyespot.errors import DownloadError, InputError
from eyespot.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    import requests

_BLOCK = 2**16
_TRIES = 10  # connections to one address, each of which must bring at least one byte
_TRICKLE = 100  # bytes a second; less than this counts as stalled


def fetch(
    addresses: Sequence[str],
    path: Path,
    *,
    size: int,
    sha256: str | None = None,
    md5: str | None = None,
    timeout: float = settings.DOWNLOAD_TIMEOUT,
    progress: Progress = SILENT,
) -> None:
    """Download one file, which several addresses offer, to `path`.

    Until it is whole it is called `<path>.part` and survives crashes; the next call goes on where it ended, from any of the
    addresses. It gets its name only when its bytes match the checksum.

    Args:
        addresses: where the same file lies, the best first; each is tried until it brings nothing more.
        path: where it goes; the folder is made.
        size: the file's bytes.
        sha256: 64 hexadecimal digits.
        md5: 32 hexadecimal digits, for files of which nothing better is published. One of the two must be given.
        timeout: seconds without a byte after which a connection counts as stalled.

    Errors: DownloadError, which says for each address what happened there; also where downloads are forbidden. InputError
        without a checksum.
    """
    checksums = _given(sha256, md5)
    if settings.offline():
        raise DownloadError("EYESPOT_OFFLINE is set, so nothing is downloaded")
    part = path.with_name(path.name + ".part")
    tried = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with progress.task(f"Downloading {path.name}", size, "bytes") as task:
            task.advance(_length(part))
            for address in addresses:
                try:
                    _fetch_from(address, part, size, checksums, timeout, task)
                except DownloadError as error:
                    tried.append(f"{address}: {error}")
                else:
                    part.replace(path)
                    return
    except OSError as error:
        raise DownloadError(f"{error.filename or path} cannot be written: {error.strerror}") from error
    raise DownloadError("no address gave the file:\n" + "\n".join(f"  {line}" for line in tried))


def matches(path: Path, *, sha256: str | None = None, md5: str | None = None) -> bool:
    """Whether a file has the checksums given, as of `fetch`. Errors: OSError; InputError without a checksum."""
    checksums = _given(sha256, md5)
    with path.open("rb") as file:
        return all(_digits(file, name) == digits for name, digits in checksums.items())


def fetch_bytes(address: str, limit: int, timeout: float = settings.DOWNLOAD_TIMEOUT) -> bytes:
    """The bytes that an address answers with.

    Args:
        limit: more bytes than this are an error.
        timeout: seconds without a byte after which the connection counts as stalled; the whole may take three times as long.

    Errors: DownloadError, whatever goes wrong; also where downloads are forbidden.
    """
    if settings.offline():
        raise DownloadError(f"{address} is not fetched: EYESPOT_OFFLINE is set")
    data = bytearray()
    end = time.monotonic() + 3 * timeout
    try:
        with _open(address, 0, timeout) as response:
            if int(response.headers.get("Content-Length") or 0) > limit:
                raise DownloadError(f"has {response.headers['Content-Length']} bytes; at most {limit:,} are fetched")
            for block in _blocks(response, timeout):
                data += block
                if len(data) > limit:
                    raise DownloadError(f"has more than {limit:,} bytes, which is the most that is fetched")
                if time.monotonic() > end:
                    raise DownloadError(f"is too slow: not finished after {3 * timeout:g} s")
    except DownloadError as error:
        raise DownloadError(f"{address}: {error}") from error
    return bytes(data)


def _given(sha256: str | None, md5: str | None) -> Mapping[str, str]:
    """The checksums that were given, by the name of their algorithm."""
    checksums = {name: digits for name, digits in (("sha256", sha256), ("md5", md5)) if digits is not None}
    if not checksums:
        raise InputError("a file is fetched by its published checksum alone: give sha256 or md5")
    return checksums


def _digits(file: BufferedReader, algorithm: str) -> str:
    file.seek(0)
    return hashlib.file_digest(file, algorithm).hexdigest()


def _fetch_from(address: str, part: Path, size: int, checksums: Mapping[str, str], timeout: float, task: Task) -> None:
    """Bring `part` to its full size and check it; leaves no bytes known to be wrong."""
    began_elsewhere = _length(part) > 0
    for _ in range(_TRIES):
        before = _length(part)
        fault = None
        if before < size:
            try:
                _append(address, part, size, timeout, task)
            except DownloadError as error:
                fault = error
        after = _length(part)
        if after == size and matches(part, **checksums):
            return
        if after >= size:
            _start_over(part, task)
            if not began_elsewhere:
                raise DownloadError("its bytes do not match the published checksum")
            began_elsewhere = False  # the wrong bytes may have come from another address: once more, from the beginning
        elif after <= before:
            raise fault or DownloadError(f"ended after {after:,} of {size:,} bytes")
    raise DownloadError(f"broke off {_TRIES} times, at {_length(part):,} of {size:,} bytes")


def _append(address: str, part: Path, size: int, timeout: float, task: Task) -> None:
    """Go on with `part` from where it ends; where the server cannot, from the beginning."""
    have = _length(part)
    with _open(address, have, timeout) as response:
        if have and response.status_code != 206:
            _start_over(part, task)
            have = 0
        length = response.headers.get("Content-Length")
        if length is not None and int(length) != size - have:
            raise DownloadError(f"offers {int(length):,} bytes where {size - have:,} are due: another file")
        with part.open("ab") as file:
            for block in _blocks(response, timeout):
                file.write(block[: size - have])
                task.advance(min(len(block), size - have))
                have += len(block)
                if have > size:
                    raise DownloadError(f"sent more than the {size:,} bytes that are due")


def _start_over(part: Path, task: Task) -> None:
    task.advance(-_length(part))
    part.unlink(missing_ok=True)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _open(address: str, start: int, timeout: float) -> Iterator[requests.Response]:
    """The answer to a GET from byte `start` on; every fault of the connection, also while it is read, is a DownloadError."""
    import requests
    import urllib3

    # Without `identity` some servers say that a .tar.gz is text packed for the way, and it would arrive unpacked.
    headers = {"User-Agent": "eyespot", "Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(address, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code not in (200, 206):
                raise DownloadError(f"answered {response.status_code} {response.reason}")
            yield response
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise DownloadError(f"stalled: no byte for {timeout:g} s") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise DownloadError(f"the connection failed ({_innermost(error)})") from error


def _blocks(response: requests.Response, timeout: float) -> Iterator[bytes]:
    """What the answer holds, as it arrives."""
    raw: Any = response.raw
    window_end, window_bytes = time.monotonic() + timeout, 0
    while block := raw.read1(_BLOCK, decode_content=False):
        yield block
        window_bytes += len(block)
        if time.monotonic() > window_end:
            if window_bytes < _TRICKLE * timeout:
                raise DownloadError(f"stalled: only {window_bytes} bytes in {timeout:g} s")
            window_end, window_bytes = time.monotonic() + timeout, 0


def _innermost(error: BaseException) -> str:
    """What lies at the bottom of the wrapped errors of requests and urllib3, in one line."""
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    text = str(getattr(error, "reason", None) or error) or type(error).__name__
    return re.sub(r"^HTTPS?Connection(Pool)?\([^)]*\): ", "", " ".join(text.split()))
