"""What agents' desktops ask for is done by the real Asterisk, with the rights that we ship, to
calls on phones that know nothing of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from calls import events
from calls.agents import Agent
from calls.ports import QueueRequest
from config.settings import WebSettings
from crm_adapter.follow_ups import DatabaseFollowUps
from scoring.offer_ledger import DatabaseOfferLedger
from screenpop.desk import protocol
from screenpop.desk.desk import Desk
from storage.database import Database
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House, to
from tests.acceptance.transfer_house import TransferHouse
from tests.acceptance.waiting import until
from tests.fakes.desk_server import ANNA, BEN, CHEN, add_agents

pytestmark = pytest.mark.acceptance

STAYS = PhoneShape(ring_ms=100)
RINGS_ON = PhoneShape(ring_ms=None)
EVERYBODY_ANSWERS = {"agent1": STAYS, "agent2": STAYS, "agent3": STAYS}
HOW: tuple[Literal["blind", "attended"], ...] = ("blind", "attended")
A, B, C = "PJSIP/agent1", "PJSIP/agent2", "PJSIP/agent3"


@dataclass
class Screen:
    """An agent's desktop."""

    desk: Desk
    login: str
    session: str = "a log-in"
    frames: list[dict[str, Any]] = field(default_factory=list)

    def offer(self, text: str, seq: int | None = None) -> bool:
        self.frames.append(json.loads(text))
        return True

    def drop(self, code: int, reason: str) -> None: ...

    __hash__ = object.__hash__

    async def some(self, kind: str, **parts: str) -> dict[str, Any]:
        async def seen() -> dict[str, Any] | None:
            for frame in self.frames:
                if frame["kind"] == kind and all(frame[k] == v for k, v in parts.items()):
                    return frame
            return None

        found = await until(seen, f"{kind} {parts}", deadline_s=10, every_s=0.02)
        assert found is not None
        return found

    async def shown_from(self, login: str) -> None:
        """In the offer; or right after it, where Asterisk tells of the ringing first."""

        async def shown() -> bool:
            pops = (*self.of("pop.offer"), *self.of("pop.update"))
            return any(pop["content"]["call"]["transferred_from"] == login for pop in pops)

        await until(shown, f"a call that {login} gave away", deadline_s=10, every_s=0.02)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["kind"] == kind]

    def say(self, frame: protocol.ClientFrame) -> None:
        self.desk.receive(self.login, frame)


@dataclass
class Floor:
    house: House
    phones: SipPhones
    anna: Screen
    ben: Screen
    chen: Screen

    async def answered(self, by: Screen | None = None) -> str:
        """Anna has a caller; her pop."""
        self.house.ring(CallerShape())
        claim = await (by or self.anna).some("pop.claim")
        return str(claim["pop_id"])

    async def talking_on(self) -> set[str]:
        shown = await self.house.pbx.rx("core show channels concise")
        names = [line.split("!")[0] for line in shown.splitlines() if "!" in line]
        return {name.rpartition("-")[0] for name in names if name.startswith("PJSIP/agent")}

    async def hang_up(self, endpoint: str) -> None:
        shown = await self.house.pbx.rx("core show channels concise")
        [name] = [line.split("!")[0] for line in shown.splitlines() if line.startswith(endpoint)]
        await self.house.pbx.rx(f"channel request hangup {name}")


@pytest.fixture
async def floor(hall: TransferHouse, tmp_path: Path, database: Database) -> AsyncIterator[Floor]:
    async with opened(hall, tmp_path, database) as floor:
        yield floor


@pytest.fixture
async def local_floor(
    hall: TransferHouse, tmp_path: Path, database: Database
) -> AsyncIterator[Floor]:
    """Ben and Chen are rung as FreePBX rings its queue members."""
    ben, chen = (
        replace(agent, interfaces=(f"Local/{number}@from-queue/n",))
        for agent, number in ((BEN, 102), (CHEN, 103))
    )
    async with opened(hall, tmp_path, database, ANNA, ben, chen) as floor:
        floor.house.dialog = to(QueueRequest("locals"))
        yield floor


@asynccontextmanager
async def opened(
    hall: TransferHouse,
    tmp_path: Path,
    database: Database,
    *agents: Agent,
    shapes: Mapping[str, PhoneShape] = EVERYBODY_ANSWERS,
) -> AsyncIterator[Floor]:
    await add_agents(database, *agents)
    async with queue_house.opened(hall.pbx, tmp_path) as house:
        house.dialog = to(QueueRequest("anna_only"))
        desk = Desk(
            database=database,
            bus=house.bus,
            queue_control=house.bridge.queue_control,
            transfers=house.bridge.transfers,
            offers=DatabaseOfferLedger(database=database),
            follow_ups=DatabaseFollowUps(database=database),
            web=WebSettings(),
        )
        phones = SipPhones(agents=hall.pbx.agents, shapes=shapes, folder=tmp_path)
        async with desk, phones:
            screens = [Screen(desk, login) for login in ("anna", "ben", "chen")]
            for screen in screens:
                desk.attach(screen.login, screen, None)
            try:
                yield Floor(house, phones, *screens)
            finally:
                await hall.pbx.rx("channel request hangup all")
                await house.some(events.CallEnded)
                desk.hub.close_all()


