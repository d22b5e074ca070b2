"""The least that an ASGI application can do with our answers: what ``benchmarks.serving`` measures ours against.

Three ready answers with our very headers, chosen by two headers of the request; no routing, no freshness, no counting.
"""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["BARE_FOLDER"])
HEADERS = json.loads((FOLDER / "headers.json").read_text(encoding="utf-8"))


def _answer(status: int, kind: str, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    headers = [(name.encode(), value.encode()) for name, value in HEADERS[kind].items()]
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return start, {"type": "http.response.body", "body": body}


PLAIN = _answer(200, "200", (FOLDER / "list.json").read_bytes())
PACKED = _answer(200, "gzip", (FOLDER / "list.json.gz").read_bytes())
UNCHANGED = _answer(304, "304", b"")
ETAG = HEADERS["304"]["etag"].encode()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request for anything."""
    if scope["type"] != "http":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    chosen = PLAIN
    for name, value in scope["headers"]:
        if name == b"if-none-match" and value == ETAG:
            chosen = UNCHANGED
            break
        if name == b"accept-encoding" and b"gzip" in value:
            chosen = PACKED
    await send(chosen[0])
    await send(chosen[1])
