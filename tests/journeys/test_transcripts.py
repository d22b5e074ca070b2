"""The curl transcripts of README and docs/api.md, run as they stand against a real `huoban demo`."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """A running demo and what it printed."""

    base: str
    token: str
    program: str


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """`huoban demo` in a folder of its own, with a program's token made by the command line."""
    home = tmp_path / "demo"
    log = (tmp_path / "demo.log").open("w+")
    command = [sys.executable, "-m", "service", "demo", "--port", "0", "--folder", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        printed = _wait_for(Path(log.name), "Everything is invented", process)
        base = re.search(r"runs at (http://\S+)/demo", printed)
        token = re.search(r"editor\s+(\S+)\s+token (hb_\S+)", printed)
        assert base
        assert token
        environment = os.environ | {"HUOBAN_DATABASE_URL": f"sqlite+aiosqlite:///{home / 'demo.db'}"}
        making = [sys.executable, "-m", "service", "editors", "token", token[1], "--service"]
        made = subprocess.run(making, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        yield Demo(base[1], token[2], made.stdout.strip())
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait_for(file: Path, words: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        printed = file.read_text()
        if words in printed:
            return printed
        assert process.poll() is None, printed
        time.sleep(0.05)
    raise AssertionError(file.read_text())


def _blocks(document: Path) -> list[tuple[str, str]]:
    """The commands of each ``sh`` block from the one that sets TOKEN on, with the output claimed after it."""
    found = re.findall(r"```(sh|output)\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    start = next(i for i, (kind, text) in enumerate(found) if kind == "sh" and "TOKEN=" in text)
    blocks: list[tuple[str, str]] = []
    for kind, text in found[start:]:
        if kind == "sh" and not text.startswith("make "):
            blocks.append((text, ""))
        elif kind == "output":
            blocks[-1] = (blocks[-1][0], text)
    return blocks


@pytest.mark.parametrize("document", ["README.md", "docs/api.md"])
def test_the_transcript_says_what_curl_says(document: str, demo: Demo, tmp_path: Path) -> None:
    blocks = _blocks(ROOT / document)
    script = "\n".join(f"{commands}\necho '--8<--'" for commands, _ in blocks)
    script = re.sub(r"BASE=\S+ TOKEN=hb_…", f"BASE={demo.base} TOKEN={demo.token}", script)
    script = script.replace("PROGRAM=hb_…", f"PROGRAM={demo.program}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "NO_PROXY": "*"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = ran.stdout.split("--8<--\n")
    for (commands, claimed), printed in zip(blocks, said, strict=False):
        pattern = ".*".join(re.escape(part) for part in claimed.split("…"))
        assert re.fullmatch(pattern, printed), f"{commands}\nclaims:\n{claimed}\nbut printed:\n{printed}"
