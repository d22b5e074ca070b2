"""``/metrics`` on the real app: true figures, for the right people, and rules that a real Prometheus accepts."""

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.models import Delivery, Fetch
from tests.builders import a_feed, a_story, stored
from tests.conftest import NOON, Desk, SettableClock, serving, settings_for
from tests.desk.newsroom import a_published, a_wire_story, place, tag

pytestmark = pytest.mark.anyio
DEPLOY = Path(__file__).parents[2] / "deploy"


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_figures_say_how_the_newsroom_stands(desk: Desk, clock: SettableClock) -> None:
    late, broken = a_feed(next_due_at=clock.now), a_feed(next_due_at=clock.now, alarm="nothing since Monday")
    paused = a_feed(enabled=False, next_due_at=clock.now)
    story = a_story(late, at=NOON)
    fetches = [
        Fetch(feed_id=late.id, started_at=NOON, seconds=0.5, outcome="ok", bytes=70, parse_seconds=0.03),
        Fetch(feed_id=broken.id, started_at=NOON, seconds=2, outcome="timeout"),
    ]
    await stored(desk.database, late, broken, paused)
    await stored(desk.database, story, *fetches)
    clock.move(minutes=30)
    await a_published(desk)
    clock.move(minutes=10)
    found = figures((await desk.public.get("/metrics")).text)
    expected: dict[tuple[str, ...], float] = {
        ("huoban_feeds", "enabled"): 2,
        ("huoban_feeds", "alarm"): 1,
        ("huoban_feeds", "paused"): 1,
        ("huoban_fetch_lag_seconds",): 2400,
        ("huoban_fetches_last_hour", "ok"): 1,
        ("huoban_fetches_last_hour", "timeout"): 1,
        ("huoban_fetch_seconds_last_hour", "timeout"): 2,
        ("huoban_fetched_bytes_last_hour",): 70,
        ("huoban_parse_seconds_last_hour_bucket", "0.025"): 0,
        ("huoban_parse_seconds_last_hour_bucket", "0.05"): 1,
        ("huoban_parse_seconds_last_hour_bucket", "+Inf"): 1,
        ("huoban_outgoing_lag_seconds",): 0,
        ("huoban_stories_waiting", "new"): 1,
        ("huoban_oldest_waiting_seconds",): 2400,
        ("huoban_published_today",): 1,
        ("huoban_overdue_publications",): 0,
        ("huoban_editions_overdue",): 0,
        ("huoban_digest_age_seconds",): -1,
        ("huoban_human_act_age_seconds",): 600,
        ("huoban_event_streams",): 0,
    }
    assert {key: found.get(key) for key in expected} == expected
    clock.move(days=2)
    later = figures((await desk.public.get("/metrics")).text)
    assert later[("huoban_editions_overdue",)] == 1
    assert ("huoban_fetches_last_hour", "ok") not in later


async def test_what_goes_out_is_counted_by_kind_and_by_how_it_ended(desk: Desk, clock: SettableClock) -> None:
    def a_delivery(n: int, kind: str, state: str, **more: Any) -> Delivery:
        about = {"lane": kind, "target": "t", "subject": "edition:2026-11-24", "seq": 1, "created_at": clock.now}
        return Delivery(id=f"d{n}", key=f"k{n}", kind=kind, state=state, **({"due_at": clock.now} | about | more))

    await stored(
        desk.database,
        a_delivery(1, "ping", "waiting"),
        a_delivery(2, "ping", "waiting", due_at=clock.now + timedelta(hours=2)),
        a_delivery(3, "mail", "sent", finished_at=clock.now),
        a_delivery(4, "mail", "uncertain", finished_at=clock.now),
        a_delivery(5, "mail", "sent", finished_at=clock.now - timedelta(hours=2)),
    )
    clock.move(minutes=5)
    found = figures((await desk.public.get("/metrics")).text)
    expected: dict[tuple[str, ...], float] = {
        ("huoban_outgoing_waiting", "ping"): 2,
        ("huoban_outgoing_due", "ping"): 1,
        ("huoban_outgoing_lag_seconds",): 300,
        ("huoban_outgoing_last_hour", "mail", "sent"): 1,
        ("huoban_outgoing_last_hour", "mail", "uncertain"): 1,
    }
    assert {key: found.get(key) for key in expected} == expected


async def test_requests_are_counted_by_pattern_and_no_client_makes_up_a_series(desk: Desk) -> None:
    await a_published(desk)
    for path in ("/latest.rss", "/latest.rss", "/latest.atom", "/invented", "/invented/more", "/stories/none.json"):
        await desk.public.get(path)
    await desk.editor.get("/api/v1/stories/nothing")
    found = figures((await desk.public.get("/metrics")).text)
    count = "huoban_http_requests_total"
    assert found[(count, "GET", "/latest", "200")] == 3
    assert found[(count, "GET", "/api/v1/stories/{story_id}", "404")] == 1
    assert found[(count, "GET", "other", "404")] == 2
    assert not [key for key in found if "invented" in str(key) or "nothing" in str(key)]
    assert found[("huoban_http_request_seconds_count", "/latest")] in (2, 3), "what is at hand is not timed"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_a_forwarded_header_opens_nothing_and_closes_the_door_that_has_no_token(desk: Desk, header: str) -> None:
    refused = await desk.public.get("/metrics", headers={header: "127.0.0.1"})
    assert refused.status_code == 403
    assert "HUOBAN_METRICS_TOKEN" in refused.json()["detail"]


async def test_token_is_asked_for_where_one_is_set(sqlite_url: str, clock: SettableClock) -> None:
    settings = settings_for(sqlite_url, metrics_token="right")
    async with serving(settings, clock=clock) as base, httpx.AsyncClient(base_url=base, trust_env=False) as client:
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
            answer = await client.get("/metrics", headers=wrong)
            assert answer.status_code == 401
            assert "right" not in answer.text
        right = {"Authorization": "Bearer right", "X-Forwarded-For": "203.0.113.7"}
        assert (await client.get("/metrics", headers=right)).status_code == 200


async def test_rules_and_dashboard_ask_only_for_figures_that_exist(desk: Desk) -> None:
    await a_published(desk)
    exposed = {name for name, *_ in figures((await desk.public.get("/metrics")).text)}
    # What has no sample in a newsroom this young.
    exposed |= {"huoban_fetches_last_hour", "huoban_fetch_seconds_last_hour"}
    exposed |= {"huoban_outgoing_due", "huoban_outgoing_last_hour", "huoban_outgoing_waiting"}
    rules = (DEPLOY / "prometheus/huoban-alerts.yml").read_text(encoding="utf-8")
    dashboard = json.loads((DEPLOY / "grafana/huoban.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert set(re.findall(r"huoban_[a-z_]+", " ".join([rules, *expressions]))) <= exposed


def test_real_prometheus_accepts_the_alert_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "CI installs it"
        pytest.skip("no promtool; install your system's prometheus package")
    checked = subprocess.run(
        [promtool, "check", "rules", DEPLOY / "prometheus/huoban-alerts.yml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "11 rules found" in checked.stdout


async def test_list_that_people_opened_after_its_cut_off_is_theirs_and_never_overdue(
    desk: Desk, clock: SettableClock
) -> None:
    story = await a_wire_story(desk)
    assert (await tag(desk, story)).is_success
    assert (await place(desk, story, day="2026-11-20")).status_code == 201
    clock.move(days=3)
    found = figures((await desk.public.get("/metrics")).text)
    assert found[("huoban_editions_overdue",)] == 0
