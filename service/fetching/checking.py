"""A dry run: ask feeds as the fetcher would, read what comes, and store nothing.

Needs no database, so it keeps the one-request-per-host rule by itself and takes no turns from running rounds.
Called by the command line (``huoban feeds check``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.errors import FieldError, NotFound
from service.fetching.asking import host_gap, read_feed
from service.fetching.catalogue import new_feed
from service.fetching.options import Catalogue, FeedSpec
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.vocabulary import feed_host, nearest
from service.runtime import Runtime


@dataclass(frozen=True)
class Checked:
    """How one feed answered."""

    feed: str
    outcome: Outcome
    status: int | None
    items: int
    newest: datetime | None
    detail: str | None


def chosen(catalogue: Catalogue, names: Sequence[str]) -> list[FeedSpec]:
    """The feeds of a catalogue that are named by id; a URL stands for itself; no name means every enabled one.

    Raises:
        NotFound: a name is neither.
    """
    if not names:
        return [spec for spec in catalogue.specs if spec.enabled]
    by_id = {spec.id: spec for spec in catalogue.specs}
    found = []
    for name in names:
        if "://" in name:
            found.append(by_id.get(name) or FeedSpec(id=name, name=name, url=name))
        elif name in by_id:
            found.append(by_id[name])
        else:
            near = nearest(name, by_id)
            raise NotFound(f"feeds.yaml has no feed {name!r}.", errors=[FieldError("feed", "unknown id", near)])
    return found


async def check_feeds(runtime: Runtime, parsers: ParserPool, specs: Sequence[FeedSpec]) -> list[Checked]:
    """Ask each feed once, hosts side by side and one host's feeds one after the other; answers in the given order."""
    by_host: dict[str, list[FeedSpec]] = defaultdict(list)
    for spec in specs:
        by_host[feed_host(spec.url)].append(spec)
    slots = asyncio.Semaphore(runtime.settings.fetch_concurrency)
    answers: dict[str, Checked] = {}

    async def one_host(host_specs: list[FeedSpec]) -> None:
        for place, spec in enumerate(host_specs):
            if place:
                await asyncio.sleep(host_gap(runtime, spec.options))
            async with slots:
                answers[spec.id] = await _check(runtime, parsers, spec)

    async with asyncio.TaskGroup() as group:
        for host_specs in by_host.values():
            group.create_task(one_host(host_specs))
    return [answers[spec.id] for spec in specs]


async def _check(runtime: Runtime, parsers: ParserPool, spec: FeedSpec) -> Checked:
    now = runtime.clock()
    answer = await read_feed(runtime, parsers, new_feed(spec, origin="file", now=now), spec.options, now=now)
    parsed = answer.parsed
    return Checked(
        feed=spec.id,
        outcome=answer.outcome,
        status=answer.download.status,
        items=len(parsed.entries) if parsed else 0,
        newest=parsed.newest if parsed else None,
        detail=answer.detail,
    )