async def test_the_colleague_is_asked_with_pop_and_note_and_gets_the_call(floor: Floor) -> None:
    pop = await floor.answered()
    floor.anna.say(protocol.NoteSet(pop_id=pop, text="wants a refund"))
    floor.anna.say(protocol.CallTransfer(pop_id=pop, target="Ben Okafor", how="attended"))
    await floor.anna.some("call.consult", state="talking", target="ben")
    asked = await floor.ben.some("pop.offer")
    assert asked["content"]["call"]["transferred_from"] == "anna"
    assert "wants a refund" in json.dumps(asked["content"])
    assert not floor.house.of(events.AgentReleased)
    floor.anna.say(protocol.CallTransferComplete(pop_id=pop))
    wrap_up = await floor.anna.some("pop.wrapup")
    assert wrap_up["wrapup"]["transferred"]
    await floor.anna.some("call.consult", state="over")
    assert await floor.talking_on() == {B}
    assert [event.interface for event in floor.house.of(events.AgentReleased)] == [A]


async def test_back_to_the_caller(floor: Floor) -> None:
    pop = await floor.answered()
    floor.anna.say(protocol.CallTransfer(pop_id=pop, target="ben", how="attended"))
    await floor.anna.some("call.consult", state="talking", target="ben")
    floor.anna.say(protocol.CallTransferCancel(pop_id=pop))
    await floor.anna.some("call.consult", state="over")
    await floor.ben.some("pop.wrapup")
    assert await floor.talking_on() == {A}
    assert not floor.anna.of("pop.wrapup")


async def test_all_three_talk_and_the_agent_leaves(floor: Floor) -> None:
    """Asked by the number of the house, which is dialled as agents dial."""
    pop = await floor.answered()
    floor.anna.say(protocol.CallTransfer(pop_id=pop, target="103", how="attended"))
    await floor.anna.some("call.consult", state="talking", target="103")
    await floor.chen.some("pop.claim")
    floor.anna.say(protocol.CallConference(pop_id=pop))
    await floor.anna.some("call.consult", state="conference")

    async def three() -> bool:
        shown = await floor.house.pbx.rx("bridge show all")
        return any(line.split()[1:2] == ["3"] or " 3 " in line for line in shown.splitlines())

    await until(three, "a bridge of three")
    assert not floor.house.of(events.AgentReleased)
    await floor.hang_up(A)
    await floor.anna.some("pop.wrapup")
    assert await floor.talking_on() == {C}


async def test_a_blind_transfer_reaches_the_colleague(floor: Floor) -> None:
    pop = await floor.answered()
    floor.anna.say(protocol.CallTransfer(pop_id=pop, target="chen"))
    await floor.anna.some("pop.wrapup")
    claimed = await floor.chen.some("pop.offer")
    assert claimed["content"]["call"]["transferred_from"] == "anna"
    await floor.chen.some("pop.claim")
    assert await floor.talking_on() == {C}
    [transfer] = floor.house.of(events.CallTransferred)
    assert transfer.to_extension == "chen"


@pytest.mark.parametrize(
    "target", ["049301234", "+4930123", "anna", "PJSIP/agent2", "102,1", "１０２"]
)
async def test_nobody_else_is_reached(floor: Floor, target: str) -> None:
    pop = await floor.answered()
    for how in ("blind", "attended"):
        floor.anna.say(protocol.CallTransfer(pop_id=pop, target=target, how=how))
        floor.anna.frames.remove(await floor.anna.some("notice", code="transfer_target"))
    floor.ben.say(protocol.CallTransfer(pop_id=pop, target="chen"))
    await floor.ben.some("notice", code="transfer_refused")
    floor.anna.say(protocol.CallConference(pop_id=pop))
    await floor.anna.some("notice", code="transfer_none")
    assert await floor.talking_on() == {A}


async def test_local_members_ask_take_back_and_hand_over(local_floor: Floor) -> None:
    floor, ben, chen = local_floor, local_floor.ben, local_floor.chen
    pop = await floor.answered(ben)
    ben.say(protocol.NoteSet(pop_id=pop, text="wants a refund"))
    ben.say(protocol.CallTransfer(pop_id=pop, target="chen", how="attended"))
    await ben.some("call.consult", state="talking", target="chen", name=CHEN.name)
    asked = await chen.some("pop.offer")
    assert asked["content"]["call"]["transferred_from"] == "ben"
    assert "wants a refund" in json.dumps(asked["content"])
    ben.say(protocol.CallTransferCancel(pop_id=pop))
    await ben.some("call.consult", state="over")
    await chen.some("pop.wrapup")
    assert await floor.talking_on() == {B}
    ben.frames.clear()
    # At once: the tone to who takes a call back is waited for.
    ben.say(protocol.CallTransfer(pop_id=pop, target="chen", how="attended"))
    await ben.some("call.consult", state="talking")
    ben.say(protocol.CallTransferComplete(pop_id=pop))
    wrap_up = await ben.some("pop.wrapup")
    assert wrap_up["wrapup"]["transferred"]
    assert await floor.talking_on() == {C}


async def test_local_members_confer(local_floor: Floor) -> None:
    floor, ben = local_floor, local_floor.ben
    pop = await floor.answered(ben)
    ben.say(protocol.CallTransfer(pop_id=pop, target="chen", how="attended"))
    await ben.some("call.consult", state="talking")
    ben.say(protocol.CallConference(pop_id=pop))
    await ben.some("call.consult", state="conference")
    assert await floor.talking_on() == {B, C}
    ben.say(protocol.CallTransferComplete(pop_id=pop))
    await ben.some("pop.wrapup")
    assert await floor.talking_on() == {C}


async def test_local_members_give_away_at_once(local_floor: Floor) -> None:
    floor, ben, chen = local_floor, local_floor.ben, local_floor.chen
    pop = await floor.answered(ben)
    ben.say(protocol.CallTransfer(pop_id=pop, target="chen"))
    await ben.some("pop.wrapup")
    await chen.some("pop.offer")
    await chen.shown_from("ben")
    await chen.some("pop.claim")
    assert await floor.talking_on() == {C}
