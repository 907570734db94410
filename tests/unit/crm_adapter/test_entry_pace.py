"""An entry that failed alone once is no more impatient than others when the CRM is away."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import cast

import pytest

from crm_adapter.outbox import ClaimedEntry
from crm_adapter.outbox_worker import Delivery, OutboxWorker
from storage.database import Database

pytestmark = pytest.mark.unit


class Ceiling(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


class Entry:
    key = "call:1"
    attempts = 20


def test_who_failed_while_others_got_through_waits_ever_longer_in_an_outage() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    worker = OutboxWorker(
        database=cast(Database, None),
        delivery=cast(Delivery, None),
        now=lambda: at,
        jitter=Ceiling(),
    )
    health = worker._health
    health.failed(Entry.key, at, was_probe=False)
    health.answered(at)
    for _ in range(18):
        health.failed(Entry.key, at, was_probe=True)

    assert health.own_failures(Entry.key) == 1
    assert worker._entry_delay_s(cast(ClaimedEntry, Entry())) == 300.0
