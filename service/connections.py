"""How long and how much a client may send before its request begins: against those who only hold a connection.

The server bounds neither; so its protocol is taken with a clock and a count on top. A request whose head is not
there in time is answered 408, one whose head is too long 431, and the connection ends. Bodies are bounded by
``arriving`` (time) and ``web`` (size). Given to the server by ``commands/running``.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
"""From the connection, or from a request's first byte, until its head is complete."""
HEAD_BYTES = 32_768


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's own HTTP protocol, impatient with heads that are slow or long."""

    head_seconds = HEAD_SECONDS
    _late: asyncio.TimerHandle | None = None
    _reading_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes of a head, before and after the parser has seen it."""
        if not self._reading_head:
            self._head_bytes = 0
        super().data_received(data)
        if self._reading_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin to wait for the head whose first bytes are here."""
        super().on_message_begin()
        self._reading_head = True
        if self._late is None:
            self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one line of the head while the whole is short enough."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes <= HEAD_BYTES:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request begin, unless its head came in one piece that is too long."""
        self._stop_waiting()
        self._reading_head = False
        if self._head_bytes > HEAD_BYTES or len(self.url) > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        self._head_bytes = 0
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._refuse, b"408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
