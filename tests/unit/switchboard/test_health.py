"""What /metrics says, as Prometheus reads it."""

from __future__ import annotations

import functools
import re

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.exposition import generate_latest

from switchboard.health import Health, PartState
from tests.fakes.kept_app import kept_app

pytestmark = pytest.mark.unit


def test_every_metric_is_described_once() -> None:
    health = Health()
    health.add_part("agi", lambda: PartState(True, "listens", needed=True))
    health.add_part("ami", lambda: PartState(False, "away"))
    health.add_counters(lambda: {"agi_live": 2.0, "agi_calls_total": 7.0})
    text = generate_latest(health.registry).decode()
    described = re.findall(r"^# HELP (\S+)", text, re.MULTILINE)
    assert len(described) == len(set(described))
    assert 'switchboard_part_up{part="agi"} 1.0' in text
    assert 'switchboard_part_up{part="ami"} 0.0' in text
    assert "switchboard_agi_calls_total 7.0" in text


AGI = PartState(True, "listens", needed=True)
AMI = PartState(False, "away", remedy="see that Asterisk runs")


@pytest.mark.parametrize(
    ("parts", "status", "state"),
    [
        ({}, 503, "starting"),
        ({"agi": AGI}, 200, "ok"),
        ({"agi": AGI, "ami": AMI}, 200, "degraded"),
        ({"agi": PartState(False, "not listening", needed=True), "ami": AMI}, 503, "failed"),
    ],
)
async def test_ready_is_who_can_serve_and_alive_is_who_answers(
    parts: dict[str, PartState], status: int, state: str
) -> None:
    health = Health()
    for name in parts:
        health.add_part(name, functools.partial(parts.__getitem__, name))
    health.add_figures(lambda: {"rulebook_version": "abc", "ami_last_byte_age_s": None})
    app = kept_app()
    health.add_routes(app)
    async with TestClient(TestServer(app)) as http:
        async with http.get("/readyz") as answer:
            body = await answer.json()
            assert (answer.status, body["ready"]) == (status, status == 200)
            assert body["state"] == state
            told = {name: part.get("do") for name, part in body["parts"].items()}
            assert told.get("ami") == ("see that Asterisk runs" if "ami" in parts else None)
            assert body["figures"]["rulebook_version"] == "abc"
        # Whatever is away: to start it again would mend nothing.
        async with http.get("/healthz") as answer:
            alive = await answer.json()
            assert (answer.status, alive["alive"], alive["state"]) == (200, True, state)
            assert {"loop_lag_p99_s", "loop_lag_worst_s", "ami_last_byte_age_s"} <= set(alive)
