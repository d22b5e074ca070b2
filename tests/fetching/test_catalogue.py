"""The feeds file, its mistakes, and how it becomes rows."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import select

from service.db import Database
from service.errors import Invalid, SetupError
from service.fetching.catalogue import (
    QUIRKS,
    REGIONS,
    Catalogue,
    FeedSpec,
    FetchOptions,
    SyncReport,
    add_feed,
    feed_host,
    feed_options,
    list_feeds,
    sync_feeds,
    url_key,
)
from service.fetching.feed_schema import FeedEntry, FeedsFile, GroupEntry
from service.fetching.feeds_file import MAX_BYTES, find_feeds_file, load_feeds_file
from service.fetching.vocabulary import KINDS, BadValue, check_country, check_id, check_language, check_url, slug
from service.models import METADATA, Feed, Host
from service.settings import Settings

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "feeds.yaml"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
FEED = "feeds:\n  - id: one\n    name: One\n    url: https://one.example/feed\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/huoban.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield database
    await database.close()


def write(folder: Path, text: str) -> Path:
    path = folder / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Catalogue:
    return load_feeds_file(write(folder, text))


def problems(folder: Path, text: str) -> list[str]:
    """The problems of a file as ``LINE: message``."""
    path = write(folder, text)
    with pytest.raises(SetupError) as caught:
        load_feeds_file(path)
    return [line.removeprefix(f"{path}:") for line in caught.value.detail.splitlines()]


async def sync(database: Database, *specs: FeedSpec, now: datetime = NOW) -> SyncReport:
    async with database.write() as session:
        return await sync_feeds(session, Catalogue(specs), now=now)


async def stored(database: Database, id: str) -> Feed:
    async with database.read() as session:
        feed = await session.get(Feed, id)
    assert feed is not None
    return feed


ONE = FeedSpec(id="one", name="One", url="https://one.example/feed")
TWO = FeedSpec(id="two", name="Two", url="https://two.example/feed")


# The file that ships


def test_the_shipped_file_holds_every_source_that_is_not_dead_and_all_core_ones_are_on() -> None:
    specs = load_feeds_file(SHIPPED).specs
    assert len(specs) == 198
    assert sum(spec.core for spec in specs) == 44
    assert all(spec.enabled for spec in specs if spec.core)
    assert sum(spec.enabled for spec in specs) == 184
    assert {spec.region for spec in specs} == set(REGIONS)
    assert all(spec.language and spec.country and spec.kind and spec.homepage for spec in specs)


def test_shipped_sources_with_legal_doubts_are_off_unless_core() -> None:
    doubtful = [spec for spec in load_feeds_file(SHIPPED).specs if "legal-check" in spec.options.quirks]
    assert {spec.id: spec.enabled for spec in doubtful} == {
        "guardian-china": False,
        "aljazeera-ar": False,
        "aljazeera-en": True,
    }


def test_shipped_google_news_searches_are_opaque_and_rare() -> None:
    searches = [spec for spec in load_feeds_file(SHIPPED).specs if "gn-wrapper" in spec.options.quirks]
    assert len(searches) == 16
    assert {spec.options.link_policy for spec in searches} == {"opaque"}
    assert {spec.options.interval for spec in searches} == {timedelta(hours=3)}


def test_the_documentation_names_every_key_and_word() -> None:
    text = (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8")
    keys = set(FeedEntry.model_fields) | set(GroupEntry.model_fields) | set(FeedsFile.model_fields)
    rows = set(re.findall(r"^\| `([a-z_-]+)` \|", text, re.MULTILINE))
    assert rows == keys | set(KINDS) | set(QUIRKS)
    assert all(f"`{region}`" in text for region in REGIONS)


def test_options_of_the_schema_and_of_the_fetcher_are_the_same() -> None:
    schema = set(GroupEntry.model_fields) - {"label", "enabled"}
    assert schema | {"quirks"} == set(FetchOptions().as_json())


# Reading


def test_a_feed_has_what_defaults_say_unless_a_group_or_itself_says_otherwise(tmp_path: Path) -> None:
    text = """
