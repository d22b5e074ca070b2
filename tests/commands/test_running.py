"""``huoban serve | worker | demo`` as processes: they come up, say where to click, and stop well on a signal."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.commands.running import bind
from tests.commands.conftest import Terminal
from tests.processes import BASE, COMES_UP_WITHIN, running


def get(url: str) -> tuple[int, bytes]:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("wanted", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_serve_comes_up_says_where_to_click_and_stops_well(folder: Path, wanted: int, code: int) -> None:
    with running(folder, "serve", "--port", "0") as command:
        base = command.wait_for(BASE)
        assert get(f"{base}/health/ready")[0] == 200
        assert json.loads(get(f"{base}/daily.json")[1])["items"] == []
        link = command.wait_for(r"first admin +(\S+)")
        assert get(link)[0] == 200
        assert command.stop(wanted) == code, command.said()
        assert "Traceback" not in command.said()
    assert (folder / "data" / "huoban.db").exists()


INSTANTS = (0.0, 0.05, 0.2)
"""Seconds after the address was printed: between that and a server that serves lies its whole making."""


def test_signal_at_any_instant_of_the_start_ends_it_well(folder: Path) -> None:
    def start_and_stop(number: int, after: float) -> tuple[int, str]:
        own = folder / str(number)
        own.mkdir()
        (own / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
        with running(own, "serve", "--port", "0") as command:
            command.wait_for(BASE)
            time.sleep(after)
            return command.stop(), command.said()

    with ThreadPoolExecutor(2) as both:
        for code, said in both.map(start_and_stop, range(len(INSTANTS)), INSTANTS):
            assert code == 0, said
            assert "Traceback" not in said


def test_serve_with_several_processes_answers_and_stops_with_its_worker(folder: Path) -> None:
    with running(folder, "serve", "--port", "0", "--workers", "2") as command:
        base = command.wait_for(BASE)
        assert {get(f"{base}/health/ready")[0] for _ in range(10)} == {200}
        command.wait_for("worker_started")
        assert command.stop() == 0, command.said()
        assert "worker_stopped" in command.said()
        assert "Traceback" not in command.said()


def test_without_a_scheduler_no_worker_runs_beside_the_servers(folder: Path) -> None:
    with running(folder, "serve", "--port", "0", "--workers", "2", HUOBAN_SCHEDULER="false") as command:
        assert get(command.wait_for(BASE) + "/health/ready")[0] == 200
        assert command.stop() == 0
        assert "worker_started" not in command.said()


def test_a_worker_runs_by_itself_until_it_is_told_to_stop(folder: Path) -> None:
    with running(folder, "worker") as command:
        command.wait_for("worker_started")
        assert command.stop() == 0, command.said()
        assert "Traceback" not in command.said()


def test_the_demo_is_up_with_news_and_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    more = {"TMPDIR": str(scratch), "HUOBAN_DATABASE_URL": "mysql://the/newsroom", "HUOBAN_TIMEZONE": "Mars"}
    with running(folder, "demo", "--port", "0", **more) as command:
        base = command.wait_for(r"(http://127\.0\.0\.1:\d+)/demo")
        assert len(json.loads(get(f"{base}/daily.json")[1])["items"]) >= 1
        assert get(f"{base}/daily.rss")[0] == 200
        assert get(f"{base}/demo")[0] == 200
        token = command.wait_for(r"token (hb_\S+)")
        request = urllib.request.Request(f"{base}/api/v1/stories", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["total"] >= 1
        assert command.stop() == 0, command.said()
        assert "Traceback" not in command.said()
    assert not (folder / "data").exists()
    assert list(scratch.iterdir()) == []


def test_what_keeps_a_server_from_starting_is_one_clear_line(
    huoban: Terminal, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "broken.yaml").write_text(
        "version: 1\nfeeds:\n  - id: a\n    name: A\n    url: https://a.example/\n    colour: red\n"
    )
    (bare / "torn.yaml").write_text("version: [1\nfeeds: {")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        huoban("serve", "--port", port).refused(port, "--port")
        huoban("demo", "--port", port).refused(port, "--port")
    for host in (".", "a" * 70, "203.0.113.9"):
        huoban("serve", "--port", "0", "--host", host).refused(host)
    for name in ("broken.yaml", "torn.yaml", "missing.yaml"):
        monkeypatch.setenv("HUOBAN_FEEDS_FILE", str(bare / name))
        for words in (("serve", "--port", "0"), ("worker",)):
            huoban(*words).refused(name)


def test_a_port_in_use_ends_the_process_with_1_and_no_traceback(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with running(folder, "serve", "--port", str(taken.getsockname()[1])) as command:
            assert command.process.wait(COMES_UP_WITHIN) == 1
            assert len(command.said().splitlines()) == 1
            assert command.said().startswith("huoban: ")


def test_no_part_of_an_answer_waits_for_the_client_to_acknowledge_the_one_before() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
