"""A WebSub hub on loopback: takes subscriptions, verifies them at the callback, and pushes what a test tells it to.

    async with HubServer(app_base) as hub:
        ... a feed names hub.address and a topic ...
        await hub.verify(hub.asked[0])                      # the hub's GET with its challenge
        await hub.push(hub.asked[0], body=FEED)             # signed with the secret that it was given

Callbacks stand under the newsroom's public name; ``reach`` is where that name really leads in the test. Built on
``FeedServer``, so every request is kept. Used by tests only.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.feed_server import Answer, FeedServer, Request


@dataclass(frozen=True)
class Asked:
    """One request that the hub took."""

    mode: str
    topic: str
    callback: str
    secret: str | None
    lease_seconds: str | None
    form: Mapping[str, str]


class HubServer(FeedServer):
    """The hub; ``verifies`` says whether it verifies at once, before it answers the request."""

    def __init__(self, reach: str, *, verifies: bool = False, status: int = 202) -> None:
        super().__init__()
        self.reach = reach
        self.verifies = verifies
        self.status = status
        self.asked: list[Asked] = []
        self.verified: list[int] = []
        self.on("/hub", self._take)

    @property
    def address(self) -> str:
        """The hub's URL."""
        return self.url("/hub")

    async def _take(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        asked = Asked(
            mode=form["hub.mode"],
            topic=form["hub.topic"],
            callback=form["hub.callback"],
            secret=form.get("hub.secret"),
            lease_seconds=form.get("hub.lease_seconds"),
            form=form,
        )
        self.asked.append(asked)
        if self.verifies:
            self.verified.append((await self.verify(asked)).status_code)
        return Answer(status=self.status)

    def _callback(self, asked: Asked) -> str:
        return f"{self.reach}{urlsplit(asked.callback).path}"

    async def verify(self, asked: Asked, **changes: str) -> httpx.Response:
        """Ask the subscriber whether it meant this; ``changes`` replace parameters (``mode="denied"``)."""
        parameters = {
            "mode": asked.mode,
            "topic": asked.topic,
            "challenge": "a-random-challenge",
            "lease_seconds": asked.lease_seconds or "",
            **changes,
        }
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.get(self._callback(asked), params={f"hub.{k}": v for k, v in parameters.items()})

    async def push(self, asked: Asked, *, body: bytes, method: str = "sha256", **more: Any) -> httpx.Response:
        """Deliver a document, signed with the subscription's secret unless ``signature`` says otherwise."""
        digest = hmac.new((asked.secret or "").encode(), body, getattr(hashlib, method)).hexdigest()
        signature = more.get("signature", f"{method}={digest}")
        headers = {"Content-Type": "application/rss+xml"}
        if signature is not None:
            headers["X-Hub-Signature"] = signature
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.post(more.get("to", self._callback(asked)), content=body, headers=headers)
