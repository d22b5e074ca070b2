"""The log: one line a message, in both formats, whatever the message holds."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service.logs import configure_logging
from service.settings import Settings

HOSTILE = "a\nERROR forged\r\x1b[31mred\x00\u202e\u2028\ud800 中文 é"


class Log:
    """Standard error as a process without a terminal has it, with the log set up on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self._bytes = io.BytesIO()
        self._stream = io.TextIOWrapper(self._bytes, encoding="utf-8", errors="backslashreplace", write_through=True)
        monkeypatch.setattr(sys, "stderr", self._stream)
        configure_logging(Settings(**settings))

    def lines(self) -> list[str]:
        """What was logged."""
        return self._bytes.getvalue().decode().split("\n")[:-1]


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_text_from_outside_cannot_forge_a_line_nor_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    log = Log(monkeypatch, log_format=log_format)
    structlog.get_logger("ours").warning("feed_failed", detail=HOSTILE, nested=[HOSTILE])
    structlog.get_logger("ours").error(HOSTILE)
    logging.getLogger("theirs").error("said %s", HOSTILE)
    lines = log.lines()
    assert len(lines) == 3
    for line in lines:
        assert not {"\x1b", "\r", "\x00"} & set(line)
        assert "中文" in line
    if log_format == "json":
        assert json.loads(lines[0])["event"] == "feed_failed"


def test_auto_is_json_where_nobody_watches_and_the_level_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, log_level="warning")
    structlog.get_logger("ours").info("quiet")
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("uvicorn.error").warning("loud")
    assert [json.loads(line)["event"] for line in log.lines()] == ["loud"]


def test_an_exception_stays_one_line_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, log_format="json")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        structlog.get_logger("ours").exception("job_failed")
    (line,) = log.lines()
    assert "ValueError" in json.loads(line)["exception"]
