"""What a start loads: looked at in a fresh interpreter, by the modules it holds afterwards."""

import subprocess
import sys

import pytest
import typer
from typer.main import get_group

from service.cli import COMMANDS, app

# Each is megabytes and tens of milliseconds, and each has a first use that may never come.
HEAVY = (
    "alembic", "charset_normalizer", "cryptography", "css_inline", "feedparser", "joserfc", "psycopg", "pyarrow",
    "service.demo",
)  # fmt: skip


def loaded_by(program: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.splitlines()[-1].split())


def test_help_loads_neither_database_nor_web_nor_network() -> None:
    loaded = loaded_by(
        "from typer.testing import CliRunner\nfrom service.cli import app\nCliRunner().invoke(app, ['-h'])"
    )
    assert not loaded & {*HEAVY, "aiohttp", "fastapi", "httpx", "lxml", "pydantic", "service.app", "sqlalchemy"}


def test_the_doctor_loads_no_web() -> None:
    assert not loaded_by("import service.commands.operations") & {*HEAVY, "fastapi", "service.app", "uvicorn"}


def test_serving_loads_nothing_that_waits_for_its_first_use() -> None:
    assert not loaded_by("import service.commands.running") & set(HEAVY)


def test_the_list_of_commands_names_each_command_once_and_no_other() -> None:
    offered = {name: module for name, (module, _) in COMMANDS.items()}
    found = {}
    for module in set(offered.values()):
        gathered = typer.Typer()
        __import__(f"service.commands.{module}", fromlist=["add_to"]).add_to(gathered)
        gathered.callback()(lambda: None)
        found |= dict.fromkeys(get_group(gathered).commands, module)
    assert found == offered


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    context = get_group(app).make_context("huoban", [name, "--help"], resilient_parsing=True)
    assert get_group(app).get_command(context, name).help
