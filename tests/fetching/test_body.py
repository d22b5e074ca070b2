"""Taking bodies apart: every coding we read, in any slicing, within the limit."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.body import BadEncoding, Body, TooLarge

LIMIT = 100_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def unpacked(header: str | None, data: bytes, step: int = 7, limit: int = LIMIT) -> Body:
    body = Body(header, limit)
    for start in range(0, len(data), step):
        body.feed(data[start : start + step])
    return body


@given(st.binary(max_size=2000), st.integers(1, 300))
def test_each_coding_gives_the_same_bytes_in_any_slicing(data: bytes, step: int) -> None:
    data = b"<" + data  # a feed never begins like a gzip file
    for header, packed in (
        (None, data),
        ("identity", data),
        ("gzip", gzip.compress(data, mtime=0)),
        ("X-GZIP", gzip.compress(data, mtime=0)),
        (None, gzip.compress(data, mtime=0)),
        ("deflate", zlib.compress(data)),
        ("deflate", raw_deflate(data)),
        ("gzip", gzip.compress(data[:9]) + gzip.compress(data[9:]) + b"\0\0\0"),
    ):
        body = unpacked(header, packed, step)
        assert body.finish() == data
        assert body.received == len(packed)
        assert not body.cut_off


@given(st.sampled_from([None, "gzip", "deflate"]), st.binary(max_size=300), st.booleans())
def test_garbage_gives_bytes_or_one_of_two_errors(header: str | None, data: bytes, magic: bool) -> None:
    try:
        unpacked(header, b"\x1f\x8b\x08\0" + data if magic else data).finish()
    except (BadEncoding, TooLarge):
        return


@pytest.mark.parametrize("header", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "deflate,gzip", "x-"])
def test_other_and_nested_codings_are_refused_at_once(header: str) -> None:
    with pytest.raises(BadEncoding):
        Body(header, LIMIT)


@pytest.mark.parametrize("header", [None, "gzip", "deflate"])
def test_body_packed_twice_is_refused(header: str | None) -> None:
    inner = gzip.compress(b"<rss/>")
    packed = zlib.compress(inner) if header == "deflate" else gzip.compress(inner, mtime=0)
    with pytest.raises(BadEncoding):
        unpacked(header, packed).finish()


def test_plain_text_announced_as_gzip_is_refused() -> None:
    with pytest.raises(BadEncoding):
        unpacked("gzip", b"<rss/>")


def test_damaged_gzip_is_refused() -> None:
    packed = bytearray(gzip.compress(b"<rss/>" * 100))
    packed[-5] ^= 0xFF
    with pytest.raises(BadEncoding):
        unpacked("gzip", bytes(packed))


def test_gzip_that_stops_early_gives_what_came_through() -> None:
    data = bytes(range(256)) * 40
    body = unpacked("gzip", gzip.compress(data, mtime=0)[:-20])
    got = body.finish()
    assert body.cut_off
    assert data.startswith(got)
    assert got


def test_thousands_of_tiny_members_are_refused() -> None:
    with pytest.raises(BadEncoding):
        unpacked("gzip", gzip.compress(b"") * 17)


@pytest.mark.parametrize("size", [0, 1, 2, LIMIT])
def test_body_up_to_the_limit_is_taken(size: int) -> None:
    for header, packed in ((None, b"x" * size), ("gzip", gzip.compress(b"x" * size))):
        assert len(unpacked(header, packed, 4096).finish()) == size


def test_one_byte_over_the_limit_is_too_large_plain_and_packed() -> None:
    for header, packed in ((None, b"x" * (LIMIT + 1)), ("gzip", gzip.compress(b"x" * (LIMIT + 1)))):
        with pytest.raises(TooLarge):
            unpacked(header, packed, 4096)


def test_packed_bytes_that_unpack_to_nothing_count_as_well() -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * (LIMIT // 5)
    with pytest.raises(TooLarge):
        unpacked("deflate", empty_blocks + b"\x00", 4096)
