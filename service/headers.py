"""What every answer carries besides its content: what a browser may do with it, and how long it may be kept.

One rule per kind of address (``kind_of``), added to whatever a route sets itself and never in place of it. A small
ASGI layer adds them; ``publishing/caching`` takes them from here for what it answers from memory. Knows no
route and no page. Installed by ``app``.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from enum import Enum
from types import MappingProxyType
from typing import Any

Headers = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, as ASGI wants them."""
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Kind(Enum):
    """What sort of thing lives at an address."""

    PUBLIC = "public"
    STYLED = "styled"
    """Public, with its style inside: a digest for e-mail, a drawing."""
    STATIC = "static"
    DESK = "desk"
    API = "api"
    DOCS = "docs"
    """The API's own documentation, which brings scripts from elsewhere."""


_NOWHERE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_CONTENT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.PUBLIC: f"default-src 'none'; style-src 'self'; img-src 'self' data:; {_NOWHERE}",
        Kind.STYLED: f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; {_NOWHERE}",
        Kind.STATIC: f"default-src 'none'; style-src 'unsafe-inline'; {_NOWHERE}",
        Kind.DESK: (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        Kind.API: f"default-src 'none'; {_NOWHERE}",
        Kind.DOCS: "base-uri 'none'; frame-ancestors 'none'",
    }
)
_OPEN_TO_ALL = frozenset({Kind.PUBLIC, Kind.STYLED, Kind.STATIC})
_ABSENT = frozenset({404, 410, 422})

PREFLIGHT: Headers = (
    (b"allow", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
)
"""The answer to OPTIONS at a public address, beside its ``headers_for``: any site's script may read what is public
(Fetch standard, CORS protocol)."""


def kind_of(path: str) -> Kind:
    """What sort of thing lives at ``path``; whatever is not known to be private or static is public."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    match first:
        case "api" | "health" | "metrics":
            return Kind.DOCS if path.startswith("/api/docs") else Kind.API
        case "desk" | "setup" | "oidc":
            return Kind.DESK
        case "static":
            return Kind.STATIC
        case _:
            return Kind.PUBLIC


def policy_of(kind: Kind) -> str:
    """What a browser may load and do at such an address (CSP Level 3)."""
    return _CONTENT[kind]


def headers_for(kind: Kind) -> Headers:
    """The headers of every answer at such an address, whatever its status."""
    found = [
        (b"content-security-policy", _CONTENT[kind].encode()),
        (b"referrer-policy", b"strict-origin-when-cross-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    ]
    if kind in _OPEN_TO_ALL:
        found.append((b"access-control-allow-origin", b"*"))
        found.append((b"access-control-expose-headers", b"ETag"))
        found.append((b"cross-origin-resource-policy", b"cross-origin"))
    else:
        found.append((b"cross-origin-resource-policy", b"same-origin"))
    return tuple(found)


def freshness_for(kind: Kind, status: int) -> bytes | None:
    """How long an answer may be kept where its route did not say; None leaves it to the route."""
    if kind is Kind.STATIC:
        return b"public, max-age=300"
    if kind not in _OPEN_TO_ALL:
        # They depend on who asks; a shared cache keeps none of them, a browser asks again each time.
        return b"private, no-cache"
    if status >= 400:
        return b"public, max-age=60" if status in _ABSENT else b"no-store"
    return None


class SecurityHeaders:
    """Adds to each answer the headers of its kind that its route did not set."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._headers = {kind: headers_for(kind) for kind in Kind}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with more headers on the way back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = kind_of(scope["path"])

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                more = list(self._headers[kind])
                if freshness := freshness_for(kind, message["status"]):
                    more.append((b"cache-control", freshness))
                present = {name.lower() for name, _ in given}
                message = {**message, "headers": [*given, *(pair for pair in more if pair[0] not in present)]}
            await send(message)

        await self._app(scope, receive, completed)
