"""What stands in ``deploy/``, ``compose.yaml`` and ``.env.example`` fits the service that it starts."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
FOR_THE_PROXY = {"HUOBAN_SITE", "HUOBAN_UPSTREAM"}
FILES = [ROOT / "compose.yaml", ROOT / ".env.example", ROOT / "Dockerfile", *sorted((ROOT / "deploy").rglob("*.*"))]


def test_only_settings_that_exist_are_set() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | FOR_THE_PROXY
    named = {name for file in FILES for name in re.findall(r"\bHUOBAN_[A-Z_]+", file.read_text(encoding="utf-8"))}
    assert named <= known


def test_compose_starts_commands_that_exist_and_no_secret_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    assert {services[name]["command"][0] for name in ("web", "worker")} == {"serve", "worker"}
    assert all(services[name]["deploy"]["replicas"] == 2 for name in ("web", "worker"))
    assert re.findall(r"PASSWORD:-([^}]*)}", text) == ["", ""]
    assert not re.findall(r"^[A-Z_]*(?:PASSWORD|TOKEN|KEY)=.+$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_systemd_accepts_the_units() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    units = sorted((ROOT / "deploy/systemd").glob("*"))
    checked = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    # The command and the user exist only where it is installed.
    told = [line for line in checked.stderr.splitlines() if any(unit.name in line for unit in units)]
    assert [line for line in told if "not executable" not in line and "Failed to add dependency" not in line] == []
