"""Which stream an address means: one spelling, one order, near matches for the rest."""

from datetime import date, timedelta
from random import Random
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Invalid, NotFound
from service.partnerships.places import places
from service.partnerships.tiers import Tier
from service.publishing.streams import (
    Stream,
    after_week,
    every_stream,
    monday_of,
    peopled_regions,
    read_stream,
    week_of,
)

STREAMS = st.builds(
    Stream,
    country=st.none() | st.sampled_from(sorted(places())),
    region=st.none() | st.sampled_from(peopled_regions()),
    tier=st.none() | st.sampled_from([tier.value for tier in Tier]),
    language=st.none() | st.sampled_from(["ar", "en", "pt-br", "zh-hant"]),
    week=st.none() | st.sampled_from(["2026-W47", "2020-W53", "2026-W01"]),
)


def parameters(stream: Stream) -> list[tuple[str, str]]:
    found = list(stream.conditions.items())
    return [*found, ("week", stream.week)] if stream.week else found


@given(STREAMS, st.randoms(use_true_random=False))
def test_order_of_parameters_makes_no_difference(stream: Stream, random: Random) -> None:
    pairs = parameters(stream)
    random.shuffle(pairs)
    found = read_stream([("utm_source", "x"), *pairs, ("page", "")])
    assert found == stream
    assert (found.path, found.full_query) == (stream.path, stream.full_query)


@given(STREAMS)
def test_canonical_address_leads_back_to_the_same_stream(stream: Stream) -> None:
    by_path = {"countries": "country", "regions": "region", "tiers": "tier"}
    _, first, *rest = stream.path.split("/")
    pairs = [(by_path[first], rest[0])] if rest else []
    found = read_stream([*pairs, *parse_qsl(stream.full_query)])
    assert found == stream


@given(STREAMS, STREAMS)
def test_two_streams_never_share_an_address(one: Stream, other: Stream) -> None:
    same = (one.path, one.full_query) == (other.path, other.full_query)
    assert same == (one == other)


@pytest.mark.parametrize(
    ("given_pairs", "path", "query"),
    [
        ([], "/latest", ""),
        ([("country", "kenya")], "/countries/KE", ""),
        ([("country", "KEN")], "/countries/KE", ""),
        ([("tier", "All-Weather")], "/tiers/all_weather", ""),
        ([("region", "Latin America")], "/regions/latin-america", ""),
        ([("language", "pt_BR")], "/latest", "language=pt-br"),
        ([("tier", "strategic"), ("country", "X-au")], "/latest", "country=X-AU&tier=strategic"),
        ([("language", "AR"), ("region", "mena")], "/latest", "region=mena&language=ar"),
    ],
)
def test_every_spelling_has_one_address(given_pairs: list[tuple[str, str]], path: str, query: str) -> None:
    stream = read_stream(given_pairs)
    assert (stream.path, stream.full_query) == (path, query)


@pytest.mark.parametrize(
    ("name", "value", "suggested"),
    [
        ("country", "Kenyya", "KE"),
        ("tier", "all_wether", "all_weather"),
        ("region", "afrika", "africa"),
        ("language", "the Arabic one", "ar"),
        ("week", "2026-W54", "2026-W47"),
        ("week", "last", "2026-W47"),
    ],
)
def test_what_is_not_there_is_answered_with_what_was_meant(name: str, value: str, suggested: str) -> None:
    with pytest.raises(NotFound) as caught:
        read_stream([(name, value)])
    assert caught.value.errors[0].field == name
    assert suggested in caught.value.errors[0].suggestions


def test_parameter_given_twice_is_refused() -> None:
    with pytest.raises(Invalid):
        read_stream([("country", "KE"), ("country", "NG")])


@given(st.lists(st.tuples(st.sampled_from(["country", "region", "tier", "language", "week"]), st.text(max_size=40))))
def test_no_text_breaks_the_reading(pairs: list[tuple[str, str]]) -> None:
    try:
        stream = read_stream(pairs)
    except (NotFound, Invalid):
        return
    assert read_stream(parameters(stream)) == stream


@given(st.dates(date(1, 1, 8), date(9999, 12, 1)))
def test_every_day_lies_in_its_week(day: date) -> None:
    week = week_of(day)
    assert monday_of(week) <= day < after_week(week)
    assert after_week(week) - monday_of(week) == timedelta(days=7)


def test_all_streams_by_one_dimension_have_paths_of_their_own() -> None:
    paths = [stream.path for stream in every_stream()]
    assert len(set(paths)) == len(paths) == len(places()) + len(Tier) + len(peopled_regions())
    assert not any(stream.query for stream in every_stream())
