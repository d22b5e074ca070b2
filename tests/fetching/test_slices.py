"""A document cut at its items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetching.slices import body_hash, cut_items

HEAD = b'<?xml version="1.0"?><rss><channel><title>t</title><lastBuildDate>today</lastBuildDate>\n'
TAIL = b"</channel></rss>\n"


def an_item(text: str) -> bytes:
    return f"<item><title>{text}</title></item>\n  ".encode()


@given(st.lists(st.text("abc<>&![]CDATA-/itemntry \n中", max_size=30), max_size=6), st.binary(max_size=20))
def test_pieces_join_to_the_document(texts: list[str], noise: bytes) -> None:
    body = HEAD + b"".join(map(an_item, texts)) + noise + TAIL
    pieces = cut_items(body)
    if pieces is not None:
        assert pieces.head + b"".join(pieces.items) + pieces.tail == body
        assert pieces.keeping(pieces.hashes) == pieces.first(len(pieces.items)) == body


@given(st.binary(max_size=200))
def test_any_bytes_can_be_tried(body: bytes) -> None:
    pieces = cut_items(body)
    assert pieces is None or pieces.first(len(pieces.items)) == body
    assert len(body_hash(body)) == 64


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=8, unique=True), st.data())
def test_unseen_items_can_be_picked_out(texts: list[str], data: st.DataObject) -> None:
    pieces = cut_items(HEAD + b"".join(map(an_item, texts)) + TAIL)
    assert pieces is not None
    assert len(pieces.items) == len(set(pieces.hashes)) == len(texts)
    wanted = data.draw(st.sets(st.sampled_from(range(len(texts)))))
    kept = pieces.keeping({pieces.hashes[place] for place in wanted})
    assert kept == HEAD + b"".join(an_item(text) for place, text in enumerate(texts) if place in wanted) + TAIL


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"<item><description><![CDATA[</item>]]></description></item>" + TAIL,
        HEAD + b"<item><description><![CDATA[<item>x</item>]]></description></item>" + TAIL,
        HEAD + b"<item><!-- </item> --><title>x</title></item>" + TAIL,
        HEAD + b"<!-- <item>x</item> -->" + an_item("x") + TAIL,
        HEAD + b"<item><item></item></item>" + TAIL,
        HEAD + b"<item/>" + TAIL,
        HEAD + an_item("x") + b"<item><title>cut o",
        HEAD + an_item("x") + b"<image></image>" + an_item("y") + TAIL,
        HEAD + TAIL,
        (HEAD + an_item("x") + TAIL).decode().encode("utf-16"),
        b"\x1b$B" + HEAD + an_item("x") + TAIL,
        b'{"items": [{"content_html": "<p>x</p>"}]}',
        b"",
    ],
)
def test_document_that_cannot_be_cut_safely_stays_whole(body: bytes) -> None:
    assert cut_items(body) is None


def test_atom_and_rdf_are_cut_too() -> None:
    atom = cut_items(b"<feed><title>t</title><entry><id>1</id></entry><entry xml:lang='en'><id>2</id></entry ></feed>")
    rdf = cut_items(
        b"<rdf:RDF><channel><items><rdf:Seq/></items></channel><item rdf:about='x'><title/></item></rdf:RDF>"
    )
    assert atom is not None
    assert rdf is not None
    assert (len(atom.items), len(rdf.items)) == (2, 1)


def test_hash_of_an_item_ignores_the_space_around_it() -> None:
    one, other = (cut_items(HEAD + b"<item><title>x</title></item>" + space + TAIL) for space in (b"", b"\n\n  "))
    assert one is not None
    assert other is not None
    assert one.hashes == other.hashes


def test_body_hash_does_not_count_the_feeds_own_date() -> None:
    body = HEAD + an_item("x") + TAIL
    assert body_hash(body) == body_hash(body.replace(b"today", b"tomorrow"))
    assert body_hash(body) != body_hash(body.replace(b"x", b"y"))
    assert body_hash(b"no items 1") != body_hash(b"no items 2")
