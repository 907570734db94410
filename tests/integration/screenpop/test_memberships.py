"""Who is put into Asterisk's queues and taken out again, and who is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from calls import events
from calls.agents import Agent, AgentState, QueueMember, Skill
from config.queue_settings import QueueSettings
from screenpop.agents.agent_admin import AgentChange, change_agent, remove_agents
from screenpop.agents.agent_tables import agent_sessions
from screenpop.agents.agents import Agents, Chosen
from screenpop.agents.membership_tables import queue_memberships
from screenpop.agents.memberships import Memberships
from storage.database import Database
from tests.fakes.desk_server import ANNA, BEN, CHEN, QueueControlTwin, add_agents
from tests.fakes.queue_members import QueuesTwin
from tests.fakes.ringing_call import now
from tests.integration.screenpop.test_agent_import import sit_down
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

AVAILABLE, NOT_READY, OFFLINE = AgentState
SUPPORT, SALES = ("support", "PJSIP/agent1"), ("sales", "PJSIP/agent1")
DORA = Agent("dora", "Dora", ("PJSIP/dora",), ("nowhere", "support"), skills=(Skill("french", 7),))


@dataclass
class Work:
    """Agents, their memberships, and the clock by which they have left."""

    database: Database
    agents: Agents
    memberships: Memberships
    queues: QueuesTwin
    time: float = 0.0
    control: QueueControlTwin = field(default_factory=QueueControlTwin)

    async def choose(self, login: str, state: AgentState, reason: str | None = None) -> None:
        chosen = Chosen(state, reason, now())
        told = len(self.control.told)
        self.agents.take(login, chosen)
        await self.agents.store(login, chosen)
        await wait_until(lambda: len(self.control.told) > told)

    async def leave(self, login: str) -> None:
        statement = sa.delete(agent_sessions).where(agent_sessions.c.login == login)
        await self.database.writer.write(lambda connection: connection.execute(statement))

    async def pass_by(self, seconds: float) -> None:
        await self.memberships.settle()
        self.time += seconds
        await self.memberships.settle()

    async def written(self) -> set[tuple[str, str]]:
        async with self.database.read() as connection:
            rows = await connection.execute(sa.select(queue_memberships))
        return {(row.queue, row.interface) for row in rows}


@asynccontextmanager
async def work(
    database: Database,
    queues: QueuesTwin,
    settings: QueueSettings | None = None,
    system: str = "pbx",
) -> AsyncIterator[Work]:
    async def join(agent: Agent, reason: str) -> None:
        await memberships.join(agent, reason)

    control = QueueControlTwin()
    agents = Agents(database=database, queue_control=control, join=join)
    memberships = Memberships(
        database=database,
        queues=queues,
        system=system,
        settings=settings or QueueSettings(),
        agents=agents,
        clock=lambda: here.time,
        check_s=0.01,
    )
    here = Work(database, agents, memberships, queues, control=control)
    async with agents, memberships:
        yield here


@pytest.fixture
async def queues(database: Database) -> QueuesTwin:
    await add_agents(database, ANNA, BEN, CHEN, DORA)
    await sit_down(database, "anna", "ben", "chen", "dora")
    return QueuesTwin()


async def test_an_agent_is_a_member_while_at_work(database: Database, queues: QueuesTwin) -> None:
    async with work(database, queues) as here:
        await here.choose("anna", NOT_READY, "lunch")
        assert set(queues.dynamic) == {SUPPORT, SALES} == await here.written()
        assert queues.dynamic[SUPPORT] == QueueMember(*SUPPORT, ANNA.name, "PJSIP/agent1")
        assert queues.paused == {SUPPORT: "lunch", SALES: "lunch"}
        await here.choose("anna", AVAILABLE)
        assert here.control.told[-1] == ("PJSIP/agent1", False, "")
        await here.pass_by(3600)
        assert set(queues.dynamic) == {SUPPORT, SALES}
        await here.choose("anna", OFFLINE)
        await here.pass_by(29)
        assert set(queues.dynamic) == {SUPPORT, SALES}
        await here.pass_by(1)
        assert (queues.dynamic, await here.written()) == ({}, set())


async def test_who_logs_out_is_taken_out_and_comes_back_at_the_desktop(
    database: Database, queues: QueuesTwin
) -> None:
    async with work(database, queues) as here:
        await here.choose("anna", AVAILABLE)
        await here.leave("anna")
        await here.pass_by(20)
        # Back before the time is over: as if they had never been away.
        await sit_down(database, "anna")
        await here.pass_by(20)
        assert set(queues.dynamic) == {SUPPORT, SALES}
        await here.leave("anna")
        await here.pass_by(30)
        assert queues.dynamic == {}
        # Nobody sits there, so a restart of Asterisk's brings nobody back.
        await here.agents.on_ami_restored(events.AmiRestored(now()))
        await wait_until(lambda: len(here.control.told) > 1)
        assert queues.dynamic == {}
        await sit_down(database, "anna")
        here.memberships.seated("anna")
        await wait_until(lambda: set(queues.dynamic) == {SUPPORT, SALES})


async def test_members_of_others_are_left_alone(database: Database, queues: QueuesTwin) -> None:
    """By queues.conf; by another of the agent's names; and by what another program added."""
    queues.configure(QueueMember(*SUPPORT), QueueMember("support", "Local/2@q", "", "PJSIP/agent2"))
    queues.dynamic[("support", "Local/300@agents")] = QueueMember("support", "Local/300@agents")
    async with work(database, queues) as here:
        for login in ("anna", "ben", "chen"):
            await here.choose(login, AVAILABLE)
        assert queues.asked == [("add", *SALES)]
        for login in ("anna", "ben", "chen"):
            await here.choose(login, OFFLINE)
        await here.pass_by(30)
        assert queues.asked[1:] == [("remove", *SALES)]
        assert len(queues.members_of("support")) == 3


