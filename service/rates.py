"""How many requests one caller may send to the API in a minute, said in every answer.

Counted by token or cookie and by network address, each in a window of one minute, in this process alone: it keeps
one runaway script from taking the desk away from everybody, and a guesser of tokens from guessing fast. Sign-in
has a narrower throttle of its own (``desk/accounts``). Installed by ``app``.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.clock import Clock
from service.errors import TooMany
from service.web import problem

WINDOW = 60
"""Seconds."""
PER_CALLER = 18_000
PER_ADDRESS = 36_000
"""A whole newsroom may sit behind one address, and a proxy makes it the address of everyone."""


@dataclass(frozen=True)
class Allowance:
    """What is left of a minute."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the count begins anew."""
    exceeded: bool


class RateLimit:
    """Counts requests below ``/api/``; answers 429 beyond the limit, and tells what is left in ``RateLimit-*``."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, per_caller: int = PER_CALLER, per_address: int = PER_ADDRESS
    ) -> None:
        self._app = app
        self._clock = clock
        self._per_caller, self._per_address = per_caller, per_address
        self._window = -1
        self._counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, then answer or pass on."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        allowance = self._count(scope)

        async def send_with_allowance(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(allowance.limit)
                headers["RateLimit-Remaining"] = str(allowance.remaining)
                headers["RateLimit-Reset"] = str(allowance.reset)
            await send(message)

        if not allowance.exceeded:
            await self._app(scope, receive, send_with_allowance)
            return
        detail = f"One caller may send {allowance.limit:,} requests a minute. Wait {allowance.reset} seconds."
        refusal = problem(TooMany.status, TooMany.code, TooMany.title, detail, [], {})
        refusal.headers["Retry-After"] = str(allowance.reset)
        await refusal(scope, receive, send_with_allowance)

    def _count(self, scope: Scope) -> Allowance:
        window, elapsed = divmod(int(self._clock().timestamp()), WINDOW)
        if window != self._window:  # the counts of a minute go with it, so memory holds one minute's callers
            self._window = window
            self._counts.clear()
        limits = {f"address {(scope.get('client') or ('unknown',))[0]}": self._per_address}
        headers = Headers(scope=scope)
        secret = headers.get("authorization") or headers.get("cookie")
        if secret:
            limits[hashlib.sha256(secret.encode()).hexdigest()] = self._per_caller
        self._counts.update(limits.keys())
        key = min(limits, key=lambda key: limits[key] - self._counts[key])
        left = limits[key] - self._counts[key]
        return Allowance(limits[key], max(left, 0), WINDOW - elapsed, left < 0)
