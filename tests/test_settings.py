"""Settings: from the environment or a file, complete or refused in one clear line each."""

from datetime import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from service.errors import SetupError
from service.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HUOBAN_{name.upper()}", raising=False)
        monkeypatch.delenv(f"HUOBAN_{name.upper()}_FILE", raising=False)


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite+aiosqlite:///./data/huoban.db"
    assert (settings.timezone, settings.digest_at, settings.scheduler) == ("UTC", time(6), True)
    assert (settings.host_concurrency, settings.host_gap, settings.allowed_networks) == (1, 1.0, ())


def test_the_environment_speaks_and_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOBAN_TIMEZONE", "Africa/Nairobi")
    monkeypatch.setenv("HUOBAN_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128,")
    monkeypatch.setenv("HUOBAN_BASE_URL", "https://daily.example.org/")
    monkeypatch.setenv("HUOBAN_DIGEST_AT", "")
    settings = load_settings()
    assert settings.calendar.zone.key == "Africa/Nairobi"
    assert settings.allowed_networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert (settings.base_url, settings.authority) == ("https://daily.example.org", "daily.example.org")
    assert settings.digest_at == time(6)


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("sqlite+aiosqlite:///x.db\n")
    monkeypatch.setenv("HUOBAN_DATABASE_URL_FILE", str(secret))
    assert load_settings().database_url == "sqlite+aiosqlite:///x.db"
    monkeypatch.setenv("HUOBAN_DATABASE_URL", "sqlite+aiosqlite:///y.db")
    assert load_settings().database_url == "sqlite+aiosqlite:///y.db", "the variable itself comes first"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("HUOBAN_DATABASE_URL_FILE", str(path))
    with pytest.raises(SetupError, match="HUOBAN_DATABASE_URL_FILE"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "../../etc/passwd"),
        ("TIMEZONE", "Africa"),
        ("TIMEZONE", "/etc/localtime"),
        ("TIMEZONE", "x" * 5000),
        ("BASE_URL", "daily.example.org"),
        ("BASE_URL", "ftp://daily.example.org"),
        ("BASE_URL", "https://daily.example.org/?a=1"),
        ("BASE_URL", "https://[::1"),
        ("BASE_URL", "https://daily.example.org:99999"),
        ("BASE_URL", "https://editor:secret@daily.example.org"),
        ("BASE_URL", "https://daily .example.org"),
        ("DIGEST_AT", "25:00"),
        ("HOST_GAP", "-1"),
        ("FETCH_CONCURRENCY", "0"),
        ("FETCH_CONCURRENCY", "many"),
        ("ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("ALLOWED_NETWORKS", "localhost"),
        ("SCHEDULER", "perhaps"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_accepted_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HUOBAN_{name}", value)
    with pytest.raises(SetupError, match=f"HUOBAN_{name}: "):
        load_settings()