async def test_restarts_of_either_side_lose_and_double_nothing(
    database: Database, queues: QueuesTwin
) -> None:
    async with work(database, queues) as here:
        await here.choose("anna", AVAILABLE)
        queues.restart()
        await here.agents.on_ami_restored(events.AmiRestored(now()))
        await wait_until(lambda: set(queues.dynamic) == {SUPPORT, SALES})
    # Both at once: nothing tells us then that Asterisk was away.
    queues.restart()
    queues.is_ready = False
    async with work(database, queues) as here:
        await here.choose("ben", AVAILABLE)
        assert queues.dynamic == {}
        here.time += 15
        queues.is_ready = True
        await wait_until(lambda: len(queues.dynamic) == 3)
        # What was ours before is ours still.
        await here.choose("anna", OFFLINE)
        await here.pass_by(30)
        assert set(queues.dynamic) == {("support", "PJSIP/agent2")} == await here.written()


async def test_what_is_changed_for_an_agent_reaches_the_queues(
    database: Database, queues: QueuesTwin
) -> None:
    async with work(database, queues) as here:
        await here.choose("anna", AVAILABLE)
        await here.choose("ben", AVAILABLE)
        await change_agent(database, "anna", AgentChange(queues=("sales",)))
        await here.agents.reload()
        await wait_until(lambda: set(queues.dynamic) == {SALES, ("support", "PJSIP/agent2")})
        # A phone that is somebody else's now stays in the queue by them.
        await change_agent(database, "ben", AgentChange(interfaces=("PJSIP/agent5",)))
        await change_agent(
            database, "anna", AgentChange(interfaces=("PJSIP/agent2",), queues=("support",))
        )
        await here.agents.reload()
        places = {("support", "PJSIP/agent5"), ("support", "PJSIP/agent2")}
        await wait_until(lambda: set(queues.dynamic) == places)
        await remove_agents(database, ("anna",))
        await here.agents.reload()
        await wait_until(lambda: set(queues.dynamic) == {("support", "PJSIP/agent5")})
        # Behind the one that is under way.
        await here.memberships.settle()
        assert await here.written() == {("support", "PJSIP/agent5")}


async def test_penalties_unknown_queues_and_phones_behind_local_channels(
    database: Database, queues: QueuesTwin
) -> None:
    settings = QueueSettings(penalty_skills={"support": "french"})
    async with work(database, queues, settings) as here:
        await here.choose("dora", AVAILABLE)
        await here.choose("chen", AVAILABLE)
        assert sorted(queues.dynamic.values(), key=lambda member: member.name) == [
            QueueMember("support", "PJSIP/dora", "Dora", "PJSIP/dora", 3),
            QueueMember("support", "Local/300@agents", CHEN.name, "PJSIP/agent3", 10),
        ]
        assert ("nowhere", "PJSIP/dora") not in await here.written()


async def test_switched_off_nobody_is_put_in(database: Database, queues: QueuesTwin) -> None:
    async with work(database, queues) as here:
        await here.choose("anna", AVAILABLE)
    async with work(database, queues, QueueSettings(membership="leave")) as here:
        await here.choose("ben", AVAILABLE)
        assert set(queues.dynamic) == {SUPPORT, SALES}
        # What we added before is still ours to remove.
        await here.choose("anna", OFFLINE)
        await here.pass_by(30)
        assert queues.dynamic == {}


async def test_each_asterisk_has_members_of_its_own(database: Database, queues: QueuesTwin) -> None:
    """Two in one database: the same places, told apart by the Asterisk's name."""
    branch = QueuesTwin(queues=frozenset({"support"}))
    async with work(database, queues) as here, work(database, branch, system="branch") as there:
        await here.choose("anna", AVAILABLE)
        await there.choose("anna", AVAILABLE)
        assert (set(queues.dynamic), set(branch.dynamic)) == ({SUPPORT, SALES}, {SUPPORT})
        queues.restart()
        await here.agents.on_ami_restored(events.AmiRestored(now()))
        await wait_until(lambda: set(queues.dynamic) == {SUPPORT, SALES})
    async with work(database, branch, system="branch") as there:
        await there.choose("anna", OFFLINE)
        await there.pass_by(30)
        assert (set(branch.dynamic), set(queues.dynamic)) == (set(), {SUPPORT, SALES})
        async with database.read() as connection:
            rows = await connection.execute(sa.select(queue_memberships.c.system).distinct())
        assert list(rows.scalars()) == ["pbx"]
