"""Worker processes that parse feed documents and can be killed while they do.

A document that a publisher made to stall or crash a parser costs one ``bad_feed``: its worker is killed at the
deadline and the next job gets a fresh one. Workers start with the first job, end after a quiet minute, and see
neither the environment nor the sockets of the service. Used by ``asking`` and ``pushes``; the doors open the pool
once. What a document means is ``parse``'s business, and what of it needs parsing ``unseen``'s.

The talk on the pipes is length and pickle, one answer for one job. The parent unpickles what its own child
wrote; documents themselves are bytes inside a job and never unpickled.
"""

import asyncio
import os
import pickle
import resource
import signal
import struct
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from service.errors import SetupError
from service.fetching.document import Parsed, ParseJob, Unreadable
from service.fetching.outcomes import Outcome

_LENGTH = struct.Struct(">Q")
_READY = b"+"
_START_SECONDS = 60.0
_ROOT = str(Path(__file__).resolve().parents[2])
# -c and not -m: the worker imports this module by its name, so both sides pickle the same classes.
_PROGRAM = "from service.fetching.parsers import work; work()"


class ParserPool:
    """Parses on as many processes as it was given; at most one document per process at a time.

    ``async with ParserPool(workers=2) as pool: parsed = await pool.parse(job)``
    """

    def __init__(self, workers: int, *, deadline: float = 10.0, idle: float = 60.0, memory: int = 512 * 2**20) -> None:
        """
        Args:
            workers: processes at the most.
            deadline: seconds that one document may take.
            idle: seconds after which a process without work ends.
            memory: bytes of address space that a process may have.
        """
        self._deadline = deadline
        self._idle = idle
        self._memory = memory
        self._places = asyncio.Semaphore(workers)
        self._resting: list[_Worker] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all resting workers and wait until every process that was ended or killed is gone."""
        while self._resting:
            self._end(self._resting.pop())
        while self._ending:
            await asyncio.wait(self._ending)

    async def parse(self, job: ParseJob) -> Parsed:
        """Read one document, as ``parse.parse_document`` does, within the deadline.

        Raises:
            SetupError: no worker process can be started at all.
        """
        async with self._places:
            worker = self._resting.pop() if self._resting else None
            if worker is not None and not worker.rouse():
                self._end(worker)
                worker = None
            worker = worker or await self._started()
            answer: Parsed | None = None
            try:
                answer = await self._asked(worker, job)
                return answer
            finally:  # also when the caller was cancelled: then nobody reads the answer, so the worker goes
                if answer is None or worker.process.returncode is not None or not worker.fit:
                    self._end(worker)
                else:
                    self._rest(worker)

    async def _asked(self, worker: "_Worker", job: ParseJob) -> Parsed:
        try:
            async with asyncio.timeout(self._deadline):
                return await worker.ask(job)
        except TimeoutError:
            worker.fit = False
            return Unreadable(Outcome.BAD_FEED, f"took longer than {self._deadline:g} s to parse", self._deadline)
        except (asyncio.IncompleteReadError, ConnectionError):
            worker.fit = False
            return Unreadable(Outcome.BAD_FEED, "the parser process died of it")

    async def _started(self) -> "_Worker":
        worker = await _Worker.start(self._memory, self._deadline)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker.ready()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            self._end(worker)
            raise SetupError("Feed parser processes do not start; the reason is on standard error.") from error
        except BaseException:
            self._end(worker)
            raise
        return worker

    def _rest(self, worker: "_Worker") -> None:
        self._resting.append(worker)
        worker.alarm = asyncio.get_running_loop().call_later(self._idle, self._dismiss, worker)

    def _dismiss(self, worker: "_Worker") -> None:
        if worker in self._resting:
            self._resting.remove(worker)
            self._end(worker)

    def _end(self, worker: "_Worker") -> None:
        """Kill now, bury in the background: callers may be on their way out and must not wait."""
        worker.kill()
        task = asyncio.get_running_loop().create_task(worker.buried())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Worker:
    """The parent's end of one process."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for as a pipe
        assert process.stdout is not None  # noqa: S101 - asked for as a pipe
        self.process = process
        self.fit = True
        self.alarm: asyncio.TimerHandle | None = None
        self._in = process.stdin
        self._out = process.stdout

    @classmethod
    async def start(cls, memory: int, deadline: float) -> Self:
        """A process that is about to say that it is ready. Nothing of the service's environment goes along."""
        seconds = int(deadline) + 5
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _PROGRAM, str(memory), str(seconds), stdin=PIPE, stdout=PIPE,
                env={"PYTHONPATH": os.pathsep.join([_ROOT, *filter(None, sys.path)]), "PYTHONDONTWRITEBYTECODE": "1"},
            )
        )  # fmt: skip

    async def ready(self) -> None:
        await self._out.readexactly(len(_READY))

    async def ask(self, job: ParseJob) -> Parsed:
        request = pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)
        self._in.write(_LENGTH.pack(len(request)))
        self._in.write(request)
        await self._in.drain()
        (length,) = _LENGTH.unpack(await self._out.readexactly(_LENGTH.size))
        answer: Parsed = pickle.loads(await self._out.readexactly(length))  # noqa: S301 - written by our own child
        return answer

    def rouse(self) -> bool:
        """Take it from its rest; False if it died meanwhile."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        return self.process.returncode is None

    def kill(self) -> None:
        self.rouse()
        self._in.close()
        with suppress(ProcessLookupError):  # it was faster
            self.process.kill()

    async def buried(self) -> None:
        await self.process.wait()
        with suppress(ConnectionError):  # a pipe that broke when the process was killed is closed as well
            await self._in.wait_closed()


def work() -> None:
    """What a worker process does: answer jobs from standard input until it is closed.

    Arguments on the command line: bytes of address space, and seconds after which the kernel ends the process
    should nobody else have done so (the service may have been killed while a document stalled this one).
    """
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then closes our input
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from service.fetching.unseen import parse_unseen  # only here: the parent never needs the feed parser

    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(_READY)
    answers.flush()
    while (job := _next_job(jobs)) is not None:
        signal.alarm(seconds)
        began = time.perf_counter()
        try:
            parsed: Parsed = parse_unseen(job)
        except MemoryError:
            parsed = Unreadable(Outcome.BAD_FEED, f"needs more than {memory // 2**20} MB to parse")
        signal.alarm(0)
        parsed = replace(parsed, seconds=time.perf_counter() - began)
        answer = pickle.dumps(parsed, protocol=pickle.HIGHEST_PROTOCOL)
        answers.write(_LENGTH.pack(len(answer)))
        answers.write(answer)
        answers.flush()


def _next_job(jobs: BinaryIO) -> ParseJob | None:
    prefix = jobs.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    job: ParseJob = pickle.loads(jobs.read(length))  # noqa: S301 - written by the service itself
    return job
