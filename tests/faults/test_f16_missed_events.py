"""F16: the manager is away for ten seconds while fifteen calls a second come and go.

Noticed within 8 s; afterwards each call that Asterisk's CDR has is there once, closed, recorded;
ends that nobody saw are marked as estimated; no action is done twice.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, no_channels, numbers, strangers
from tests.acceptance.waiting import until
from tests.faults.proxy import Direction, FaultProxy

pytestmark = [pytest.mark.acceptance, pytest.mark.alone, pytest.mark.long]

CALLS = 300
RATE_PER_S = 15.0
CUT_S = 10.0
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=3000, audio=False
)


class Actions:
    """What reached Asterisk, action by action."""

    def __init__(self) -> None:
        self.all: list[dict[str, str]] = []
        self._rest: dict[int, bytes] = {}

    def take(self, connection: int, direction: Direction, piece: bytes) -> None:
        if direction is not Direction.UP:
            return
        *blocks, rest = (self._rest.get(connection, b"") + piece).split(b"\r\n\r\n")
        self._rest[connection] = rest
        for block in blocks:
            self.all.append(dict(re.findall(r"([^:\r\n]+): ?([^\r\n]*)", block.decode())))


#: Actions that ask, and change nothing.
ASKING = {
    "Login",
    "Ping",
    "CoreSettings",
    "CoreShowChannels",
    "QueueStatus",
    "DBGetTree",
    "ListCommands",
}


def action_that_changes(action: dict[str, str]) -> tuple[str, ...] | None:
    """What it does to whom, whatever its ActionID; None where it only asks."""
    if action["Action"] in ASKING:
        return None
    headers = ("Interface", "Queue", "Variable", "Channel", "Caller", "Paused")
    return action["Action"], *(action[name] for name in headers if name in action)


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
async def proxy(actions: Actions) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(seen=actions.take) as proxy:
        yield proxy


@pytest.fixture
async def centre(proxy: FaultProxy, tmp_path: Path) -> AsyncIterator[DemoCentre]:
    centre = DemoCentre(
        folder=tmp_path,
        phone=PhoneShape(ring_ms=100, talk_ms=300, audio=False),
        desktops=False,
        overrides={"ami": {"port": proxy.port}},
    )
    proxy.target = ("127.0.0.1", centre.pbx.ami_port)
    async with centre:
        yield centre


async def ami(centre: DemoCentre, *, ok: bool, within_s: float) -> None:
    """Returns when /readyz says so."""

    async def told() -> bool:
        return bool((await centre.server.readyz())["parts"]["ami"]["ok"]) is ok

    await until(told, f"/readyz with ami ok={ok}", deadline_s=within_s)


async def test_every_call_of_asterisks_is_there_after_a_black_hole_under_load(
    centre: DemoCentre, proxy: FaultProxy, actions: Actions
) -> None:
    desktop = await centre.open_desktop("anna")
    [agent] = [agent for agent in centre.agents if agent.login == "anna"]
    async with Ledger(centre.storage_url) as ledger:
        at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE_PER_S)
        await reached(ledger, 60)
        cut_at = time.monotonic()
        proxy.blackhole()
        back_at = cut_at + CUT_S
        # While nobody notices yet: an action that nobody will answer.
        await desktop.set_state("not_ready")
        await ami(centre, ok=False, within_s=cut_at + 8 - time.monotonic())
        await asyncio.sleep(back_at - time.monotonic())
        proxy.let_pass()
        await ami(centre, ok=True, within_s=20)
        restored_at = datetime.now(UTC)
        assert_all_served(await at_work.wait(), CALLS)
        entries = await ledger.balanced(numbers(CALLS), deadline_s=30)

    lost = [e.call for e in entries.values() if e.call.outcome == "lost_sync"]
    assert lost, "calls must have ended unseen, or this tests nothing"
    assert {row[1] for row in centre.pbx.cdr()} == set(entries)
    # Whom queue_log saw connected and who did not end unseen, was answered for us too.
    connected = {row[1] for row in centre.pbx.queue_log() if row[4] == "CONNECT"}
    told = {e.call.linkedid for e in entries.values() if e.call.outcome == "answered"}
    assert told == connected - {call.linkedid for call in lost}
    assert all(call.end_estimated and call.arrived_at < restored_at for call in lost)
    assert not any(e.call.fallback for e in entries.values())
    assert (await centre.server.metrics())["calls_live"] == 0
    assert await no_channels(centre.pbx)
    sent = Counter(action["ActionID"] for action in actions.all)
    assert [action_id for action_id, times in sent.items() if times > 1] == []
    assert sum(action["Action"] == "Login" for action in actions.all) == proxy.connections
    # Nor under another ActionID: one pause is lifted as the agent logs in; the pause they asked for
    # while the line was dead arrives late, as TCP has it; and once more as the restore, which tells
    # Asterisk each agent's state once after every log-in.
    changes = Counter(filter(None, map(action_that_changes, actions.all)))
    (interface,) = agent.interfaces
    assert changes == {
        ("QueuePause", interface, "false"): 1,
        ("QueuePause", interface, "true"): 2,
    }
    assert "paused" in await centre.pbx.rx("queue show default")
