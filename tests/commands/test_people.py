"""``huoban editors``."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.commands.conftest import Terminal


def test_an_account_is_made_listed_given_a_token_and_shut(on_database: Terminal) -> None:
    made = on_database("editors", "add", "Amina@Example.org", "--name", "Amina  Test", "--role", "chief")
    assert made.code == 0, made.err
    assert made.out.startswith("http://127.0.0.1:8000/setup/")
    assert len(made.out.split()) == 1
    shown = on_database("editors", "list").out
    assert "amina@example.org" in shown
    assert "set-up link not used yet" in shown
    token = on_database("editors", "token", "amina@example.org", "--service", "--days", "30", "--name", "CMS")
    assert token.out.startswith("hb_")
    assert len(token.out.split()) == 1
    scoped = on_database("editors", "token", "amina@example.org", "--scope", "read", "--scope", "edit")
    assert scoped.code == 0
    assert on_database("editors", "disable", "amina@example.org").code == 0
    assert "disabled" in on_database("editors", "list").out
    on_database("editors", "token", "amina@example.org").refused("disabled")
    assert on_database("journal", "verify").code == 0


def test_the_last_admin_is_not_shut_from_the_command_line_either(on_database: Terminal) -> None:
    on_database("editors", "add", "a@example.org", "--name", "A", "--role", "admin")
    on_database("editors", "disable", "a@example.org").refused("last admin")
    on_database("editors", "add", "b@example.org", "--name", "B", "--role", "admin")
    assert on_database("editors", "disable", "a@example.org").code == 0
    assert on_database("editors", "disable", "a@example.org").code == 0, "it is shut already"
    on_database("editors", "disable", "b@example.org").refused("last admin")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "nobody", "--name", "N"), "email"),
        (("add", "a@example.org", "--name", " "), "name"),
        (("add", "a\udcffb@example.org", "--name", "N"), "email"),
        (("add", "first-admin@invalid x", "--name", "N"), "email"),
        (("disable", "a@example.org"), "a@example.org"),
        (("token", "a@example.org"), "a@example.org"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    huoban: Terminal, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("HUOBAN_DATABASE_URL", sqlite_url)
    huoban("editors", *words).refused(said)


def test_a_scope_that_a_kind_may_not_have_is_refused_with_those_it_may(
    huoban: Terminal, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOBAN_DATABASE_URL", sqlite_url)
    huoban("editors", "add", "a@example.org", "--name", "A")
    huoban("editors", "add", "a@example.org", "--name", "A").refused("already has an account")
    huoban("editors", "token", "a@example.org", "--service", "--scope", "publish").refused("publish", "read", "add")


@pytest.mark.parametrize(
    "words",
    [
        ("editors", "add"),
        ("editors", "add", "a@example.org"),
        ("editors", "add", "a@example.org", "--name", "A", "--role", "king"),
        ("editors", "token", "a@example.org", "--days", "0"),
        ("editors", "token", "a@example.org", "--days", "x"),
        ("editors", "nothing"),
        ("nothing",),
        ("serve", "--port", "70000"),
        ("serve", "--workers", "0"),
        ("digest",),
        ("--nothing",),
    ],
)
def test_a_misspelt_command_exits_2_and_says_how_it_is_spelt(
    huoban: Terminal, bare: Path, words: tuple[str, ...]
) -> None:
    outcome = huoban(*words)
    assert outcome.code == 2, outcome
    assert "Usage" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (bare / "data").exists(), "a misspelt command touches nothing"


def test_help_names_every_command_and_the_version_is_ours(huoban: Terminal) -> None:
    shown = huoban("--help").out
    for command in (
        "serve",
        "worker",
        "demo",
        "migrate",
        "fetch",
        "feeds",
        "editors",
        "editions",
        "digest",
        "register",
    ):
        assert command in shown
        assert huoban(command, "--help").code == 0
    assert huoban("--version").out.startswith("huoban ")


@pytest.mark.parametrize(
    "words", [("editors", "list"), ("journal", "verify"), ("editions", "show", "2026-11-24"), ("fetch",)]
)
def test_a_database_that_is_not_migrated_says_what_to_run(huoban: Terminal, bare: Path, words: tuple[str, ...]) -> None:
    huoban(*words).refused("huoban migrate")
    assert not (bare / "data").exists()
    (bare / "data").mkdir()
    sqlite3.connect(bare / "data" / "huoban.db").close()
    (bare / "data" / "huoban.db").touch()
    huoban(*words).refused("huoban migrate")
    assert huoban("migrate").code == 0
    assert huoban("migrate").code == 0
    assert huoban("editors", "list").code == 0


def test_settings_that_cannot_be_accepted_are_named(huoban: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOBAN_TIMEZONE", "Mars/Olympus")
    monkeypatch.setenv("HUOBAN_HOST_GAP", "-1")
    for words in (("editors", "list"), ("migrate",), ("serve", "--port", "0"), ("worker",)):
        huoban(*words).refused("HUOBAN_TIMEZONE", "HUOBAN_HOST_GAP")


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+psycopg://huoban:s3cret@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_used_is_said_without_its_password(
    huoban: Terminal, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HUOBAN_DATABASE_URL", url)
    for words in (("migrate",), ("editors", "list"), ("serve", "--port", "0"), ("worker",)):
        outcome = huoban(*words)
        outcome.refused("HUOBAN_DATABASE_URL")
        assert "s3cret" not in outcome.err


def test_a_folder_or_file_that_cannot_be_written_is_named(
    huoban: Terminal, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "file").write_text("not a folder")
    (bare / "text.db").write_text("no database\n" * 400)
    for place in ("/proc/huoban/x.db", f"{bare}/file/x.db", f"{bare}/text.db", str(bare)):
        monkeypatch.setenv("HUOBAN_DATABASE_URL", f"sqlite+aiosqlite:///{place}")
        for words in (("migrate",), ("serve", "--port", "0"), ("worker",)):
            huoban(*words).refused(place.removeprefix(str(bare))[-5:])


def test_json_lines_of_feeds_can_be_read_by_programs(huoban: Terminal) -> None:
    assert huoban("migrate").code == 0
    assert (
        huoban("feeds", "add", "https://paper.example/rss.xml", "--name", "Nairobi Paper").out.strip()
        == "nairobi-paper"
    )
    lines = huoban("feeds", "list", "--json").out.splitlines()
    assert [json.loads(line)["url"] for line in lines] == ["https://paper.example/rss.xml"]
