"""Formats of other packages: found by entry point, and never able to break the built-in ones."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.publishing.formats import BUILT_IN, load_formats
from tests.publishing.builders import an_edition, an_item

PLUGIN = """
from service.publishing.formats import Format

def render(edition):
    return "\\n".join(item.headline for item in edition.items).encode()

GOOD = Format("Headlines", "txt", "text/plain", render)
TAKEN = Format("My own RSS", "rss", "application/rss+xml", render)
DOTTED = Format("Dotted", ".TXT", "text/plain", render)
NOT_ONE = render
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **entries: str) -> None:
    """A package on the path that names ``entries`` in the group, as an installer would have left it."""
    (folder / "headline_format_plugin.py").write_text(PLUGIN)
    info = folder / "headline_format_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: headline-format-plugin\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = headline_format_plugin:{value}" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[huoban.formats]\n{lines}\n")
    monkeypatch.syspath_prepend(str(folder))


def test_without_plugins_there_are_the_four_built_in_formats() -> None:
    assert load_formats() == {known.extension: known for known in BUILT_IN}
    assert set(load_formats()) == {"json", "rss", "atom", "html"}


def test_installed_package_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, headlines="GOOD")
    found = load_formats()["txt"]
    assert found.render(an_edition(an_item(headline="Port opens"))) == b"Port opens"


def test_plugin_cannot_replace_a_built_in_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, mine="TAKEN")
    with capture_logs() as logs:
        formats = load_formats()
    assert formats["rss"].name == "RSS"
    assert [(log["event"], log["plugin"]) for log in logs] == [("format_plugin_refused", "mine")]
    assert "taken by RSS" in logs[0]["reason"]


def test_broken_plugins_are_logged_and_the_others_still_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, absent="NO_SUCH_NAME", dotted="DOTTED", function="NOT_ONE", good="GOOD")
    with capture_logs() as logs:
        formats = load_formats()
    assert set(formats) == {"json", "rss", "atom", "html", "txt"}
    assert {log["plugin"]: log["event"] for log in logs} == {
        "absent": "format_plugin_broken",
        "dotted": "format_plugin_refused",
        "function": "format_plugin_refused",
    }
