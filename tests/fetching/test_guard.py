"""The guard: how an address is written, where a name leads, what is dialled."""

import gzip
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import brotli
import httpx
import pytest
import yarl
from hypothesis import assume, given
from hypothesis import strategies as st

from service.fetching.guard import (
    Network,
    RefusedAddress,
    Resolve,
    check_address,
    check_url,
    guarded_transport,
)
from tests.feed_server import FeedServer

LOOPBACK_ONE = (IPv4Network("127.0.0.1/32"),)
PUBLIC = "93.184.215.14"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_client(allowed: Sequence[Network], resolve: Resolve | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=guarded_transport(allowed, resolve=resolve), trust_env=False)


class Names:
    """A resolver with a script: each lookup takes the next answer, the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.8", "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1", "not an address",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RefusedAddress):
        check_address(address, 80, ())


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "::ffff:8.8.8.8", "2606:2800:21f::1"])
def test_public_address_is_accepted_on_80_and_443_only(address: str) -> None:
    check_address(address, 80, ())
    check_address(address, 443, ())
    for port in (0, 22, 25, 6379, 8080, 65535):
        with pytest.raises(RefusedAddress, match="port"):
            check_address(address, port, ())


def test_allowed_network_is_reached_on_any_port_also_when_mapped_into_ipv6() -> None:
    allowed = (IPv4Network("10.1.0.0/16"), IPv6Network("fd00:1::/32"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        check_address(address, 8080, allowed)
    for address in ("10.2.0.1", "::ffff:10.2.0.1", "fd00:2::5", "::10.1.2.3"):
        with pytest.raises(RefusedAddress):
            check_address(address, 8080, allowed)


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_guard_is_never_laxer_than_python(ip: IPv4Address | IPv6Address) -> None:
    try:
        check_address(str(ip), 443, ())
    except RefusedAddress:
        return
    inner = getattr(ip, "ipv4_mapped", None) or ip
    assert inner.is_global
    assert not inner.is_multicast


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://127.1/", "http://127.0.1/",
        "http://0/", "http://0177.0.0.1/", "http://127.0.0.01/", "http://017700000001/", "http://1.2.3.4.5/",
        "http://news.example.1/", "http://256.1.1.1/", "http://news.example.0x/",
        "http://127.0.0.1./", "http://news.example./", "http://news..example/", "http://.news.example/",
        "http://127\u30020\u30020\u30021/", "http://127\uff0e0.0.1/", "http://127\uff610.0.1/",
        "http://\uff11\uff12\uff17.0.0.1/", "http://\u2460.news.example/", "http://\uff4eews.example/",
        "http://a@news.example/", "http://a:b@news.example/", "http://news.example@127.0.0.1/",
        "http://news.example\\@127.0.0.1/", "http://news.example\\.evil.example/", "http:\\\\news.example/",
        "http://news.example#@127.0.0.1/", "http://news.example?@127.0.0.1/", "http://127.0.0.1%23@x.example/",
        "http://news.example:22:80/", "http://news.example:0/", "http://news.example:99999/",
        "http://news.example:8a/", "http://news.example:\u0668\u0660/", "http://[::1", "http://::1/",
        "http://[fe80::1%25eth0]/", "http://[127.0.0.1]/", "http://[::1]evil.example/", "http://[v1.x]/",
        "http://", "http:///a", "//news.example/", "news.example/a", "", "http:news.example",
        "file:///etc/passwd", "ftp://news.example/", "gopher://news.example/", "javascript:alert(1)",
        "data:text/xml,<rss/>", "ws://news.example/",
        "http://news.example/a b", "http://news.example/\n", "http://news.exa\tmple/", "http://news.example/\x00",
        "http://news.example/\u202egnp", "http://ne\u00adws.example/", "http://news.example/\ud800",
        "http://%31%32%37.0.0.1/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 127 + "example/",
        "http://news.example/" + "a" * 5000, "http://-\u00fc-.example/", "http://\u0301x.example/",
    ],
)  # fmt: skip
def test_address_that_could_be_read_two_ways_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://news.example/feed", "HTTPS://News.Example/feed", "https://news.example", "https://news.example?feed=rss2",
        "https://news.example:8443/a", "https://news.example/@author/feed", "https://news.example/a#x@y",
        "https://b\u00fccher.example/", "https://\u4eba\u6c11\u7f51.example/rss", "https://xn--bcher-kva.example/",
        "http://a_b.example/", "http://localhost/", "http://93.184.215.14/", "http://[2606:2800::1]/",
        "http://[::1]:8080/a", "https://news.example/\u65b0\u95fb?q=%41",
    ],
)  # fmt: skip
def test_ordinary_address_is_accepted(url: str) -> None:
    check_url(url)


@given(st.text("aB1.-_:@/?#%\\x7f\u3002\uff11\u00fc\u4eba0", max_size=20), st.sampled_from(["/", "", "?a", "#f"]))
def test_whatever_the_guard_accepts_both_libraries_take_for_the_same_host(authority: str, rest: str) -> None:
    url = f"http://{authority}{rest}"
    try:
        check_url(url)
    except RefusedAddress:
        return
    ours = authority.split("/")[0].split("?")[0].split("#")[0].partition(":")[0]
    tidied = httpx.URL(url)
    assert yarl.URL(str(tidied)).raw_host == tidied.raw_host.decode()
    assume(ours.isascii())
    assert tidied.raw_host.decode() == ours.lower()


@pytest.mark.anyio
async def test_literal_address_is_checked_when_dialled_without_any_lookup() -> None:
    names = Names([PUBLIC])
    async with FeedServer(("127.0.0.1", "127.0.0.2")) as server, a_client(LOOPBACK_ONE, names) as client:
        server.on("/a", body=b"ok")
        assert (await client.get(server.url("/a"))).content == b"ok"
        for host in ("127.0.0.2", "[::ffff:127.0.0.2]", "[::1]"):
            with pytest.raises(RefusedAddress, match="loopback"):
                await client.get(server.url("/a", host))
        assert server.count() == 1
        assert names.asked == []


@pytest.mark.anyio
async def test_name_that_changes_its_answer_is_refused_on_the_next_connection() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with FeedServer(("127.0.0.1", "127.0.0.2")) as server, a_client(LOOPBACK_ONE, names) as client:
        server.on("/a", body=b"ok")
        url = server.url("/a", "news.example")
        assert (await client.get(url, headers={"Connection": "close"})).content == b"ok"
        assert len(names.asked) == 1, "one lookup a connection: nothing can change between check and dial"
        with pytest.raises(RefusedAddress):
            await client.get(url)
        assert [request.host for request in server.requests] == ["127.0.0.1"]


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_name_with_one_private_address_among_others_is_refused(answer: list[str]) -> None:
    async with FeedServer() as server, a_client(LOOPBACK_ONE, Names(answer)) as client:
        with pytest.raises(RefusedAddress):
            await client.get(server.url("/a", "news.example"))
        assert server.connections == 0


@pytest.mark.anyio
async def test_public_name_on_another_port_is_refused_before_it_is_dialled() -> None:
    async with a_client((), Names([PUBLIC])) as client:
        with pytest.raises(RefusedAddress, match="port 8080"):
            await client.get("http://news.example:8080/")


@pytest.mark.anyio
async def test_system_resolver_is_checked_as_well() -> None:
    async with FeedServer() as server, a_client(()) as client:
        with pytest.raises(RefusedAddress):
            await client.get(server.url("/a", "localhost"))
        assert server.connections == 0


@pytest.mark.anyio
async def test_every_request_of_the_client_passes_the_url_check() -> None:
    async with a_client(LOOPBACK_ONE) as client:
        for method in ("GET", "POST", "HEAD"):
            with pytest.raises(RefusedAddress, match="number"):
                await client.request(method, "http://2130706433/")


@pytest.mark.anyio
async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with FeedServer() as server, a_client(LOOPBACK_ONE) as client:
        server.on("/a", body=b"ok")
        assert (await client.get(server.url("/a"))).content == b"ok"


@pytest.mark.anyio
async def test_cookies_are_neither_kept_nor_sent_back() -> None:
    async with FeedServer() as server, a_client(LOOPBACK_ONE) as client:
        server.on("/a", headers={"Set-Cookie": "session=1; Path=/"})
        await client.get(server.url("/a"))
        await client.get(server.url("/a"))
        assert not client.cookies
        assert "cookie" not in server.requests[1].headers


@pytest.mark.anyio
async def test_request_is_not_repeated_when_the_server_hangs_up() -> None:
    async with FeedServer() as server, a_client(LOOPBACK_ONE) as client:
        server.on("/a", raw=b"")
        with pytest.raises(httpx.TransportError):
            await client.get(server.url("/a"))
        assert server.count("/a") == 1


@pytest.mark.anyio
@pytest.mark.parametrize("asked", [None, "br", "gzip, deflate, br, zstd", "*", "gzip;q=0.5, br"])
async def test_brotli_is_neither_asked_for_nor_unpacked(asked: str | None) -> None:
    bomb = brotli.compress(b"0" * 50_000_000)
    async with FeedServer() as server, a_client(LOOPBACK_ONE) as client:
        for coding in ("br", "gzip", "zstd", "deflate"):
            server.on("/bomb", body=bomb, headers={"Content-Encoding": coding})
            answer = await client.get(server.url("/bomb"), headers={"Accept-Encoding": asked} if asked else {})
            assert answer.content == bomb
            assert answer.extensions["content_encoding"] == coding
            assert "content-encoding" not in answer.headers
        assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


@pytest.mark.anyio
async def test_gzip_comes_packed_to_whoever_asks_for_it_and_unpacks_it_himself() -> None:
    async with FeedServer() as server, a_client(LOOPBACK_ONE) as client:
        server.on("/a", body=gzip.compress(b"feed"), headers={"Content-Encoding": "gzip"})
        answer = await client.get(server.url("/a"), headers={"Accept-Encoding": "gzip"})
        assert server.requests[0].headers["accept-encoding"] == "gzip"
        assert gzip.decompress(answer.content) == b"feed"
