"""Downloading from a local server that misbehaves in the ways real ones do."""

import hashlib
import http.server
import socket
import socketserver
import threading
import time
from pathlib import Path

import pytest

from flawscope.data.download import Limits, download
from flawscope.errors import DownloadError, OutputError

CONTENT = bytes(range(256)) * 4000
QUICK = Limits(attempts=3, timeout=2.0, pause=0.01)


class Server:
    """Serves CONTENT under any path; ``behave`` is called with the handler and the number of the request."""

    def __init__(self):
        self.requests: list[dict[str, str]] = []
        self.behave = whole
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append({key.lower(): value for key, value in self.headers.items()})
                outer.behave(self, len(outer.requests))

            def log_message(self, *_):
                pass

        class Threaded(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Threaded(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/data.zip"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    with Server() as running:
        yield running


def answer(handler, status, body=b"", length=None, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def wanted(handler):
    """First byte asked for, when the client's version is still ours."""
    asked = handler.headers.get("Range")
    if asked is None or handler.headers.get("If-Range") != '"v1"':
        return None
    return int(asked.removeprefix("bytes=").rstrip("-"))


def whole(handler, _number):
    answer(handler, 200, CONTENT, ETag='"v1"')


def resumable(cut):
    """Breaks off after ``cut`` bytes, and continues properly."""

    def behave(handler, _number):
        start = wanted(handler)
        rest = CONTENT[start or 0 :]
        part = rest[:cut]
        if start is None:
            answer(handler, 200, part, length=len(rest), ETag='"v1"')
        else:
            span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            answer(handler, 206, part, length=len(rest), ETag='"v1"', Content_Range=span)

    return behave


def files(folder: Path):
    return sorted(path.name for path in folder.iterdir())


def test_a_good_server(server, tmp_path):
    seen = []
    digest = hashlib.sha256(CONTENT).hexdigest()
    target = download(server.url, tmp_path / "a.zip", sha256=digest, progress=lambda *now: seen.append(now))
    assert target.read_bytes() == CONTENT
    assert files(tmp_path) == ["a.zip"]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_line_that_breaks_is_continued_where_it_stopped(server, tmp_path):
    server.behave = resumable(400_000)
    target = download(server.url, tmp_path / "a.zip", limits=QUICK)
    assert target.read_bytes() == CONTENT
    assert [r.get("range") for r in server.requests] == [None, "bytes=400000-", "bytes=800000-"]
    assert files(tmp_path) == ["a.zip"]


def test_an_interrupted_run_is_continued_by_the_next(server, tmp_path):
    class StopError(Exception):
        pass

    def stop(have, _total):
        if have >= 500_000:
            raise StopError

    with pytest.raises(StopError):
        download(server.url, tmp_path / "a.zip", progress=stop)
    assert files(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    server.behave = resumable(10**9)
    assert download(server.url, tmp_path / "a.zip").read_bytes() == CONTENT
    assert int(server.requests[1]["range"].removeprefix("bytes=").rstrip("-")) >= 500_000


def test_a_server_that_ignores_range_starts_again(server, tmp_path):
    def behave(handler, number):
        if number == 1:
            answer(handler, 200, CONTENT[:300_000], length=len(CONTENT), ETag='"v1"')
        else:
            whole(handler, number)

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == CONTENT
    assert server.requests[1]["range"] == "bytes=300000-"


def test_a_file_that_changed_meanwhile_is_not_mixed_with_the_old_one(server, tmp_path):
    new = CONTENT[::-1]

    def behave(handler, number):
        if number == 1:
            answer(handler, 200, CONTENT[:300_000], length=len(CONTENT), ETag='"v1"')
        else:
            assert handler.headers["If-Range"] == '"v1"'
            answer(handler, 200, new, ETag='"v2"')

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == new


@pytest.mark.parametrize("tag", [None, 'W/"v1"'], ids=["none", "weak"])
def test_without_a_sure_version_nothing_is_continued(server, tmp_path, tag):
    headers = {} if tag is None else {"ETag": tag}

    def behave(handler, number):
        body = CONTENT[:300_000] if number == 1 else CONTENT
        answer(handler, 200, body, length=len(CONTENT), **headers)

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == CONTENT
    assert "range" not in server.requests[1]


def test_a_server_that_continues_at_another_place_is_not_believed(server, tmp_path):
    def behave(handler, number):
        if number == 1:
            answer(handler, 200, CONTENT[:300_000], length=len(CONTENT), ETag='"v1"')
        elif number == 2:
            answer(handler, 206, CONTENT[5:], ETag='"v1"', Content_Range=f"bytes 5-{len(CONTENT) - 1}/*")
        else:
            whole(handler, number)

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == CONTENT


def test_a_length_that_is_never_reached_gives_up_and_keeps_what_came(server, tmp_path):
    def behave(handler, _number):
        start = wanted(handler) or 0
        status, span = (206, f"bytes {start}-1999999/2000000") if start else (200, "")
        answer(handler, status, CONTENT[start:], length=2_000_000 - start, ETag='"v1"', Content_Range=span)

    server.behave = behave
    with pytest.raises(DownloadError, match=r"gave up after 3 attempts.*continues where it stopped"):
        download(server.url, tmp_path / "a.zip", limits=QUICK)
    assert files(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    assert (tmp_path / "a.zip.part").read_bytes() == CONTENT


def test_not_found_is_said_at_once(server, tmp_path):
    server.behave = lambda handler, _: answer(handler, 404)
    with pytest.raises(DownloadError, match=r"the server answers 404.*--url"):
        download(server.url, tmp_path / "a.zip", limits=QUICK)
    assert len(server.requests) == 1
    assert files(tmp_path) == []


def test_a_server_that_recovers(server, tmp_path):
    server.behave = lambda handler, number: answer(handler, 500) if number < 3 else whole(handler, number)
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_server_that_does_not_recover(server, tmp_path):
    server.behave = lambda handler, _: answer(handler, 503, Retry_After="0")
    with pytest.raises(DownloadError, match=r"gave up after 3 attempts .the server answers 503"):
        download(server.url, tmp_path / "a.zip", limits=QUICK)
    assert len(server.requests) == 3


def test_a_slow_server_is_waited_for(server, tmp_path):
    def behave(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", "50")
        handler.end_headers()
        for _ in range(5):
            handler.wfile.write(b"0123456789")
            handler.wfile.flush()
            time.sleep(0.05)

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == b"0123456789" * 5


def test_a_server_that_falls_silent_counts_as_a_broken_line(server, tmp_path):
    release = threading.Event()

    def behave(handler, number):
        if number == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(CONTENT)))
            handler.end_headers()
            handler.wfile.write(CONTENT[:1000])
            handler.wfile.flush()
            release.wait(5)
        else:
            whole(handler, number)

    server.behave = behave
    limits = Limits(attempts=3, timeout=0.3, pause=0.01)
    assert download(server.url, tmp_path / "a.zip", limits=limits).read_bytes() == CONTENT
    release.set()


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_is_refused_and_nothing_kept(server, tmp_path, declared):
    def behave(handler, _number):
        handler.send_response(200)
        if declared:
            handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT)
        handler.close_connection = True

    server.behave = behave
    with pytest.raises(DownloadError, match=r"larger than the allowed 0\.0005 GB.*--max-gb"):
        download(server.url, tmp_path / "a.zip", limits=Limits(bytes=500_000))
    assert files(tmp_path) == []


def test_a_wrong_checksum_is_thrown_away(server, tmp_path):
    with pytest.raises(DownloadError, match="checksum is not the expected one"):
        download(server.url, tmp_path / "a.zip", sha256="0" * 64)
    assert files(tmp_path) == []


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
def test_a_name_that_cannot_be_resolved_is_said_at_once(tmp_path, monkeypatch, code):
    asked = []

    def resolve(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(code, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(DownloadError, match=r"no network\?.*no such name.*--url"):
        download("http://data.invalid/a.zip", tmp_path / "a.zip", limits=Limits(pause=60.0))
    assert asked == ["data.invalid"]


def test_a_name_lost_on_the_way_is_asked_for_again(server, tmp_path, monkeypatch):
    server.behave = resumable(600_000)
    true, calls = socket.getaddrinfo, []

    def resolve(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 2:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return true(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert download(server.url, tmp_path / "a.zip", limits=QUICK).read_bytes() == CONTENT
    assert len(calls) == 3


def test_nobody_there(tmp_path):
    with Server() as gone:
        url = gone.url
    with pytest.raises(DownloadError, match="gave up after 2 attempts"):
        download(url, tmp_path / "a.zip", limits=Limits(attempts=2, pause=0.01))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/a.zip", "a.zip"])
def test_only_the_web_is_fetched(tmp_path, url):
    with pytest.raises(DownloadError, match="only http and https"):
        download(url, tmp_path / "a.zip")


def test_a_redirection_leads_to_the_web_only(server, tmp_path):
    def behave(handler, number):
        if number == 1:
            answer(handler, 302, Location="/elsewhere.zip")
        else:
            whole(handler, number)

    server.behave = behave
    assert download(server.url, tmp_path / "a.zip").read_bytes() == CONTENT
    server.behave = lambda handler, _: answer(handler, 302, Location="file:///etc/passwd")
    with pytest.raises(DownloadError):
        download(server.url, tmp_path / "b.zip", limits=QUICK)
    assert files(tmp_path) == ["a.zip"]


def test_no_room(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(DownloadError, match=r"needs 0\.0 GB and 0\.0 GB are free"):
        download(server.url, tmp_path / "a.zip")


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        download(server.url, tmp_path / "file" / "a.zip", limits=QUICK)
