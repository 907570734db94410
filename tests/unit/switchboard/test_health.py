"""What /metrics says, as Prometheus reads it."""

from __future__ import annotations

import re

import pytest
from prometheus_client.exposition import generate_latest

from switchboard.health import Health, PartState

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
