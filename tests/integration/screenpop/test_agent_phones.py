"""An agent with several phones, served by several Asterisks."""

from __future__ import annotations

import pytest

from ami_bridge.pauses import Pauses
from calls.agents import AgentState
from screenpop.agents.agents import Agents, Chosen
from storage.database import Database
from tests.fakes.desk_server import CHEN, QueueControlTwin, add_agents
from tests.fakes.ringing_call import now
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


async def test_an_asterisk_that_is_away_keeps_no_phone_from_the_other(database: Database) -> None:
    await add_agents(database, CHEN)
    hq, branch = QueueControlTwin(away=True), QueueControlTwin()
    pauses = Pauses({"hq": hq, "branch": branch}, login_of=lambda _: CHEN.login)
    async with Agents(database=database, queue_control=pauses) as agents:
        agents.take(CHEN.login, Chosen(AgentState.NOT_READY, "lunch", now()))
        await wait_until(lambda: len(branch.told) == len(CHEN.interfaces))
        assert branch.told == [(phone, True, "lunch") for phone in CHEN.interfaces]

        hq.away = False
        agents.wish_all()
        await wait_until(lambda: len(hq.told) == len(CHEN.interfaces))
