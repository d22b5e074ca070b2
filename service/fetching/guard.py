"""Where outgoing requests may go: the one transport behind every request that leaves this service.

Three checks, each enough against its own kind of trick. How an address is *written*: ``check_url``, before
every hop. Where a name *leads*: the resolver, which turns a name down when any of its addresses is not
public. What is *dialled*: the socket factory, for every new connection, so that neither a literal address
nor a name that changes its answer gets through. Each request has a connection of its own.

It does not follow redirects, read bodies or pace requests. The doors build the transport and give it to
``runtime``; ``fetching.download`` calls ``check_url`` on each hop; whatever else sends out (discovery,
add-by-URL, WebSub, webhooks) goes through the same client. An egress proxy would resolve names out of our
sight, so the environment's proxies are never used.
"""

import asyncio
import re
import socket
import ssl
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port to literal addresses; raises ``OSError`` when the name does not resolve."""

PUBLIC_PORTS = frozenset({80, 443})
MAX_URL = 4096
"""Longest URL in characters; a redirect target can be as long as a header line otherwise."""

_ASKABLE = frozenset({"gzip", "identity"})
_LOOKUP_THREADS = 16
# Generous for real sites, whose security policy headers run to some kilobytes; the sum stays under 2 MB.
_MAX_HEADER_LINE = 16_384
_MAX_HEADERS = 100

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)

# The IANA special-purpose registries (RFC 6890 and successors), plus what they leave out. Python's own
# ``is_global`` lets several of these pass, so this table is the rule and ``ipaddress`` only does arithmetic.
_REFUSED_V4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_REFUSED_V6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")


class RefusedAddress(Exception):
    """The guard will not go there; the text says why and holds no more of the URL than its host.

    Deliberately neither ``OSError`` nor ``RuntimeError``: the connection code takes those for a host that is
    down and tries the next address.
    """


def check_url(url: str) -> None:
    """Accept only a URL that every parser reads alike: http or https, a plain host, a port from 1 to 65535.

    Says nothing about where the host leads; that is settled when it is dialled.

    Raises:
        RefusedAddress: with the rule that was broken.
    """
    if len(url) > MAX_URL:
        raise RefusedAddress(f"the address is longer than {MAX_URL} characters")
    if any(char in " \\" or not char.isprintable() for char in url):
        raise RefusedAddress("the address holds a blank, a backslash or an invisible character")
    parts = _URL.fullmatch(url)
    if parts is None or parts["scheme"].lower() not in ("http", "https"):
        raise RefusedAddress("only absolute http and https addresses are fetched")
    if "@" in parts["authority"]:
        raise RefusedAddress("the address carries a user name or password")
    if not parts["rest"].startswith("/") and "@" in parts["rest"]:
        raise RefusedAddress("the address can be read as leading to two hosts")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None or (authority["port"] and not 0 < int(authority["port"]) < 65536):
        raise RefusedAddress("the host or port is not well formed")
    _check_host(authority["host"], url)


def _check_host(host: str, url: str) -> None:
    if host.startswith("["):
        try:
            IPv6Address("zoned" if "%" in host else host[1:-1])
        except ValueError as error:
            raise RefusedAddress("the host in brackets is not an IPv6 address") from error
        return
    if not host.isascii():
        host = _ascii_host(host, url)
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedAddress("the host is not a domain name")
    # WHATWG URL, "ends in a number checker": some parsers take such a host for an IPv4 address, some do not.
    if _NUMBER.fullmatch(labels[-1]):
        try:
            IPv4Address(host)
        except ValueError as error:
            raise RefusedAddress("the host is a number in a form other than four decimal parts") from error


def _ascii_host(host: str, url: str) -> str:
    """The host as it goes on the wire, if none of its characters stands in for an ASCII one."""
    if "\u3002" in host or unicodedata.normalize("NFKC", host) != host:
        raise RefusedAddress("the host holds look-alikes of plain letters, digits or dots")
    try:
        return httpx.URL(url).raw_host.decode("ascii")
    except httpx.InvalidURL as error:
        raise RefusedAddress("the host is not a valid international domain name") from error


def check_address(address: str, port: int, allowed: Sequence[Network]) -> None:
    """Accept a literal IP address and port as something that may be dialled.

    An IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) counts as what it maps. A network in ``allowed`` may
    be reached on any port; everything else must be public and on port 80 or 443.

    Raises:
        RefusedAddress: with the kind of address, or the port.
    """
    try:
        ip = ip_address(address)
    except ValueError as error:
        raise RefusedAddress("the name resolves to something that is no IP address") from error
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip in network for network in allowed):
        return
    why = _why_not_public(ip)
    if why:
        raise RefusedAddress(f"{ip} is not a public address ({why})")
    if port not in PUBLIC_PORTS:
        raise RefusedAddress(f"port {port} is neither 80 nor 443")


def _why_not_public(ip: IPv4Address | IPv6Address) -> str | None:
    table: Sequence[tuple[Network, str]] = _REFUSED_V4 if isinstance(ip, IPv4Address) else _REFUSED_V6
    for network, why in table:
        if ip in network:
            return why
    # So far only 2000::/3 has been handed out for hosts on the internet (RFC 4291 §2.4, IANA).
    return "unassigned" if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST else None


class _CheckedResolver(AbstractResolver):
    """Asks the system, or ``resolve``, and passes an answer on only if all of it may be dialled.

    Lookups have threads of their own: a dead name server would otherwise fill the loop's shared ones.
    """

    def __init__(self, allowed: Sequence[Network], resolve: Resolve | None) -> None:
        self._allowed = allowed
        self._resolve = resolve or self._ask_system
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError(None, "the name has no addresses")
        for address in addresses:
            check_address(address, port, self._allowed)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=0)
            for address in addresses
        ]

    async def _ask_system(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(sockaddr[0]) for *_, sockaddr in found]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _WithoutReason(aiohttp.ClientResponse):
    """An answer without the words behind its status: they mean nothing (RFC 9112 §4), and the transport fails on any
    that are not UTF-8."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the status line and the headers."""
        await super().start(connection)
        self.reason = None
        return self


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Checks each URL, sends it over checked connections, and keeps the client from acting on answers."""

    def __init__(self, inner: AiohttpTransport, resolver: _CheckedResolver) -> None:
        self._inner = inner
        self._resolver = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        check_url(str(request.url))
        # The client would ask for every coding whose library happens to be installed. Brotli is, for what we serve.
        if request.headers.get("accept-encoding") not in _ASKABLE:
            request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        # And it would unpack whatever comes, without a bound, asked for or not: 607 bytes have become 774 MB.
        if "content-encoding" in response.headers:
            response.extensions["content_encoding"] = response.headers.pop("content-encoding")
        # The client's cookie jar would carry one site's cookies, without bound, from fetch to fetch.
        response.headers.pop("set-cookie", None)
        # And it would read a redirect's target itself, whether it may follow or not, and raise on a bad one.
        if response.has_redirect_location:
            response.extensions["location"] = response.headers.pop("location")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()
        await self._resolver.close()


def guarded_transport(
    allowed_networks: Sequence[Network],
    *,
    resolve: Resolve | None = None,
    connections: int = 100,
    connections_per_host: int = 8,
    ssl_context: ssl.SSLContext | None = None,
) -> httpx.AsyncBaseTransport:
    """The transport for the one client; use it on one event loop and close it (the client does).

    Answers come without Set-Cookie. A redirect's target and the coding of the body are in ``response.extensions``
    ("location", "content_encoding") instead of the headers, so that no client follows or unpacks by itself:
    ``fetching.download`` is the one that does. Gzip is for those who ask for it; all others ask for plain bytes.

    Args:
        allowed_networks: networks that may be reached although private, on any port.
        resolve: replaces the system's name lookup; its answers are checked all the same.
        connections: most connections in use at once; further requests wait within their deadline.
        connections_per_host: the same for one host and port.
        ssl_context: replaces the usual trust store (certifi, or the file named by ``SSL_CERT_FILE``).
    """
    allowed = tuple(allowed_networks)
    resolver = _CheckedResolver(allowed, resolve)
    context = ssl_context or httpx.create_ssl_context()

    def open_socket(dialled: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = dialled
        check_address(str(address[0]), int(address[1]), allowed)
        return socket.socket(family=family, type=kind, proto=protocol)

    def open_session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=context,
            resolver=resolver,
            use_dns_cache=False,
            socket_factory=open_socket,
            limit=connections,
            limit_per_host=connections_per_host,
            # A feed is asked every half hour: nothing would be left to reuse, and a server that sends more
            # than it announced would speak into the next answer. Open sockets stay bounded by ``limit``.
            force_close=True,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_WithoutReason,
            trust_env=False,
            auto_decompress=False,
            max_line_size=_MAX_HEADER_LINE,
            max_field_size=_MAX_HEADER_LINE,
            max_headers=_MAX_HEADERS,
        )
        # aiohttp repeats a GET at once when the server hangs up; to a struggling publisher that is two
        # requests where our pace allows one. It has no public switch; a test counts the requests.
        session._retry_connection = False
        return session

    inner = AiohttpTransport(verify=context, trust_env=False, client=open_session)
    return _GuardedTransport(inner, resolver)