version: 1
defaults: {interval: 2h, timeout: 20s, max_items: 10, enabled: false, headers: {X-A: "1"}}
groups:
  first: {interval: 3h, timeout: 30s, max_items: 20}
  second: {interval: 4h, enabled: true, headers: {X-B: "2"}}
feeds:
  - {id: plain, name: Plain, url: "https://a.example/feed"}
  - {id: both, name: Both, url: "https://b.example/feed", groups: [first, second], max_items: 30}
"""
    plain, both = load(tmp_path, text).specs
    assert not plain.enabled
    assert plain.options == FetchOptions(
        interval=timedelta(hours=2), timeout=timedelta(seconds=20), max_items=10, headers={"X-A": "1"}
    )
    assert both.enabled
    assert both.options == FetchOptions(
        interval=timedelta(hours=4), timeout=timedelta(seconds=30), max_items=30, headers={"X-B": "2"}
    )


def test_words_are_read_as_yaml_1_2_reads_them(tmp_path: Path) -> None:
    text = "version: 1\n" + FEED + '    country: NO\n    language: no\n    homepage:\n    user_agent: "1"\n'
    (spec,) = load(tmp_path, text).specs
    assert (spec.country, spec.language, spec.homepage, spec.options.user_agent) == ("NO", "no", None, "1")


def test_every_option_is_read_into_the_value_that_fetching_uses(tmp_path: Path) -> None:
    text = f"""version: 1
{FEED}    interval: 2h
    timeout: 45 s
    max_items: 7
    max_bytes: 500KB
    stale_after: 60d
    date_policy: first_seen
    date_zone: Asia/Shanghai
    date_format: "%d/%m/%Y %H:%M"
    link_policy: opaque
    user_agent: Reader/1
    headers: {{Accept: "*/*"}}
    charset: gb18030
    include: ^https
    exclude: sport
    article_hosts: [News.One.example, bücher.example]
    host_min_gap: 0s
    empty_is_suspect: 2
    quirks: [charset, slow]
