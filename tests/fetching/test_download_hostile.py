"""Downloads from servers that lie, flood, stall or are not there; real sockets, loopback only."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.fetching.download import Download, FeedRequest, download
from service.fetching.guard import guarded_transport
from service.fetching.outcomes import Outcome
from tests.feed_server import Answer, FeedServer, Request

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LOOPBACK = (IPv4Network("127.0.0.0/28"),)
FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"
TAG = '"v1"'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=guarded_transport(LOOPBACK), trust_env=False) as client:
        yield client


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[FeedServer]:
    async with FeedServer(("127.0.0.1", "127.0.0.2")) as server:
        yield server


async def fetch(client: httpx.AsyncClient, url: str, **fields: Any) -> Download:
    return await download(client, FeedRequest(url, "Huoban/test", **{"deadline": 5.0, **fields}), now=NOW)


# Bodies that lie, swell or never end


@pytest.mark.anyio
@pytest.mark.parametrize("length", ["true", "none", "chunked"])
async def test_body_over_the_limit_is_too_large_whatever_its_length_says(
    client: httpx.AsyncClient, server: FeedServer, length: Any
) -> None:
    server.on("/a.xml", body=b"x" * 50_001, length=length)
    assert (await fetch(client, server.url("/a.xml"), max_bytes=50_000)).outcome is Outcome.TOO_LARGE
    assert (await fetch(client, server.url("/a.xml"), max_bytes=50_001)).outcome is Outcome.OK


@pytest.mark.anyio
async def test_each_coding_is_undone_also_when_nobody_announced_it(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    for coding, packed in (
        ("gzip", gzip.compress(FEED, mtime=0)),
        ("x-gzip", gzip.compress(FEED, mtime=0)),
        ("deflate", zlib.compress(FEED)),
        ("deflate", zlib.compress(FEED, wbits=-15)),
        ("identity", FEED),
        ("identity", gzip.compress(FEED, mtime=0)),
    ):
        server.on("/a.xml", body=packed, headers={"Content-Encoding": coding})
        answer = await fetch(client, server.url("/a.xml"))
        assert (answer.outcome, answer.body, answer.received) == (Outcome.OK, FEED, len(packed))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("br", b"\x0b\x02\x80"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("gzip, gzip", gzip.compress(gzip.compress(FEED, mtime=0), mtime=0)),
        ("gzip", gzip.compress(gzip.compress(FEED, mtime=0), mtime=0)),
        ("gzip", FEED),
        ("gzip", gzip.compress(FEED, mtime=0)[:-8] + b"\0" * 8),
    ],
)
async def test_other_nested_and_broken_codings_have_their_own_outcome(
    client: httpx.AsyncClient, server: FeedServer, coding: str, packed: bytes
) -> None:
    server.on("/a.xml", body=packed, headers={"Content-Encoding": coding}, etag=TAG)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.body, answer.etag) == (Outcome.BAD_ENCODING, b"", None)


@pytest.mark.anyio
async def test_packed_body_that_stops_early_is_kept_but_asked_for_again(
    client: httpx.AsyncClient, server: FeedServer
) -> None:
    server.on("/a.xml", body=gzip.compress(FEED, mtime=0)[:-9], headers={"Content-Encoding": "gzip"}, etag=TAG)
    answer = await fetch(client, server.url("/a.xml"))
    assert (answer.outcome, answer.etag) == (Outcome.OK, None)
    assert answer.body
    assert answer.detail


@pytest.mark.anyio
async def test_transfer_that_breaks_off_is_a_failed_connection(client: httpx.AsyncClient, server: FeedServer) -> None:
    server.on("/a.xml", body=FEED, cut_after=10)
    server.on("/b.xml", body=FEED, length="chunked", cut_after=12)
    server.on("/c.xml", raw=b"")
    for path in ("/a.xml", "/b.xml", "/c.xml"):
        answer = await fetch(client, server.url(path))
        assert (answer.outcome, answer.body) == (Outcome.CONNECT, b"")
        assert server.count(path) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "slow",
    [
        Answer(delay=60),
        Answer(body=FEED, drip=1, pause=0.05),
        Answer(body=FEED, length="none", endless=b" ", drip=1, pause=0.02),
        Answer(raw=b"HTTP/1.1 200 OK\r\nX-A: ", endless=b"a", drip=1, pause=0.02),
    ],
)
async def test_deadline_bounds_the_whole_fetch(client: httpx.AsyncClient, server: FeedServer, slow: Answer) -> None:
    server.on("/a.xml", slow)
    answer = await fetch(client, server.url("/a.xml"), deadline=0.3)
    assert answer.outcome is Outcome.TIMEOUT
    assert 0.25 < answer.seconds < 1.5


@pytest.mark.anyio
async def test_headers_without_end_are_cut_off(client: httpx.AsyncClient, server: FeedServer) -> None:
    start = b"HTTP/1.1 200 OK\r\nX-A: "
    server.on("/line", raw=start, endless=b"b" * 1000)
    server.on("/lines", raw=start + b"b\r\n", endless=b"X-B: c\r\n" * 100)
    assert (await fetch(client, server.url("/line"))).outcome is Outcome.TOO_LARGE
    assert (await fetch(client, server.url("/lines"))).outcome is Outcome.HTTP_ERROR


@pytest.mark.anyio
async def test_hostile_answers_stay_under_forty_megabytes_above_idle() -> None:
    script = Path(__file__).with_name("peak_memory.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), cwd=script.parents[2], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()


# Not reaching anyone


@pytest.mark.anyio
async def test_closed_port_and_unknown_name_are_told_apart(client: httpx.AsyncClient) -> None:
    assert (await fetch(client, "http://127.0.0.1:1/")).outcome is Outcome.CONNECT

    async def resolve(host: str, port: int) -> list[str]:
        raise OSError(None, "no such name")

    async def resolve_to_nothing(host: str, port: int) -> list[str]:
        return []

    for names in (resolve, resolve_to_nothing):
        async with httpx.AsyncClient(transport=guarded_transport((), resolve=names)) as other:
            assert (await fetch(other, "http://news.example/")).outcome is Outcome.DNS


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["http://10.0.0.1/", "ftp://news.example/", "http://[bad", "", "http://127.1/"])
async def test_feed_address_that_the_guard_refuses_is_an_outcome(client: httpx.AsyncClient, url: str) -> None:
    answer = await fetch(client, url)
    assert (answer.outcome, answer.status) == (Outcome.REFUSED_ADDRESS, None)


@pytest.mark.anyio
async def test_plain_server_on_a_tls_port_is_a_tls_failure(client: httpx.AsyncClient) -> None:
    def speak_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak_first, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        assert (await fetch(client, f"https://127.0.0.1:{port}/")).outcome is Outcome.TLS


@pytest.mark.anyio
async def test_tls_handshake_that_never_ends_is_a_timeout(client: httpx.AsyncClient, server: FeedServer) -> None:
    answer = await fetch(client, server.url("/").replace("http:", "https:"), deadline=0.3)
    assert answer.outcome is Outcome.TIMEOUT


@pytest.mark.anyio
@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with the openssl command")
async def test_certificate_is_verified(client: httpx.AsyncClient, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = await asyncio.create_subprocess_exec(
        *[
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=a",
        ],
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        stderr=subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with FeedServer(("127.0.0.1", "127.0.0.2"), tls=tls) as server:
        server.on("/a.xml", body=FEED)
        assert (await fetch(client, server.url("/a.xml"))).outcome is Outcome.TLS
        transport = guarded_transport(LOOPBACK, ssl_context=trusting)
        async with httpx.AsyncClient(transport=transport) as other:
            assert (await fetch(other, server.url("/a.xml"))).body == FEED
            wrong_name = await fetch(other, server.url("/a.xml", "127.0.0.2"))
            assert wrong_name.outcome is Outcome.TLS


@pytest.mark.anyio
async def test_cancelling_a_download_is_not_swallowed(client: httpx.AsyncClient, server: FeedServer) -> None:
    arrived = asyncio.Event()

    async def hang(request: Request) -> Answer:
        arrived.set()
        return await asyncio.sleep(60, Answer())

    server.on("/a.xml", hang)
    task = asyncio.create_task(fetch(client, server.url("/a.xml")))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.anyio
async def test_folder_of_captures_is_served_with_the_types_of_its_manifest(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_bytes(FEED)
    (tmp_path / "b c.xml").write_bytes(FEED)
    (tmp_path / "MANIFEST.csv").write_text("file,format\na.xml,RSS 1.0 (RDF)\n", encoding="utf-8")
    script = Path(__file__).parents[1] / "serve_captures.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(tmp_path), "--charset", "b c.xml=gbk", stdout=subprocess.PIPE
    )
    assert process.stdout
    urls = [(await process.stdout.readline()).decode().strip() for _ in range(2)]
    answers = [await fetch(client, url) for url in urls]
    process.terminate()
    await process.wait()
    assert [answer.body for answer in answers] == [FEED, FEED]
    assert [answer.content_type for answer in answers] == ["application/rdf+xml", "application/xml; charset=gbk"]
    assert all(answer.etag for answer in answers)
