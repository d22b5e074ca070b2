"""The outermost layer: who asks, under which name, and how long a body may take; each request gets an id.

* Who asks is the peer of the connection. Only from a proxy that the settings trust is ``X-Forwarded-For`` read, from
  its end, where proxies write; the first address that is no proxy of ours is the client.
* A name that is not ours in ``Host`` gets 421 (RFC 9110 §15.5.20): whoever made their own name point here, as in DNS
  rebinding, learns nothing. Addresses and names of one word pass, since nobody out there can own those.
* A body that stops coming gets 408.
* The request's id stands in every log line that the request causes, and in ``X-Request-ID``.

It knows no route. Installed by ``app``.
"""

import asyncio
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from service.headers import Application, Kind, Message, Receive, Scope, Send, headers_for, kind_of
from service.headers import Headers as AnswerHeaders
from service.settings import Network, Settings
from service.web import problem

BODY_SECONDS = 60.0
"""A whole body; the largest is two megabytes."""
SILENCE_SECONDS = 15.0
"""Between two parts of it."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class Names:
    """The names that this service goes by, and what its answers say of them."""

    def __init__(self, settings: Settings) -> None:
        own = urlsplit(settings.base_url).hostname or ""
        self._names = frozenset({own.lower(), *(name.lower() for name in settings.allowed_hosts)})
        self.more: AnswerHeaders = (_STRICT_TRANSPORT,) if settings.base_url.startswith("https://") else ()
        """What every answer says because of the public address."""

    def have(self, host: str) -> bool:
        """Whether a ``Host`` field names us, or nothing that anybody out there can own."""
        name, passes = _name_in(host)
        return passes or name in self._names


class Arrivals:
    """Sees every request first and every answer last."""

    def __init__(
        self,
        app: Application,
        settings: Settings,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._silence_seconds, self._body_seconds = silence_seconds, body_seconds
        self._proxies = settings.trusted_proxies
        self._names = Names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its true client, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trusted = self._is_proxy((scope.get("client") or ("",))[0])
        if trusted:
            scope["client"] = (client_behind(headers.getlist("x-forwarded-for"), scope["client"][0], self._proxies), 0)
        asked = headers.get("x-request-id", "") if trusted else ""
        request_id = asked if _ID.fullmatch(asked) else secrets.token_hex(8)

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                message = {**message, "headers": [*given, *self._names.more, (b"x-request-id", request_id.encode())]}
            await send(message)

        structlog.contextvars.clear_contextvars()  # a connection's task may carry those of the request before
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if not self._names.have(headers.get("host", "")):
            await _refuse_name(scope, receive, completed)
            return
        await self._app(scope, _Impatient(receive, self._silence_seconds, self._body_seconds), completed)

    def _is_proxy(self, peer: str) -> bool:
        return bool(self._proxies) and _is_in(peer, self._proxies)


@lru_cache(256)  # nearly all requests bring the same one
def _name_in(host: str) -> tuple[str | None, bool]:
    """The name in a ``Host`` field, and whether it passes whatever our names are: one word, or an address."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None, False
    name = (name or "").rstrip(".")
    return name, "." not in name or _address(name) is not None


def client_behind(forwarded: Sequence[str], peer: str, proxies: Sequence[Network]) -> str:
    """The client's address as the trusted proxies tell it: the last one in ``X-Forwarded-For`` that is none of them.

    What stands before that may be of the client's own making. Without a usable entry it is the peer.
    """
    for entry in reversed([part.strip() for line in forwarded for part in line.split(",")]):
        address = _address(entry.removeprefix("[").removesuffix("]"))
        if address is None:
            return peer
        if not _is_in(str(address), proxies):
            return str(address)
        peer = str(address)
    return peer


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


class _Impatient:
    """``receive`` with a limit on how long a body may take."""

    def __init__(self, receive: Receive, silence_seconds: float, body_seconds: float) -> None:
        self._receive = receive
        self._silence_seconds, self._left = silence_seconds, body_seconds
        self._complete = False

    async def __call__(self) -> Message:
        """The next part of the body.

        Raises:
            HTTPException: it did not come in time.
        """
        if self._complete:
            return await self._receive()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(min(self._silence_seconds, self._left)):
                message = await self._receive()
        except TimeoutError as error:
            self._complete = True
            detail = "The rest of the body did not come in time."
            raise HTTPException(408, detail, {"Connection": "close"}) from error  # RFC 9110 §15.5.9
        self._left -= loop.time() - began
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message


async def _refuse_name(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "This service does not go by that name. Its operator can add names with HUOBAN_ALLOWED_HOSTS."
    answer = problem(421, "misdirected", "Misdirected request", detail, [], {})
    answer.raw_headers.extend(headers_for(Kind.API if kind_of(scope["path"]) is Kind.API else Kind.DESK))
    await answer(scope, receive, send)
