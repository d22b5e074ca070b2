"""Only asking, as a runner for ``benchmarks.ingest``: the floor under whatever fetches through httpx.

For each line on standard input every address is asked once over the service's own guarded client, as many at once as
the service asks, with the validator of the time before. Bodies are read and thrown away: nothing is unpacked, parsed,
compared, paced or stored. Arguments: a folder, which it leaves alone, and the addresses' file.
"""

import asyncio
import json
import sys
import time
from ipaddress import ip_network
from pathlib import Path

import httpx

from service.fetching.guard import guarded_transport
from service.opening import spare_collector
from service.settings import Settings


async def work(addresses: list[str]) -> None:
    """Ask all addresses for each pair of lines that comes; the second of a pair is for what others leave over."""
    tags: dict[str, str] = {}
    places = asyncio.Semaphore(Settings().fetch_concurrency)

    async def ask(client: httpx.AsyncClient, address: str) -> None:
        headers = {"accept-encoding": "gzip", "connection": "close"}
        if address in tags:
            headers["if-none-match"] = tags[address]
        async with places, client.stream("GET", address, headers=headers) as response:
            async for _ in response.aiter_raw():
                pass
            tags[address] = response.headers.get("etag", "")

    transport = guarded_transport((ip_network("127.0.0.0/8"),))
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=60) as client:
        spare_collector()
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for address in addresses:
                    group.create_task(ask(client, address))
            print(json.dumps({"seconds": time.perf_counter() - began, "stored": 0}), flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[2]).read_text(encoding="ascii").split()))