"""
    (spec,) = load(tmp_path, text).specs
    assert spec.options == FetchOptions(
        interval=timedelta(hours=2),
        timeout=timedelta(seconds=45),
        max_items=7,
        max_bytes=500_000,
        stale_after=timedelta(days=60),
        date_policy="first_seen",
        date_zone="Asia/Shanghai",
        date_format="%d/%m/%Y %H:%M",
        link_policy="opaque",
        user_agent="Reader/1",
        headers={"Accept": "*/*"},
        charset="gb18030",
        include="^https",
        exclude="sport",
        article_hosts=("news.one.example", "xn--bcher-kva.example"),
        host_min_gap=timedelta(0),
        empty_is_suspect=2,
        quirks=("charset", "slow"),
    )


def test_an_option_left_empty_says_nothing(tmp_path: Path) -> None:
    text = (
        "version: 1\n"
        + FEED
        + "".join(f"    {key}:\n" for key in FeedEntry.model_fields if key not in ("id", "name", "url"))
    )
    assert load(tmp_path, text).specs == (ONE,)


def test_language_and_country_get_their_usual_letter_case(tmp_path: Path) -> None:
    (spec,) = load(tmp_path, "version: 1\n" + FEED + "    language: ZH-hans-cn\n    country: ke\n").specs
    assert (spec.language, spec.country) == ("zh-Hans-CN", "KE")


def test_a_file_without_feeds_is_an_empty_catalogue(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeffversion: 1\nfeeds:\n").specs == ()


# Mistakes: each with its line, and the nearest word where there is one


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("intervall: 60m", "intervall: unknown key (did you mean 'interval'?)"),
        ("region: afrca", "region: unknown region 'afrca' (did you mean 'africa'?)"),
        ("kind: indipendent", "kind: unknown kind 'indipendent' (did you mean 'independent'?)"),
        ("quirks: [slow, pay-wall]", "quirks: unknown quirk 'pay-wall' (did you mean 'paywall'?)"),
        ("language: pt_BR", "(did you mean 'pt-BR'?)"),
        ("language: Swahili", "(did you mean 'sw'?)"),
        ("language: zh-Hnas", "(did you mean 'zh-Hans'?)"),
        ("language: xq", "unknown language 'xq'"),
        ("country: Kenia", "(did you mean 'KE'?)"),
        ("country: UK", "(did you mean 'GB'?)"),
        ("country: EU", "unknown country 'EU'"),
        ("groups: [reserch]", "unknown group 'reserch' (did you mean 'research'?)"),
        ("groups: research", "groups: this must be a list"),
        ("interval: 60", "interval: bad duration 60"),
        ("interval: 60x", "interval: bad duration '60x'"),
        ("interval: 5s", "interval: 5s is out of range: it must be from 1m to 30d"),
        ("timeout: true", "timeout: bad duration True"),
        ("max_bytes: 5GB", "max_bytes: bad size '5GB'"),
        ("max_bytes: 1", "max_bytes: 1 is out of range"),
        ("max_bytes: [1]", "max_bytes: bad size [1]"),
        ("max_items: 0", "max_items: 0 is out of range: it must be from 1 to 2000"),
        ("max_items: many", "max_items: this must be a whole number"),
        ("max_items: 99999999999999999999999", "max_items: this must be a whole number"),
        ("enabled: yes", "enabled: this must be true or false"),
        ("core: 1", "core: this must be true or false"),
        ("date_policy: first-seen", "unknown date policy 'first-seen' (did you mean 'first_seen'?)"),
        ("link_policy: opague", "(did you mean 'opaque'?)"),
        ("date_zone: Africa/Nairobbi", "(did you mean 'Africa/Nairobi'?)"),
        ("date_zone: /etc/passwd", "unknown time zone '/etc/passwd'"),
        ('date_format: "%d.%m"', "must hold a year"),
        ('date_format: "%Y-%Q"', "bad date format"),
        ("charset: utf8x", "unknown charset 'utf8x' (did you mean 'utf-8'?)"),
        ("charset: base64", "unknown charset 'base64'"),
        ('include: "("', "include: bad regular expression '('"),
        ('user_agent: "a\\r\\nX: y"', "user_agent: this must be one line"),
        ("headers: {Host: x}", "headers.Host: the header 'Host' is set by the fetcher"),
        ("headers: {User-Agent: x}", "use the key user_agent"),
        ('headers: {"a b": x}', "bad header name 'a b'"),
        ("headers: [x]", "headers: this must be keys with values"),
        ('article_hosts: ["https://x.example/"]', "bad host 'https://x.example/'"),
        ("article_hosts: [x..example]", "bad host 'x..example'"),
        ("empty_is_suspect: 0", "empty_is_suspect: 0 is out of range"),
        ("homepage: one.example", "write an absolute http or https address"),
        (
            "alt_urls: [http://one.example/feed/]",
            "duplicate URL 'http://one.example/feed/'; feed 'one' has it in line 7",
        ),
        ("include: " + "a" * 501, "longer than 500 characters"),
        ("name: Again", "the key 'name' stands here twice; first in line 6"),
        ("? [a, b]\n    : c", "a key must be a word"),
    ],
)
def test_a_mistake_in_a_feed_is_refused_with_line_and_nearest_word(tmp_path: Path, line: str, message: str) -> None:
    text = "version: 1\ngroups:\n  research: {}\n" + FEED + f"    {line}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("8: ")
    assert message in problem


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://one.example/feed", "write an absolute http or https address"),
        ("one.example/feed", "(did you mean 'https://one.example/feed'?)"),
        ("https://me:secret@one.example/feed", "user name or password"),
        ("https://one.example:99999/", "Port"),
        ("https://me:secret@one.example:99999/", "Port"),
        ("mailto:me:secret@one.example", "write an absolute http or https address"),
        ("https://one.example:0/", "no port 0"),
        ("http://[::1/", "bad URL"),
        ('"https://one.example/a b"', "a space"),
        ("https://one.example/" + "a" * 2000, "longer than 2000"),
        ("https://one.example/" + "中" * 400, "when encoded"),
        ("https://" + "a." * 200 + "example/", "its host than 253"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_showing_its_password(
    tmp_path: Path, url: str, message: str
) -> None:
    (problem,) = problems(tmp_path, f"version: 1\nfeeds:\n  - id: one\n    name: One\n    url: {url}\n")
    assert problem.startswith("5: feed 'one': url: ")
    assert message in problem
    assert "secret" not in problem.replace("secrets belong", "")


def test_duplicate_ids_and_addresses_name_the_line_of_the_first(tmp_path: Path) -> None:
    second = "  - id: one\n    name: Two\n    url: HTTP://ONE.example:80/feed/#top\n"
    assert problems(tmp_path, "version: 1\n" + FEED + second) == [
        "6: feed 'one': duplicate id; first in line 3",
        "8: feed 'one': duplicate URL 'HTTP://ONE.example:80/feed/#top'; feed 'one' has it in line 5",
    ]


def test_duplicates_on_one_line_are_seen(tmp_path: Path) -> None:
    text = "version: 1\nfeeds: [{id: a, name: A, url: 'http://a.example'}, {id: a, name: A, url: 'http://a.example'}]"
    assert [problem[:2] for problem in problems(tmp_path, text)] == ["2:", "2:"]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = """version: 2
