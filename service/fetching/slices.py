"""A feed document cut at the ends of its items, so that unchanged documents and known items cost no parse.

Pure bytes: nothing is decoded, and joining all pieces gives the document back. Where a cut might fall in the
wrong place (a comment or CDATA section that mentions ``</item>``, nested items, UTF-16) there is no cut at
all and the whole document must be parsed. Called by ``unseen`` for what is known already, by ``asking`` and
``health`` for what a feed's row remembers, and by ``defuse`` to bound the number of items.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

_OPENING = re.compile(rb"<(item|entry)(?=[\s>/])")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_BYTEWISE = (b"\0", b"\x1b")
"""In UTF-16 and in ISO 2022, "<" may be half a letter. Looked for one by one: ten times as fast as by an expression."""
_BETWEEN = re.compile(rb"\s*")


@dataclass(frozen=True)
class Slices:
    """The pieces of one document, in order."""

    head: bytes
    items: tuple[bytes, ...]
    """Each from its opening tag to its closing tag, with the white space after it."""
    tail: bytes

    @property
    def hashes(self) -> tuple[str, ...]:
        """One per item: 32 hexadecimal digits of its bytes, less the white space around them."""
        return tuple(hashlib.blake2b(item.strip(), digest_size=16).hexdigest() for item in self.items)

    def keeping(self, hashes: Collection[str]) -> bytes:
        """The document with only those items whose hash is given."""
        kept = (item for item, digest in zip(self.items, self.hashes, strict=True) if digest in hashes)
        return self.head + b"".join(kept) + self.tail

    def first(self, count: int) -> bytes:
        """The document with only its first ``count`` items."""
        return self.head + b"".join(self.items[:count]) + self.tail


def body_hash(body: bytes) -> str:
    """64 hexadecimal digits that stay the same while the items do, whatever the feed's own date says.

    Counted from the first item on; of the whole body where no item is found.
    """
    first = _OPENING.search(body)
    return hashlib.sha256(body[first.start() :] if first else body).hexdigest()


def remember(hashes: Sequence[str], dates: Sequence[datetime | None]) -> list[str]:
    """Items as a feed's row keeps them: the hash, and the date in seconds since 1970 where there is one."""
    pairs = zip(hashes, dates, strict=True)
    return [f"{digest}@{int(at.timestamp())}" if at else digest for digest, at in pairs]


def recall(kept: Sequence[str]) -> dict[str, datetime | None]:
    """The inverse of ``remember``."""
    parts = (item.partition("@") for item in kept)
    return {digest: datetime.fromtimestamp(int(at), UTC) if at else None for digest, _, at in parts}


def cut_items(body: bytes) -> Slices | None:
    """The document cut into items, or None where that is not safe to do without parsing it."""
    first = _OPENING.search(body)
    if first is None or body.startswith(_UTF_16) or any(sign in body for sign in _NOT_BYTEWISE):
        return None
    name = first[1]
    opening, closing = re.compile(rb"<" + name + rb"(?=[\s>/])"), re.compile(rb"</" + name + rb"\s*>")
    starts = [found.start() for found in opening.finditer(body)]
    ends = [found.end() for found in closing.finditer(body)]
    # Strict alternation of opening and closing tags also rules out items in items and items cut off.
    if len(starts) != len(ends) or any(end <= start for start, end in zip(starts, ends, strict=True)):
        return None
    if any(following < end for end, following in zip(ends, starts[1:], strict=False)):
        return None
    edges = [*starts, _skip_blanks(body, ends[-1])]
    items = tuple(body[start:end] for start, end in pairwise(edges))
    if any(_BETWEEN.fullmatch(body, end, edge) is None for end, edge in zip(ends, edges[1:], strict=True)):
        return None
    pieces = Slices(body[: starts[0]], items, body[edges[-1] :])
    return pieces if all(map(_closed, (pieces.head, *items))) and b"<![CDATA[" not in pieces.tail else None


def _skip_blanks(body: bytes, position: int) -> int:
    found = _BETWEEN.match(body, position)
    return found.end() if found else position


def _closed(piece: bytes) -> bool:
    """Whether no comment or CDATA section runs across the piece's edges."""
    return piece.count(b"<!--") == piece.count(b"-->") and piece.count(b"<![CDATA[") == piece.count(b"]]>")
