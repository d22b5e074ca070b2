"""docs/settings.md names every setting with its default, and none that does not exist."""

import re

from service.settings import PREFIX, Settings
from tests.contracts.sources import ROOT


def _documented() -> dict[str, str]:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return {name: default.strip("`") for name, default in re.findall(rf"^\| `{PREFIX}(\w+)` \| ([^|]+) \|", text, re.M)}


def test_every_setting_is_documented_with_its_default() -> None:
    wanted = {}
    for name, setting in Settings.model_fields.items():
        default = setting.default
        spoken = str(default).lower() if isinstance(default, bool) else str(default)
        spoken = ",".join(default) if isinstance(default, tuple) else spoken
        wanted[name.upper()] = "none" if default in (None, "", ()) else spoken
    assert _documented() == wanted


def test_every_setting_has_a_description() -> None:
    assert [name for name, setting in Settings.model_fields.items() if not setting.description] == []
