"""What a connection may do before its request begins, and answers that need no more than its head.

The server bounds neither how long a client may hold a connection before it has asked nor how much it may send; so its
protocol is taken with a clock and a count on top. A request whose head is not there in time is answered 408, one whose
head is too long 431, and the connection ends. Bodies are bounded by ``arriving`` (time) and ``web`` (size).

Whoever is refused while still sending can read why. A socket that is closed while bytes come makes the kernel send a
reset, which takes the answer with it; so such a connection is closed in two steps (RFC 9112 §9.6).

An application that has an answer ready (``Ready``; ``front`` is one) is asked for it here: the server would otherwise
make a task of each request, and check and copy each header again, which costs three times what is left. Given to the
server by ``commands/running``.
"""

import asyncio
from typing import Any, Protocol, cast, runtime_checkable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.headers import Scope

HEAD_SECONDS = 15.0
"""From the connection, or from a request's first byte, until its head is complete."""
HEAD_BYTES = 32_768
LINGER_SECONDS, LINGER_BYTES = 5.0, 8 * 2**20
"""How long, and how much, a client may go on sending after it was told that nobody reads it."""


@runtime_checkable
class Ready(Protocol):
    """An application that can tell some of its answers at once."""

    def at_once(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """The head, without the line that ends it, and the body; None if the request has to go the whole way."""


class _Unfinished(asyncio.Transport):
    """The connection as an answer sees it that is given before its request has come whole."""

    def __init__(self, protocol: "BoundedProtocol") -> None:
        super().__init__()
        self._protocol, self.write = protocol, protocol.transport.write  # type: ignore[method-assign]  # as it is

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        """Close it so that the client can read the answer."""
        self._protocol.part()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's own HTTP protocol, impatient with heads that are slow or long, and quick with what is ready."""

    head_seconds = HEAD_SECONDS
    linger_seconds = LINGER_SECONDS
    _late: asyncio.TimerHandle | None = None
    _reading_head = True
    _complete = False
    """Whether all of the request is here that was begun last."""
    _head_bytes = 0
    _unheard: int | None = None
    """How many bytes more may come that nobody reads; None while we listen."""
    _ready: Ready | None = None
    _idle_since: float | None = None
    """Since when the connection waits for its next request, by the loop's clock."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._ready = self.app if isinstance(self.app, Ready) else None
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes of a head, and begin to wait for the rest of a request that did not come whole."""
        if self._unheard is not None:
            self._hear_out(len(data))
            return
        self._head_bytes = self._head_bytes + len(data) if self._reading_head else len(data)
        super().data_received(data)
        if self._complete or self._unheard is not None or self.transport.is_closing():
            return
        if not self._reading_head:
            self._wait_for_body()
        elif self._head_bytes > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._late is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._reading_head, self._complete = True, False

    def on_headers_complete(self) -> None:
        """Let the request begin, unless its head is too long."""
        self._stop_waiting()
        self._reading_head = False
        # What came is counted by pieces, and a piece may hold more than one head, or a body.
        if self._head_bytes > HEAD_BYTES and self._size_of_head() > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Nothing more of this request is to come."""
        self._complete = True
        if self._late is not None and self._unheard is None:
            self._stop_waiting()
        super().on_message_complete()

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer at once what is ready; for all else make a task, as uvicorn does.

        Not while other requests wait behind this one, which would then be answered from within each other, nor while
        the client is slow to read: the task waits for that.
        """
        if self._ready is not None and app is self._ready and not self.pipeline and not self.flow.write_paused:
            answer = self._ready.at_once(cast(Scope, cycle.scope))
            if answer is not None:
                self._answer(cycle, *answer)
                return
        super()._start_asgi_task(cycle, app)

    def _answer(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        cycle.response_started = cycle.response_complete = True
        lines = [head, *(b"%b: %b\r\n" % header for header in cycle.default_headers)]
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        self.transport.write(b"".join(lines))
        if body:
            self.transport.write(body)
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Begin the request that waits behind this one, or wait for one: by a single timer for the whole connection.

        uvicorn sets a timer anew for each request, which costs as much as all that we do for a ready answer.
        """
        self.server_state.total_requests += 1
        if self._unheard is not None or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_for_next(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _wait_for_next(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """End the connection if it has waited long enough by now."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the end of the answer that is under way begins a new wait
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait_for_next(left)
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_head(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._refuse, b"408 Request Timeout")

    def _wait_for_body(self) -> None:
        # The application limits how long it waits; where it has answered already, nobody does but we.
        if not isinstance(self.cycle.transport, _Unfinished):
            self.cycle.transport = _Unfinished(self)
        if self.cycle.response_complete and self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self.part)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if self._unheard is None and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.part()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request; whatever else comes is part of it."""
        self._complete = False
        self._refuse(b"400 Bad Request")

    def part(self) -> None:
        """Close the connection; where the client is still sending, say first that we are done, and hear it out."""
        self._stop_waiting()
        if self._complete or not self.transport.can_write_eof():
            self.transport.close()
        elif self._unheard is None and not self.transport.is_closing():
            self._unheard = LINGER_BYTES
            self._late = self.loop.call_later(self.linger_seconds, self.transport.abort)
            self.transport.resume_reading()
            self.transport.write_eof()

    def _hear_out(self, size: int) -> None:
        self._unheard = (self._unheard or 0) - size
        if self._unheard < 0:
            self.transport.abort()

    def shutdown(self) -> None:
        """Let nobody who is only heard out keep the process from stopping."""
        if self._unheard is not None:
            self.transport.abort()
        else:
            super().shutdown()