defaults:
  intervall: 60m
groups:
  Bad One: {label: x}
  good: {interval: 60x, id: x}
feeds:
  - name: 5
  - hello
  - id: Straße 1
    name: "  "
    url: https://ok.example/
versoin: 1
"""
    assert problems(tmp_path, text) == [
        "1: version: this release reads version 1, not 2",
        "3: defaults.intervall: unknown key (did you mean 'interval'?)",
        "5: group 'Bad One': bad id 'Bad One': use at most 64 small letters a-z, digits and single hyphens "
        "(did you mean 'bad-one'?)",
        "6: group 'good': id: unknown key",
        "6: group 'good': interval: bad duration '60x': write a number and its unit, such as 20s, 60m or 7d",
        "8: feed number 1: id: this key is missing",
        "8: feed number 1: name: this must be text (in quotes where YAML reads something else)",
        "8: feed number 1: url: this key is missing",
        "9: feed number 2: this must be keys with values",
        "10: feed 'Straße 1': id: bad id 'Straße 1': use at most 64 small letters a-z, digits and single hyphens "
        "(did you mean 'strae-1'?)",
        "11: feed 'Straße 1': name: the name must be a line of 1 to 200 printable characters",
        "13: versoin: unknown key (did you mean 'version'?)",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: the file is empty"),
        ("- a\n- b\n", "1: this must be keys with values"),
        ("feeds: []\n", "1: version: this key is missing"),
        ("version: 1\nfeeds: {a: b}\n", "2: feeds: this must be a list"),
        ("version: 1\nfeeds: [\n", "this is not YAML"),
        ("version: 1\n---\nversion: 1\n", "this is not YAML"),
        ("version: 1\nfeeds: &a []\n", "2: anchors (&) and aliases (*) are not used here"),
        ("version: 1\na: &a [x]\nb: [*a, *a]\n", "3: anchors (&) and aliases (*) are not used here"),
        ("version: 1\na: !!python/object/apply:os.getcwd []\n", "2: tags (!) are not used here"),
        ("version: 1\na: " + "[" * 500 + "]" * 500, "2: nested more than 12 deep"),
        ("version: 1\na: \x07\n", "2: a character that YAML does not allow"),
    ],
)
def test_a_file_that_is_no_feeds_file_is_refused_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(tmp_path, text))


def test_a_file_that_is_too_large_or_not_utf_8_or_absent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    with pytest.raises(SetupError, match="cannot be read"):
        load_feeds_file(path)
    path.write_bytes(b"version: 1\n# \xff\n")
    with pytest.raises(SetupError, match=":2: the file is not UTF-8"):
        load_feeds_file(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SetupError, match="larger than 1,000,000 bytes"):
        load_feeds_file(path)


def test_the_feeds_file_is_the_settings_one_then_the_folders_then_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_feeds_file(Settings()).samefile(SHIPPED)
    local = write(tmp_path, "version: 1\n")
    assert find_feeds_file(Settings()).samefile(local)
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\n")
    assert find_feeds_file(Settings(feeds_file=other)) == other
    with pytest.raises(SetupError, match="HUOBAN_FEEDS_FILE"):
        find_feeds_file(Settings(feeds_file=tmp_path / "none.yaml"))


# Pure rules


@pytest.mark.parametrize(
    "same",
    [
        "http://www.x.example/feed?a=1",
        "HTTPS://WWW.X.example:443/feed/?a=1#top",
        "https://www.x.example/a/../%66eed?a=1",
    ],
)
def test_spellings_of_one_address_have_one_key(same: str) -> None:
    assert url_key(same) == "www.x.example/feed?a=1"


@pytest.mark.parametrize(
    "other", ["https://x.example/feed", "https://www.x.example/feed?a=2", "https://www.x.example:8443/feed?a=1"]
)
def test_other_hosts_queries_and_ports_are_other_feeds(other: str) -> None:
    assert url_key(other) != "www.x.example/feed?a=1"


@given(st.text(max_size=60) | st.from_regex(r"https?://[^\s]{1,40}", fullmatch=True))
def test_any_text_is_an_accepted_address_with_a_stable_key_or_a_bad_value(text: str) -> None:
    try:
        check_url(text)
    except BadValue:
        return
    assert feed_host(text)
    assert url_key("https://" + url_key(text)) == url_key(text)


@given(st.text(max_size=80))
def test_checks_answer_a_canonical_value_or_a_bad_value_whatever_comes(text: str) -> None:
    for check in (check_id, check_language, check_country):
        try:
            assert check(check(text)) == check(text)
        except BadValue as error:
            assert all(check(hint) == hint for hint in error.suggestions)  # noqa: PT017  (each hint must hold)
    made = slug(text)
    assert not made or check_id(made) == made


spans = st.timedeltas(timedelta(seconds=1), timedelta(days=400)).map(lambda span: timedelta(seconds=span.seconds + 1))
options = st.builds(
    FetchOptions,
    interval=spans,
    timeout=st.none() | spans,
    headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    article_hosts=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    include=st.none() | st.just("x"),
)


@given(options)
def test_options_come_back_from_a_row_as_they_went_in(given_options: FetchOptions) -> None:
    assert FetchOptions.from_json(given_options.as_json()) == given_options


def test_options_of_another_release_keep_what_is_known_and_default_the_rest() -> None:
    assert FetchOptions.from_json({"interval": 60.0, "colour": "red"}) == FetchOptions(interval=timedelta(minutes=1))


def test_links_are_admitted_by_pattern_and_host() -> None:
    chosen = FetchOptions(include=r"/world/", exclude=r"/sport", article_hosts=("x.example",))
    assert chosen.admits("https://news.x.example/world/1")
    assert not chosen.admits("https://x.example/china/1")
    assert not chosen.admits("https://x.example/world/sport/1")
    assert not chosen.admits("https://notx.example/world/1")
    assert not chosen.admits("/world/1")
    assert FetchOptions().admits("anything")


# Loading is a sync


@pytest.mark.anyio
async def test_new_feeds_appear_with_their_hosts_and_are_due(database: Database) -> None:
    report = await sync(database, ONE, TWO)
    assert report.added == ("one", "two")
    feed = await stored(database, "one")
    assert (feed.origin, feed.enabled, feed.next_due_at, feed.host) == ("file", True, NOW, "one.example")
    assert feed_options(feed) == FetchOptions()
    async with database.read() as session:
        hosts = (await session.exec(select(Host.name))).all()
    assert sorted(hosts) == ["one.example", "two.example"]


@pytest.mark.anyio
async def test_the_shipped_file_loads_in_a_few_statements_and_a_second_time_writes_nothing(
    database: Database,
) -> None:
    catalogue = load_feeds_file(SHIPPED)
    statements: list[str] = []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda *parts: statements.append(parts[2].split()[0])
    )
    async with database.write() as session:
        first = await sync_feeds(session, catalogue, now=NOW)
    assert len(first.added) == 198
    assert len(statements) <= 10
    statements.clear()
    async with database.write() as session:
        second = await sync_feeds(session, catalogue, now=LATER)
    assert second == SyncReport((), (), (), (), first.added)
    assert "UPDATE" not in statements
    assert "INSERT" not in statements


async def _fetched(database: Database, id: str) -> None:
    """As if a fetch had been there."""
    async with database.write() as session:
        feed = await session.get(Feed, id)
        assert feed is not None
        feed.etag, feed.last_modified, feed.body_hash = '"e"', "Tue, 24 Nov 2026 11:00:00 GMT", "0" * 64
        feed.next_due_at, feed.failures = LATER + timedelta(days=1), 2.0


@pytest.mark.anyio
async def test_another_address_forgets_validators_and_failures_and_is_due(database: Database) -> None:
    await sync(database, ONE)
    await _fetched(database, "one")
    report = await sync(database, replace(ONE, url="https://new.example/feed"), now=LATER)
    feed = await stored(database, "one")
    assert report.changed == ("one",)
    assert (feed.etag, feed.last_modified, feed.body_hash) == (None, None, None)
    assert (feed.next_due_at, feed.failures, feed.version) == (LATER, 0.0, 2)
    assert (feed.url_key, feed.host) == ("new.example/feed", "new.example")


@pytest.mark.anyio
async def test_other_options_read_the_feed_afresh_and_another_name_does_not(database: Database) -> None:
    await sync(database, ONE, TWO)
    await _fetched(database, "one")
    await _fetched(database, "two")
    renamed, charset = replace(ONE, name="First"), replace(TWO, options=FetchOptions(charset="gbk"))
    assert (await sync(database, renamed, charset, now=LATER)).changed == ("one", "two")
    one, two = await stored(database, "one"), await stored(database, "two")
    assert (one.name, one.etag, one.next_due_at) == ("First", '"e"', LATER + timedelta(days=1))
    assert (two.etag, two.next_due_at, two.failures) == (None, LATER, 2.0)


@pytest.mark.anyio
async def test_a_feed_that_left_the_file_stops_and_comes_back_when_it_returns(database: Database) -> None:
    await sync(database, ONE, TWO)
    assert (await sync(database, ONE, now=LATER)).removed == ("two",)
    gone = await stored(database, "two")
    assert (gone.enabled, gone.removed_at) == (False, LATER)
    assert (await sync(database, ONE, now=LATER)).removed == ()
    async with database.read() as session:
        assert [feed.id for feed in await list_feeds(session)] == ["one"]
        assert [feed.id for feed in await list_feeds(session, removed=True)] == ["one", "two"]
    assert (await sync(database, ONE, TWO, now=LATER)).revived == ("two",)
    back = await stored(database, "two")
    assert (back.enabled, back.removed_at, back.next_due_at) == (True, None, LATER)


@pytest.mark.anyio
async def test_feeds_of_the_file_may_swap_their_addresses(database: Database) -> None:
    await sync(database, ONE, TWO)
    report = await sync(database, replace(ONE, url=TWO.url), replace(TWO, url=ONE.url), now=LATER)
    assert report.changed == ("one", "two")
    assert (await stored(database, "one")).url_key == "two.example/feed"
    assert (await stored(database, "two")).url_key == "one.example/feed"


@pytest.mark.anyio
async def test_a_new_id_for_an_address_is_a_new_feed_and_the_old_one_is_retired(database: Database) -> None:
    await sync(database, ONE)
    report = await sync(database, replace(ONE, id="uno"), now=LATER)
    assert (report.added, report.removed) == (("uno",), ("one",))
    assert (await stored(database, "one")).removed_at == LATER
    again = await sync(database, replace(ONE, id="uno"), now=LATER)
    assert again.unchanged == ("uno",)
    assert not again.removed


@pytest.mark.anyio
async def test_feeds_of_the_desk_are_left_alone(database: Database) -> None:
    async with database.write() as session:
        await add_feed(session, url="https://desk.example/feed", name="Desk", now=NOW)
    await sync(database, ONE)
    await sync(database)
    desk = await stored(database, "desk")
    assert (desk.enabled, desk.origin, desk.version) == (True, "desk", 1)


@pytest.mark.anyio
async def test_the_file_adopts_a_desk_feed_of_the_same_id_and_address(database: Database) -> None:
    async with database.write() as session:
        await add_feed(session, url="http://one.example/feed/", name="One", now=NOW)
    assert (await sync(database, ONE, now=LATER)).changed == ("one",)
    assert (await stored(database, "one")).origin == "file"
    assert (await sync(database, now=LATER)).removed == ("one",)


@pytest.mark.anyio
async def test_the_file_replaces_a_desk_feed_that_has_its_address_under_another_id(database: Database) -> None:
    async with database.write() as session:
        await add_feed(session, url=ONE.url, id="desk-one", now=NOW)
    report = await sync(database, ONE, now=LATER)
    assert (report.added, report.removed) == (("one",), ("desk-one",))
    assert not (await stored(database, "desk-one")).enabled


@pytest.mark.anyio
async def test_an_id_that_the_desk_gave_to_another_address_is_refused(database: Database) -> None:
    async with database.write() as session:
        await add_feed(session, url="https://desk.example/feed", id="one", now=NOW)
    with pytest.raises(SetupError, match=r"feed 'one': the desk has a feed of this id .*https://desk\.example/feed"):
        await sync(database, TWO, ONE)
    async with database.read() as session:
        assert [feed.id for feed in await list_feeds(session)] == ["one"]


# At the desk


@pytest.mark.anyio
async def test_a_feed_added_at_the_desk_gets_an_id_of_its_name_or_host(database: Database) -> None:
    async with database.write() as session:
        named = await add_feed(session, url="https://a.example/1", name="  Le Faso\n net ", language="FR", now=NOW)
        again = await add_feed(session, url="https://a.example/2", name="Le Faso net", now=NOW)
        unnamed = await add_feed(session, url="http://www.b.example/rss", region="africa", country="bf", now=NOW)
        chinese = await add_feed(session, url="https://c.example/rss", name="样本", now=NOW)
    assert (named.id, named.name, named.language) == ("le-faso-net", "Le Faso net", "fr")
    assert again.id == "le-faso-net-2"
    assert (unnamed.id, unnamed.name, unnamed.country) == ("b-example", "b.example", "BF")
    assert chinese.id == "c-example"
    feed = await stored(database, "c-example")
    assert (feed.origin, feed.enabled, feed.next_due_at) == ("desk", True, NOW)
    assert feed_options(feed) == FetchOptions()
    async with database.read() as session:
        assert await session.get(Host, "www.b.example") is not None


@pytest.mark.anyio
async def test_a_known_address_or_id_is_refused_and_the_feed_that_has_it_is_named(database: Database) -> None:
    await sync(database, ONE)
    async with database.write() as session:
        with pytest.raises(Invalid, match="'one'") as caught:
            await add_feed(session, url="http://ONE.example/feed/", now=NOW)
        assert caught.value.errors[0].field == "url"
        with pytest.raises(Invalid, match="'one' exists"):
            await add_feed(session, url="https://other.example/feed", id="one", now=NOW)


@pytest.mark.anyio
async def test_a_removed_feed_comes_back_under_its_id_when_its_address_is_added(database: Database) -> None:
    await sync(database, ONE)
    await sync(database)
    async with database.write() as session:
        feed = await add_feed(session, url=ONE.url, name="Back", now=LATER)
    assert (feed.id, feed.name, feed.origin, feed.enabled, feed.removed_at) == ("one", "Back", "desk", True, None)
    assert (await sync(database)).removed == ()


@pytest.mark.anyio
async def test_every_field_that_cannot_be_accepted_is_named_with_near_words(database: Database) -> None:
    async with database.write() as session:
        with pytest.raises(Invalid) as caught:
            await add_feed(
                session, url="", name="a" * 201, id="A B", homepage="x", language="English", country="Kenia",
                region="afrca", kind="blogg", groups=["Bad One"], now=NOW,
            )  # fmt: skip
    errors = {error.field: error.suggestions for error in caught.value.errors}
    assert set(errors) == {"url", "name", "id", "homepage", "language", "country", "region", "kind", "groups.0"}
    assert errors["region"] == ("africa",)
    assert errors["country"][0] == "KE"
    assert errors["language"][0] == "en"
