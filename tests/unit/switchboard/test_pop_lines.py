"""What `switchboard explain-pop` prints of steps and stops."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from screenpop.pops.explain_pop import DeliveryTrace
from supervisor.told_pops import Stopped, ToldPops
from switchboard import pop_lines

pytestmark = pytest.mark.unit

AT = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
STEP = DeliveryTrace(
    agent="chen",
    interface="Local/300@agents",
    pop_id="p",
    seq=1,
    kind="pop.offer",
    event_at=AT,
    sent_at=AT,
    sockets=0,
    acked_at=None,
    rendered_ms=None,
    known_by="PJSIP/agent3",
    logged_in=False,
)
STOP = Stopped("logged_out", {"agent": "chen", "interface": "Local/300@agents"}, "chen", AT)


def test_steps_first_then_where_it_stopped_and_what_to_do() -> None:
    step, happened, do = pop_lines.lines(ToldPops([STEP], [STOP]))
    assert step == (
        "09:30:00 pop.offer for chen (Local/300@agents, known by PJSIP/agent3): "
        "no desktop was open, never acknowledged"
    )
    assert happened == ("stopped (logged_out): Local/300@agents rang, and chen was not logged in.")
    assert do.startswith("  what to do: chen logs in before taking calls")


def test_programs_are_told_codes() -> None:
    told = pop_lines.as_json(ToldPops([STEP], [STOP]))
    told = json.loads(json.dumps(told, default=datetime.isoformat))
    [step], [stop] = told["steps"], told["stops"]
    assert (step["agent"], step["known_by"], step["logged_in"]) == ("chen", "PJSIP/agent3", False)
    assert (stop["code"], stop["agent"], stop["count"]) == ("logged_out", "chen", 1)
    assert stop["happened"].endswith("chen was not logged in.")
