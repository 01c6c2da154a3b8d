import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from eyespot import download
from eyespot.errors import DownloadError, InputError

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()

Answer = Callable[[BaseHTTPRequestHandler, int], None]


class Server:
    """A web server on this machine whose answers each test writes: path -> answer(request, first byte asked for)."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, int]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
                outer.asked.append((self.path, start))
                with suppress(ConnectionError):  # the client may hang up first
                    outer.answers[self.path](self, start)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def address(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return f"http://127.0.0.1:{self.http.server_port}{path}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("EYESPOT_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def head(request: BaseHTTPRequestHandler, status: int, length: int | None) -> None:
    request.send_response(status)
    if length is not None:
        request.send_header("Content-Length", str(length))
    request.end_headers()


def sends(content: bytes, *, resumes: bool = True) -> Answer:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        start = start if resumes else 0
        head(request, 206 if start else 200, len(content) - start)
        request.wfile.write(content[start:])

    return answer


def breaks_off_after(count: int, *, resumes: bool = True) -> Answer:
    """Promises everything, sends `count` bytes, and hangs up."""

    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        start = start if resumes else 0
        head(request, 206 if start else 200, len(CONTENT) - start)
        request.wfile.write(CONTENT[start : start + count])

    return answer


def stalls_after(count: int) -> Answer:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        head(request, 206 if start else 200, len(CONTENT) - start)
        request.wfile.write(CONTENT[start : start + count])
        request.wfile.flush()
        time.sleep(3)

    return answer


def trickles(request: BaseHTTPRequestHandler, start: int) -> None:
    head(request, 200, len(CONTENT))
    for i in range(60):
        request.wfile.write(CONTENT[i : i + 1])
        request.wfile.flush()
        time.sleep(0.05)


def refuses(request: BaseHTTPRequestHandler, start: int) -> None:
    head(request, 503, 0)


def fetch(addresses: list[str], path: Path, timeout: float = 0.3) -> None:
    download.fetch(addresses, path, size=len(CONTENT), sha256=SHA256, timeout=timeout)


def test_a_file_is_fetched_whole_into_a_folder_that_is_made(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.tar.gz"
    fetch([server.address("/file", sends(CONTENT))], path)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["file.tar.gz"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    fetch([server.address("/file", breaks_off_after(100_000))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/file", 0), ("/file", 100_000), ("/file", 200_000)]


def test_a_download_goes_on_in_a_later_call(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:250_000])
    fetch([server.address("/file", sends(CONTENT))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/file", 250_000)]


def test_a_download_goes_on_at_the_next_address(server: Server, tmp_path: Path) -> None:
    first = server.address("/stalls", stalls_after(120_000))
    server.answers["/stalls"] = lambda request, start: (
        refuses(request, start) if start else stalls_after(120_000)(request, start)
    )
    fetch([first, server.address("/good", sends(CONTENT))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/stalls", 0), ("/stalls", 120_000), ("/good", 120_000)]


def test_a_server_that_cannot_go_on_is_asked_from_the_beginning(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:100_000])
    fetch([server.address("/file", sends(CONTENT, resumes=False))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_stalls_is_left_after_the_timeout(server: Server, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"/file: stalled: no byte for 0\.3 s"):
        fetch([server.address("/file", stalls_after(0))], tmp_path / "file")
    assert time.monotonic() - start < 2.5


def test_a_server_that_trickles_counts_as_stalled(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"stalled: only \d+ bytes in 0\.3 s"):
        fetch([server.address("/file", trickles)], tmp_path / "file")


def test_a_server_that_breaks_off_again_and_again_without_a_byte_is_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"the connection failed|ended after 0 of 300,000 bytes"):
        fetch([server.address("/file", breaks_off_after(0))], tmp_path / "file")
    assert len(server.asked) == 1


def test_wrong_bytes_are_not_kept_and_the_next_address_is_asked(server: Server, tmp_path: Path) -> None:
    wrong = bytes(len(CONTENT))
    fetch([server.address("/wrong", sends(wrong)), server.address("/good", sends(CONTENT))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/wrong", 0), ("/good", 0)]


def test_wrong_bytes_everywhere_are_an_error_that_names_the_checksum(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="/wrong: its bytes do not match the published checksum"):
        fetch([server.address("/wrong", sends(bytes(len(CONTENT))))], tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("checksums", [{"md5": MD5}, {"md5": MD5, "sha256": SHA256}], ids=["MD5 alone", "both"])
def test_a_file_may_be_checked_by_its_md5(server: Server, tmp_path: Path, checksums: dict[str, str]) -> None:
    address = server.address("/file", sends(CONTENT))
    download.fetch([address], tmp_path / "file", size=len(CONTENT), **checksums)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "checksums",
    [{"md5": "0" * 32}, {"md5": "0" * 32, "sha256": SHA256}, {"md5": MD5, "sha256": "0" * 64}],
    ids=["MD5 alone", "MD5 of two", "SHA-256 of two"],
)
def test_no_checksum_that_is_given_may_be_wrong(server: Server, tmp_path: Path, checksums: dict[str, str]) -> None:
    address = server.address("/file", sends(CONTENT))
    with pytest.raises(DownloadError, match="its bytes do not match the published checksum"):
        download.fetch([address], tmp_path / "file", size=len(CONTENT), **checksums)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "copy").write_bytes(CONTENT)
    assert not download.matches(tmp_path / "copy", **checksums)
    assert download.matches(tmp_path / "copy", md5=MD5, sha256=SHA256)


def test_nothing_is_fetched_without_a_checksum(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give sha256 or md5"):
        download.fetch([server.address("/file", sends(CONTENT))], tmp_path / "file", size=len(CONTENT))
    assert server.asked == []


def test_a_beginning_of_wrong_bytes_left_over_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(bytes(100_000))
    fetch([server.address("/good", sends(CONTENT))], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/good", 100_000), ("/good", 0)]


@pytest.mark.parametrize("length", [1234, len(CONTENT) + 1, 10**12], ids=["an error page", "one byte more", "a terabyte"])
def test_a_file_of_another_length_is_refused_before_it_is_fetched(server: Server, tmp_path: Path, length: int) -> None:
    with pytest.raises(DownloadError, match=f"offers {length:,} bytes where 300,000 are due: another file"):
        fetch([server.address("/file", lambda request, start: head(request, 200, length))], tmp_path / "file")


def test_what_a_server_sends_beyond_the_end_is_not_kept(server: Server, tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        head(request, 200, None)
        while True:
            request.wfile.write(CONTENT)

    fetch([server.address("/endless", answer)], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_archive_is_not_unpacked_on_the_way(server: Server, tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")  # as some servers say of any .gz
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT)

    fetch([server.address("/file", answer)], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_packs_what_it_may_pack_is_asked_not_to(server: Server, tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        packs = "gzip" in request.headers["Accept-Encoding"]
        sends(gzip.compress(CONTENT) if packs else CONTENT)(request, start)

    fetch([server.address("/file", answer)], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_each_address_and_what_happened_there_is_told(server: Server, tmp_path: Path) -> None:
    unreachable = "http://127.0.0.1:9/file"
    with pytest.raises(DownloadError) as caught:
        fetch([server.address("/busy", refuses), unreachable], tmp_path / "file")
    lines = str(caught.value).splitlines()
    assert lines[1].endswith("/busy: answered 503 Service Unavailable")
    assert "http://127.0.0.1:9/file: the connection failed (" in lines[2]
    assert "Connection refused" in lines[2]


def test_a_folder_that_cannot_be_written_is_one_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch([server.address("/file", sends(CONTENT))], tmp_path / "taken" / "file")


def test_nothing_is_fetched_where_downloads_are_forbidden(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EYESPOT_OFFLINE", "1")
    with pytest.raises(DownloadError, match="EYESPOT_OFFLINE is set"):
        fetch([server.address("/file", sends(CONTENT))], tmp_path / "file")
    with pytest.raises(DownloadError, match="EYESPOT_OFFLINE is set"):
        download.fetch_bytes(server.address("/file", sends(CONTENT)), 1_000_000)
    assert server.asked == []


def test_the_bytes_of_an_address_are_fetched(server: Server) -> None:
    assert download.fetch_bytes(server.address("/cat.jpg", sends(CONTENT)), len(CONTENT)) == CONTENT


@pytest.mark.parametrize("promised", [True, False], ids=["length told", "length not told"])
def test_more_bytes_than_the_limit_are_an_error(server: Server, promised: bool) -> None:
    def answer(request: BaseHTTPRequestHandler, start: int) -> None:
        head(request, 200, len(CONTENT) if promised else None)
        request.wfile.write(CONTENT)

    with pytest.raises(DownloadError, match=r"/cat\.jpg: has .*300000 bytes|/cat\.jpg: has more than 299,999 bytes"):
        download.fetch_bytes(server.address("/cat.jpg", answer), len(CONTENT) - 1)


def test_a_picture_that_breaks_off_is_an_error(server: Server) -> None:
    with pytest.raises(DownloadError, match=r"/cat\.jpg: the connection failed"):
        download.fetch_bytes(server.address("/cat.jpg", breaks_off_after(1000)), 10**6, timeout=1)


@pytest.mark.parametrize("answer", [stalls_after(10), trickles], ids=["stalls", "trickles"])
def test_a_picture_that_does_not_come_is_an_error(server: Server, answer: Answer) -> None:
    with pytest.raises(DownloadError, match=r"/cat\.jpg: stalled"):
        download.fetch_bytes(server.address("/cat.jpg", answer), 10**6, timeout=0.3)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://example.org/x", "http://", "nonsense"])
def test_what_is_no_web_address_is_an_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EYESPOT_OFFLINE", raising=False)
    with pytest.raises(DownloadError, match="the connection failed"):
        download.fetch_bytes(address, 1000)
