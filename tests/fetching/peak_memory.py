"""Run in a process of its own by ``test_download_hostile``: how far hostile answers push the peak of memory.

Prints one line per case and exits 1 if any of them goes 40 MB above what a harmless fetch needs.
"""

import asyncio
import resource
import sys
import zlib
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from service.fetching.download import FeedRequest, download
from service.fetching.guard import guarded_transport
from service.fetching.outcomes import Outcome
from tests.feed_server import Answer, FeedServer

MEGABYTE = 1_000_000
LIMIT = 40 * MEGABYTE
MAX_BYTES = 10 * MEGABYTE
"""Twice the default of a feed."""
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def zeros(window: int) -> bytes:
    """200 MB of zeros, packed to about 200 kB without holding them."""
    packer = zlib.compressobj(9, wbits=window)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(200)) + packer.flush()


def cases() -> dict[str, tuple[Answer, Outcome]]:
    """Path → what is answered there, and what must come of it."""
    packed = {"Content-Encoding": "gzip"}
    head = b"HTTP/1.1 200 OK\r\n"
    return {
        "/gzip": (Answer(body=zeros(31), headers=packed), Outcome.TOO_LARGE),
        "/unannounced": (Answer(body=zeros(31)), Outcome.TOO_LARGE),
        "/deflate": (Answer(body=zeros(-15), headers={"Content-Encoding": "deflate"}), Outcome.TOO_LARGE),
        "/plain": (Answer(length="none", endless=bytes(65_536)), Outcome.TOO_LARGE),
        "/line": (Answer(raw=head + b"X-A: ", endless=b"a" * 65_536), Outcome.TOO_LARGE),
        "/lines": (Answer(raw=head, endless=b"X-A: bcd\r\n" * 6000), Outcome.HTTP_ERROR),
        "/drip": (Answer(length="none", endless=b" ", drip=1, pause=0.001), Outcome.TIMEOUT),
        "/whole": (Answer(body=b"x" * MAX_BYTES), Outcome.OK),
    }


def peak() -> int:
    """The highest resident size so far, in bytes (Linux counts in kibibytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def main() -> int:
    """Measure each case on top of the peak that everything before it has left."""
    worst = 0
    prepared = cases()
    async with FeedServer() as server:
        transport = guarded_transport((IPv4Network("127.0.0.0/8"),))
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            server.on("/idle", body=b"<rss/>")
            await download(client, FeedRequest(server.url("/idle"), "test"), now=NOW)
            idle = peak()
            for path, (answer, outcome) in prepared.items():
                server.on(path, answer)
                request = FeedRequest(server.url(path), "test", max_bytes=MAX_BYTES, deadline=1.0)
                got = await download(client, request, now=NOW)
                worst = max(worst, peak() - idle)
                above = (peak() - idle) / MEGABYTE
                print(f"{path}: {got.outcome} in {got.seconds:.2f} s, peak +{above:.1f} MB")
                if got.outcome is not outcome:
                    return 1
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
