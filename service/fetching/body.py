"""Takes a response body apart in bounded steps: what a hostile answer can cost is decided here.

Counts the bytes that arrive and the bytes they become, and stops at the limit whichever is first; what
Content-Length promised plays no part. Understands gzip and deflate, and gzip that nobody announced. Knows
neither HTTP client nor feeds. Called by ``fetching.download``.
"""

import io
import zlib
from typing import Protocol

_STEP = 65_536
"""Most bytes that one call of the decompressor may put out."""
_MAX_MEMBERS = 16
"""A gzip file may be several in a row (RFC 1952 §2.2); thousands of tiny ones only burn time."""
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15


class TooLarge(Exception):
    """More bytes than the limit, as they arrived or unpacked."""


class BadEncoding(Exception):
    """A content coding that we do not read, or one that is broken."""


class _Inflater(Protocol):
    """The part of zlib's decompressor that is used; the class itself has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class Body:
    """Collects one body: ``feed`` each chunk, then ``finish``.

    Args:
        content_encoding: the header as received; several codings, or one other than gzip and deflate,
            raise ``BadEncoding`` at once.
        limit: most bytes, both as received and unpacked.
    """

    def __init__(self, content_encoding: str | None, limit: int) -> None:
        self._declared = _coding(content_encoding)
        self._limit = limit
        self._out = io.BytesIO()
        self._head = b""
        self._inflater: _Inflater | None = None
        self._members = 0
        self._plain = False
        self._over = False
        self.received = 0
        """Bytes as they came over the network."""
        self.cut_off = False
        """After ``finish``: the packed stream stopped early; the body holds what came through."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the network.

        Raises:
            TooLarge: the limit is passed.
            BadEncoding: the bytes are not what the coding says.
        """
        self.received += len(chunk)
        if self.received > self._limit:
            raise TooLarge(f"more than {self._limit} bytes")
        data = self._head + chunk if self._head else chunk
        self._head = b""
        while data:
            if self._inflater is None and not (self._plain or self._over):
                if len(data) < 2:
                    self._head = data
                    return
                self._begin(data[:2])
            data = self._take(data)

    def finish(self) -> bytes:
        """The whole body, unpacked once.

        Raises:
            BadEncoding: what came out is packed a second time.
        """
        if self._head and not self._members:
            self._keep(self._head)
        self.cut_off = self._inflater is not None
        body = self._out.getvalue()
        if body.startswith(_GZIP_MAGIC):
            raise BadEncoding("packed more than once")
        return body

    def _begin(self, first: bytes) -> None:
        """Tell from the first two bytes what follows: at the start, and after the end of a gzip member."""
        if first == _GZIP_MAGIC:
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise BadEncoding(f"more than {_MAX_MEMBERS} gzip members")
            self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        elif self._members:
            self._over = True  # padding after the last member means nothing; gzip tools skip it too
        elif self._declared == "deflate":
            self._members = 1
            self._inflater = zlib.decompressobj(_ZLIB_WINDOW if _is_zlib(first) else _RAW_WINDOW)
        elif self._declared == "gzip":
            raise BadEncoding("announced as gzip, but it is not")
        else:
            self._plain = True

    def _take(self, data: bytes) -> bytes:
        """Use up ``data`` as far as possible; what is left belongs to another gzip member."""
        if self._over:
            return b""
        if self._inflater is None:
            self._keep(data)
            return b""
        while True:
            try:
                piece = self._inflater.decompress(data, _STEP)
            except zlib.error as error:
                raise BadEncoding("the packed stream is broken") from error
            self._keep(piece)
            if self._inflater.eof:
                rest = self._inflater.unused_data
                self._inflater = None
                return rest
            data = self._inflater.unconsumed_tail
            # A full piece may leave output inside zlib although all input is consumed.
            if not data and len(piece) < _STEP:
                return b""

    def _keep(self, piece: bytes) -> None:
        if self._out.tell() + len(piece) > self._limit:
            raise TooLarge(f"more than {self._limit} bytes when unpacked")
        self._out.write(piece)


def _coding(header: str | None) -> str:
    """The one coding announced, as ``gzip``, ``deflate`` or the empty string (RFC 9110 §8.4)."""
    names = [name for part in (header or "").split(",") if (name := part.strip().lower())]
    names = [name for name in names if name not in ("identity", "none")]
    if len(names) > 1:
        raise BadEncoding("packed more than once")
    if not names:
        return ""
    name = names[0].removeprefix("x-")
    if name not in ("gzip", "deflate"):
        raise BadEncoding("an encoding that was not asked for")
    return name


def _is_zlib(first: bytes) -> bool:
    """Whether two bytes are a zlib header (RFC 1950 §2.2); many servers send bare deflate instead."""
    return first[0] & 0x0F == 8 and int.from_bytes(first, "big") % 31 == 0
