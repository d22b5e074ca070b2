"""The processes that parse: killed when they must be, replaced, and gone when nobody needs them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.fetching.document import ParsedFeed, ParseJob, Unreadable
from service.fetching.outcomes import Outcome
from service.fetching.parsers import ParserPool
from service.fetching.unseen import parse_unseen

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GOOD = b"<rss><channel><title>t</title><item><title>T</title><link>https://e.org/1</link></item></channel></rss>"
# Small pieces that pass the checks before the parser and meet inside it.
STALLING = (
    b"<rss><channel><item><title>T</title><author>"
    + (b"a." * 140 + b"<b/>") * 300
    + b"</author></item></channel></rss>"
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_job(body: bytes = GOOD) -> ParseJob:
    return ParseJob(body, "https://e.org/feed", NOW)


def children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return [process for process in map(int, listed.split()) if is_parser(process)]


def is_parser(process: int) -> bool:
    try:  # other tests of this session may have started a database server
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # gone since it was listed
        return False
    return not command or b"fetching.parsers" in command  # one that has died and was not waited for yet has none


def environment_of(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the kernel tells us of no event here
            await asyncio.sleep(0.01)


async def test_pool_reads_what_the_parser_reads() -> None:
    async with ParserPool(workers=2) as pool:
        parsed = await asyncio.gather(*(pool.parse(a_job()) for _ in range(10)))
        assert len(children()) == 2
        big = await pool.parse(a_job(GOOD.replace(b"T", b"T" * 3_000_000)))
    assert set(parsed) == {parse_unseen(a_job())}
    assert isinstance(big, ParsedFeed)
    assert children() == []


async def test_each_answer_says_how_long_its_document_took() -> None:
    async with ParserPool(workers=1, deadline=0.5) as pool:
        for body in (GOOD, b"no feed"):
            assert 0 < (await pool.parse(a_job(body))).seconds < 0.5
        assert (await pool.parse(a_job(STALLING))).seconds == 0.5


async def test_unused_pool_starts_no_process() -> None:
    async with ParserPool(workers=2):
        assert children() == []


async def test_document_that_stalls_the_parser_costs_one_bad_feed() -> None:
    async with ParserPool(workers=2, deadline=0.7) as pool:
        answers = await asyncio.gather(pool.parse(a_job(STALLING)), *(pool.parse(a_job()) for _ in range(5)))
        after = await asyncio.gather(pool.parse(a_job()), pool.parse(a_job()))
    assert answers[0] == Unreadable(Outcome.BAD_FEED, "took longer than 0.7 s to parse")
    assert all(isinstance(answer, ParsedFeed) for answer in [*answers[1:], *after])
    assert children() == []


async def test_worker_that_dies_is_replaced() -> None:
    async with ParserPool(workers=1) as pool:
        await pool.parse(a_job())
        (worker,) = children()
        stalled = asyncio.create_task(pool.parse(a_job(STALLING)))
        await asyncio.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        assert await stalled == Unreadable(Outcome.BAD_FEED, "the parser process died of it")
        assert isinstance(await pool.parse(a_job()), ParsedFeed)
        assert children() != [worker]


async def test_worker_that_died_at_rest_costs_nothing() -> None:
    async with ParserPool(workers=1) as pool:
        await pool.parse(a_job())
        (worker,) = children()
        os.kill(worker, signal.SIGKILL)
        await until(lambda: children() == [])
        assert isinstance(await pool.parse(a_job()), ParsedFeed)


async def test_cancelled_job_leaves_the_pool_in_order() -> None:
    async with ParserPool(workers=1) as pool:
        await pool.parse(a_job())
        stalled = asyncio.create_task(pool.parse(a_job(STALLING)))
        await asyncio.sleep(0.1)
        stalled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stalled
        assert isinstance(await pool.parse(a_job()), ParsedFeed)


async def test_job_that_is_cancelled_while_its_worker_starts_leaves_nothing_behind() -> None:
    async with ParserPool(workers=1) as pool:
        for delay in (0.0, 0.005, 0.05):
            job = asyncio.create_task(pool.parse(a_job()))
            await asyncio.sleep(delay)
            job.cancel()
            await asyncio.wait([job])
        assert isinstance(await pool.parse(a_job()), ParsedFeed)
    assert children() == []


async def test_document_that_needs_too_much_memory_is_a_bad_feed() -> None:
    async with ParserPool(workers=1, memory=160 * 2**20) as pool:
        answer = await pool.parse(a_job(GOOD.replace(b"T<", b"<b/>" * 5_000_000 + b"<")))
        assert isinstance(await pool.parse(a_job()), ParsedFeed)
    assert isinstance(answer, Unreadable)
    assert answer.outcome is Outcome.BAD_FEED


async def test_resting_workers_end_after_a_while() -> None:
    async with ParserPool(workers=2, idle=0.1) as pool:
        await asyncio.gather(pool.parse(a_job()), pool.parse(a_job()))
        await until(lambda: children() == [])
        assert isinstance(await pool.parse(a_job()), ParsedFeed)


async def test_no_descriptor_is_lost() -> None:
    before = open_files()
    for _ in range(3):
        async with ParserPool(workers=1, deadline=0.3) as pool:
            await pool.parse(a_job())
            await pool.parse(a_job(STALLING))
            await pool.parse(a_job())
    await until(lambda: open_files() <= before)


async def test_worker_sees_nothing_of_the_services_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOBAN_SECRET_KEY", "do-not-tell")
    async with ParserPool(workers=1) as pool:
        await pool.parse(a_job())
        (worker,) = children()
        assert b"do-not-tell" not in environment_of(worker)


async def test_the_parents_side_needs_no_feed_parser() -> None:
    program = "import sys, service.fetching.parsers; sys.exit('feedparser' in sys.modules)"
    root = Path(__file__).parents[2]
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], cwd=root, check=False)
    assert done.returncode == 0
