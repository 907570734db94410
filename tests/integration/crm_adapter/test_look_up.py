"""One number looked up, with the phone index and the remembered choices in a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from calls.bus import EventBus
from calls.call import CallId
from calls.caller import Caller, Candidate, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.events import CallerIdentified, CandidateChosen
from config.settings import CrmSettings
from crm_adapter.adapter import ChangePage, HitKind, Invalid, PhoneHit, Unavailable
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.directory import Directory
from crm_adapter.live import look_up
from crm_adapter.live.answer_cache import AnswerCache, CacheLimits
from crm_adapter.live.index_keeper import IndexKeeper
from crm_adapter.live.look_up import FROM_COPY, FROM_MEMORY, LookUp
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.live.phone_index import PhoneIndex
from ivr.inquiry import Inquiry
from storage.database import Database
from tests.fakes.crm_rows import NoSegments, call_from
from tests.fakes.directories import directory_over
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.integration

MARIA, HOME, STRANGER = "+12025550101", "+12025550103", "+12025550150"


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


class World:
    """A scripted CRM with everything that stands before one."""

    def __init__(self, database: Database, **settings: object) -> None:
        self.crm = ScriptedCrm()
        self.clock = Clock()
        self.index = PhoneIndex(database=database, region="US")
        self.choices = NumberChoices(database=database)
        self.settings = CrmSettings(late_deadline_s=30, **settings)  # type: ignore[arg-type]
        self.directory: Directory = directory_over(
            self.crm,
            settings=self.settings,
            cache=AnswerCache(limits=CacheLimits(), now=self.clock),
            index=self.index,
            choices=self.choices,
        )
        self.keeper = IndexKeeper(
            crm=self.crm,
            index=self.index,
            look_up=self.directory.look_up,
            region="US",
            every_s=60,
            copy_hour=3,
        )

    async def who(self, number: str, within_s: float = 30.0, **call: object) -> Caller:
        return await self.directory.identify(
            call_from(number, **call),  # type: ignore[arg-type]
            region="US",
            deadline=Deadline.after(within_s),
        )

    def told_of(self, *numbers: str) -> tuple[PhoneHit, ...]:
        return tuple(hit for number in numbers for hit in self.crm.hits[number])


@pytest.fixture(autouse=True)
def _own_tables_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they answer is tested here, not how soon: on a busy machine a caller would be told
    from the CRM instead."""
    monkeypatch.setattr(look_up, "OWN_TABLES_S", 30.0)


@pytest.fixture
async def world(any_database: Database) -> World:
    return World(any_database)


async def test_a_number_is_found_by_itself_in_a_database_without_statistics(
    any_database: Database,
) -> None:
    """By the key, which begins with the CRM, all of that CRM would be read for one number."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    event.listen(
        any_database.engine.sync_engine,
        "before_cursor_execute",
        lambda _link, _cursor, statement, given, *_rest: asked.append((statement, given)),
    )
    index = PhoneIndex(database=any_database, region="US")
    await index.holders(MARIA, crms=("crm",), limit=10, deadline=Deadline.after(30))
    statement, given = asked[-1]
    explain = "EXPLAIN QUERY PLAN" if any_database.is_sqlite else "EXPLAIN"
    async with any_database.read() as connection:
        if not any_database.is_sqlite:
            await connection.execute(text("SET enable_seqscan = off"))
        rows = await connection.exec_driver_sql(f"{explain} {statement}", given)
        plan = "\n".join(str(row[-1]) for row in rows)
    assert "ix_crm_phone_index_e164" in plan, plan
    assert "pk_crm_phone_index" not in plan, plan


async def test_the_crm_is_asked_once_in_ten_minutes(world: World) -> None:
    world.crm.add("C-1", MARIA)
    first = await world.who(MARIA)
    assert await world.who(MARIA) == first
    assert world.crm.asked_for == [("find_by_phone", MARIA), ("get", "C-1")]


async def test_an_ageing_answer_is_used_at_once_and_asked_anew_meanwhile(world: World) -> None:
    world.crm.add("C-1", MARIA, name="Maria")
    await world.who(MARIA)
    world.crm.hits.clear()
    world.crm.add("C-1", MARIA, name="Maria Garcia")
    world.clock.at = 700
    world.crm.gate.clear()
    caller = await world.who(MARIA)
    assert caller.contact is not None
    assert (caller.contact.name, caller.degraded) == ("Maria", ())
    world.crm.gate.set()
    while (await world.who(MARIA)).contact.name == "Maria":  # type: ignore[union-attr]
        await asyncio.sleep(0)


@pytest.mark.parametrize("trouble", ["silent", "broken"])
async def test_a_stale_answer_stands_in_for_a_crm_that_does_not_answer(
    world: World, trouble: str
) -> None:
    world.crm.add("C-1", MARIA)
    await world.who(MARIA)
    world.clock.at = 20_000
    if trouble == "silent":
        world.crm.gate.clear()
    else:
        world.crm.fault = Unavailable("down")
    caller = await world.who(MARIA, within_s=1)
    assert caller.contact is not None
    assert caller.degraded == (FROM_MEMORY,)
    await world.directory.close()


async def test_the_copy_says_who_and_only_the_history_is_asked_for(world: World) -> None:
    world.crm.add("C-1", MARIA, name="Maria")
    world.crm.pages = [ChangePage(world.told_of(MARIA), (), "1", more=False)]
    assert await world.keeper.copy_all() == 1
    world.crm.asked_for.clear()
    caller = await world.who(MARIA)
    assert caller.identity.outcome is IdentityOutcome.UNIQUE
    assert world.crm.asked_for == [("get", "C-1")]


async def test_with_the_crm_away_the_copy_still_knows_the_name(world: World) -> None:
    world.crm.add("C-1", MARIA, name="Maria")
    world.crm.pages = [ChangePage(world.told_of(MARIA), (), "1", more=False)]
    await world.keeper.copy_all()
    world.crm.fault = Unavailable("down")
    caller = await world.who(MARIA)
    assert caller.contact is not None
    assert (caller.contact.name, caller.degraded) == ("Maria", (FROM_COPY,))
    assert (caller.identity.outcome, caller.identity.method) == (IdentityOutcome.UNIQUE, "index")
    stranger = await world.who(STRANGER)
    assert (stranger.identity.outcome, stranger.degraded) == (IdentityOutcome.NONE, ())


async def test_a_copy_that_was_never_whole_proves_nothing(world: World) -> None:
    world.crm.fault = Unavailable("down")
    stranger = await world.who(STRANGER)
    assert stranger.identity.outcome is IdentityOutcome.ERROR


async def test_who_is_gone_from_the_crm_leaves_the_copy(world: World) -> None:
    ref = world.crm.add("C-1", MARIA)
    world.crm.pages = [ChangePage(world.told_of(MARIA), (), "1", more=False)]
    await world.keeper.copy_all()
    world.crm.hits.clear()
    world.crm.contacts.clear()
    caller = await world.who(MARIA)
    assert caller.identity.outcome is IdentityOutcome.NONE
    assert await world.index.count(ref.crm) == 0


async def test_recall_asks_nobody(world: World) -> None:
    call = call_from(MARIA)
    assert await world.directory.recall(call, region="US") is None
    world.crm.add("C-1", MARIA)
    await world.who(MARIA)
    world.clock.at = 20_000
    world.crm.asked_for.clear()
    caller = await world.directory.recall(call, region="US")
    assert caller is not None
    assert caller.degraded == (FROM_MEMORY,)
    withheld = await world.directory.recall(call_from("", withheld=True), region="US")
    assert withheld is not None
    assert withheld.identity.outcome is IdentityOutcome.WITHHELD
    assert world.crm.asked_for == []


async def test_changes_come_page_by_page_and_the_gone_go(world: World) -> None:
    ref = world.crm.add("C-1", MARIA)
    other = world.crm.add("C-2", HOME, "202-555-0104")
    world.crm.pages = [
        ChangePage(world.told_of(MARIA), (), "1", more=True),
        ChangePage(world.told_of(HOME), (), "2", more=False),
        ChangePage((), (ref,), "3", more=False),
    ]
    assert await world.keeper.copy_all() == 2
    soon = Deadline.after(30)
    held = await world.index.holders("+12025550104", crms=[ref.crm], limit=5, deadline=soon)
    assert [hit.candidate.ref for hit in held] == [other]
    assert await world.keeper.take_changes() == 0
    assert (await world.keeper.state()).cursor == "3"
    assert await world.index.count(ref.crm) == 1


async def test_a_copy_that_was_broken_off_goes_on_where_it_was(world: World) -> None:
    world.crm.add("C-1", MARIA)
    world.crm.add("C-2", HOME)
    world.crm.pages = [
        ChangePage(world.told_of(MARIA), (), "1", more=True),
        ChangePage(world.told_of(HOME), (), "2", more=False),
    ]
    seen: list[int] = []

    def break_off(count: int) -> None:
        seen.append(count)
        world.crm.fault = Unavailable("down")

    with pytest.raises(Unavailable):
        await world.keeper.copy_all(break_off)
    assert not (await world.keeper.state()).is_complete
    world.crm.fault = None
    world.crm.asked_for.clear()
    assert await world.keeper.copy_all() == 1
    assert world.crm.asked_for == [("changes", "1")]
    assert await world.index.count("scripted") == 2
    assert (await world.keeper.state()).is_complete


async def test_a_whole_copy_drops_who_was_not_told_of(world: World) -> None:
    world.crm.add("C-1", MARIA)
    world.crm.add("C-2", HOME)
    world.crm.pages = [ChangePage(world.told_of(MARIA, HOME), (), "1", more=False)]
    await world.keeper.copy_all()
    world.crm.pages = [ChangePage(world.told_of(HOME), (), "1", more=False)]
    await world.keeper.copy_all()
    assert await world.index.count("scripted") == 1


async def test_what_changed_is_not_answered_from_memory(world: World) -> None:
    world.crm.add("C-1", MARIA, name="Maria")
    await world.who(MARIA)
    world.crm.hits.clear()
    world.crm.add("C-1", MARIA, name="Maria Garcia")
    world.crm.pages = [ChangePage(world.told_of(MARIA), (), "1", more=False)]
    await world.keeper.take_changes()
    caller = await world.who(MARIA)
    assert caller.contact is not None
    assert caller.contact.name == "Maria Garcia"


async def test_an_agent_s_choice_is_remembered_and_taken_back(world: World) -> None:
    world.crm.add("C-1", HOME, name="Olivia")
    noah = world.crm.add("C-2", HOME, name="Noah")
    caller = await world.who(HOME)
    assert caller.identity.outcome is IdentityOutcome.MULTIPLE
    await _choose(world, noah)
    caller = await world.who(HOME)
    assert caller.contact is not None
    assert (caller.contact.ref, caller.identity.method) == (noah, "remembered")
    assert not caller.may_hear_personal_facts
    assert len(caller.identity.candidates) == 2
    await _choose(world, None)
    assert (await world.who(HOME)).identity.outcome is IdentityOutcome.MULTIPLE


async def _choose(world: World, contact: ContactRef | None) -> None:
    event = CandidateChosen(CallId("pbx", "1.1"), datetime.now(UTC), HOME, contact, "anna")
    await world.choices.note(event)
    world.directory.look_up.forget_number(HOME)


async def test_the_newest_choice_counts(world: World) -> None:
    now = datetime.now(UTC)
    await world.choices.remember(HOME, ContactRef("c", "new"), agent="a", at=now)
    earlier = now - timedelta(minutes=1)
    await world.choices.remember(HOME, ContactRef("c", "old"), agent="b", at=earlier)
    assert await world.choices.of(HOME, deadline=Deadline.after(30)) == ContactRef("c", "new")
    [(number, contact, agent, at)] = await world.choices.all()
    assert (number, contact.id, agent, at) == (HOME, "new", "a", now)


async def test_a_line_of_one_company_is_the_company_s(world: World) -> None:
    for name in ("Olivia", "Noah"):
        world.crm.add(name, HOME, company="Bennett Ltd")
    caller = await world.who(HOME)
    assert caller.identity.method == "company_line"
    assert (caller.company, caller.contact) == ("Bennett Ltd", None)


async def test_a_contact_outranks_the_lead_it_was(world: World) -> None:
    world.crm.add("lead", MARIA)
    [lead] = world.crm.hits[MARIA]
    world.crm.hits[MARIA] = [PhoneHit(lead.candidate, lead.numbers, kind=HitKind.LEAD)]
    caller = await world.who(MARIA)
    assert caller.identity.outcome is IdentityOutcome.UNIQUE
    assert not caller.may_hear_personal_facts
    world.crm.add("C-1", MARIA)
    world.directory.look_up.forget_number(MARIA)
    caller = await world.who(MARIA)
    assert [one.ref.id for one in caller.identity.candidates] == ["C-1"]
    assert caller.may_hear_personal_facts


async def test_a_number_that_ends_alike_is_shown_where_that_is_wanted(
    any_database: Database,
) -> None:
    strict, loose = World(any_database), World(any_database, suffix_digits=9)
    for world in (strict, loose):
        world.crm.add("C-1", "+442025550101")
        world.crm.hits[MARIA] = world.crm.hits.pop("+442025550101")
    assert (await strict.who(MARIA)).identity.outcome is IdentityOutcome.NONE
    caller = await loose.who(MARIA)
    assert (caller.identity.outcome, caller.identity.method) == (IdentityOutcome.MULTIPLE, "suffix")
    assert caller.contact is None
    assert caller.language is None


@pytest.mark.parametrize(
    ("attestation", "required", "may_hear"),
    [
        ("A", True, True),
        ("B", True, True),
        ("C", False, False),
        ("failed", False, False),
        (None, True, False),
        (None, False, True),
    ],
)
async def test_facts_are_spoken_to_whom_a_carrier_vouches_for(
    any_database: Database, attestation: str | None, required: bool, may_hear: bool
) -> None:
    world = World(any_database, require_attestation=required)
    world.crm.add("C-1", MARIA)
    caller = await world.who(MARIA, attestation=attestation)
    assert caller.may_hear_personal_facts is may_hear


async def chained(database: Database) -> tuple[ScriptedCrm, ScriptedCrm, Directory, PhoneIndex]:
    """Anna in one, Bert in the other, with the same number; only the second one is copied."""
    first, second = ScriptedCrm("first"), ScriptedCrm("second")
    first.add("anna", HOME, name="Anna")
    second.add("bert", HOME, name="Bert")
    index = PhoneIndex(database=database, region="US")
    at = datetime.now(UTC)
    await index.apply(
        "second",
        changed=second.hits[HOME],
        gone=(),
        at=at,
        state={"copied_at": at, "changed_at": at},
    )
    chain = ChainCrm(crms=[first, second])
    settings = CrmSettings(late_deadline_s=30)
    look_up = LookUp(
        adapter=chain,
        settings=settings,
        cache=AnswerCache(limits=CacheLimits(fresh_s=0), now=Clock()),
        index=index,
        crms=chain.crms,
    )
    directory = Directory(adapter=chain, segments=NoSegments(), settings=settings, look_up=look_up)
    return first, second, directory, index


async def test_a_copy_of_one_crm_hides_nobody_of_another(database: Database) -> None:
    first, _, directory, _ = await chained(database)
    soon = Deadline.after(30)
    caller = await directory.identify(call_from(HOME), region="US", deadline=soon)
    assert caller.identity.outcome is IdentityOutcome.MULTIPLE
    first.fault = Unavailable("down")
    for number in (HOME, STRANGER):
        caller = await directory.identify(call_from(number), region="US", deadline=soon)
        assert caller.identity.outcome is IdentityOutcome.ERROR, "nobody is guessed, or a stranger"


async def test_a_caller_waits_for_no_slow_crm_of_a_chain_and_its_answer_comes_late(
    database: Database,
) -> None:
    _, second, directory, _ = await chained(database)
    second.gate.clear()
    told: list[CallerIdentified] = []

    async def keep(event: CallerIdentified) -> None:
        told.append(event)

    async with EventBus() as bus:
        bus.subscribe("test", keep, CallerIdentified)
        inquiry = Inquiry(
            call=call_from(HOME),
            region="US",
            directory=directory,
            bus=bus,
            deadline_s=10,
            now=lambda: datetime.now(UTC),
        )
        asked = asyncio.create_task(inquiry.run())
        soon = Deadline.after(0.05)
        caller = await directory.identify(call_from(HOME), region="US", deadline=soon)
        assert caller.identity.outcome is IdentityOutcome.TIMEOUT
        assert caller.identity.candidates == (), "nobody is guessed from the quick one"
        assert (await inquiry.give_up_waiting()).contact is None
        second.gate.set()
        await asked
        await bus.drain()
    assert [(one.late, len(one.caller.identity.candidates)) for one in told] == [
        (False, 0),
        (True, 2),
    ]
    assert [question for question, _ in second.asked_for] == ["find_by_phone"], "asked once"


async def test_the_copy_of_another_installation_is_dropped(any_database: Database) -> None:
    crm = ScriptedCrm()
    crm.add("C-1", MARIA)
    crm.pages = [ChangePage(tuple(crm.hits[MARIA]), (), "1", more=False)]

    def here(source: str) -> tuple[PhoneIndex, IndexKeeper]:
        index = PhoneIndex(database=any_database, region="US", sources={"scripted": source})
        keeper = IndexKeeper(
            crm=crm, index=index, look_up=None, region="US", every_s=60, copy_hour=3
        )
        return index, keeper

    test, keeper = here("test")
    await keeper.copy_all()
    choices = NumberChoices(database=any_database)
    now = datetime.now(UTC)
    await choices.remember(HOME, ContactRef("scripted", "C-1"), agent="anna", at=now)
    assert await test.are_trusted(["scripted"], deadline=Deadline.after(30))
    production, keeper = here("production")
    assert not await production.are_trusted(["scripted"], deadline=Deadline.after(30))
    crm.pages = []
    await keeper.copy_all()
    assert await production.count("scripted") == 0
    assert await choices.all() == []
    assert await production.are_trusted(["scripted"], deadline=Deadline.after(30))


async def test_news_overtake_an_answer_under_way(world: World) -> None:
    """What is on its way as the number is forgotten is not kept."""
    world.crm.gate.clear()
    asked = asyncio.create_task(world.who(MARIA))
    while not world.crm.asked_for:
        await asyncio.sleep(0)
    world.directory.look_up.forget_number(MARIA)
    world.crm.gate.set()
    assert (await asked).identity.outcome is IdentityOutcome.NONE
    world.crm.add("C-1", MARIA)
    assert (await world.who(MARIA)).identity.outcome is IdentityOutcome.UNIQUE


async def test_a_copy_whose_place_is_forgotten_begins_anew(world: World) -> None:
    world.crm.add("C-1", MARIA)
    world.crm.pages = [ChangePage(world.told_of(MARIA), (), "0", more=False)]
    at = datetime.now(UTC)
    state = {"copy_cursor": "7", "copy_started_at": at}
    await world.index.apply("scripted", changed=(), gone=(), at=at, state=state)
    world.crm.fault_for["7"] = Invalid("which page?")
    assert await world.keeper.copy_all() == 1
    assert (await world.keeper.state()).is_complete


async def test_a_page_that_comes_again_and_again_ends_the_copy(world: World) -> None:
    world.crm.pages = [
        ChangePage((), (), "1", more=True),
        ChangePage((), (), "1", more=True),
    ]
    with pytest.raises(Unavailable, match="again and again"):
        await world.keeper.copy_all()
    assert not (await world.keeper.state()).is_complete


@pytest.mark.parametrize("fault", [KeyError("id"), OverflowError("year"), Unavailable("down")])
async def test_whatever_an_adapter_does_the_keeper_lives(world: World, fault: Exception) -> None:
    world.crm.fault = fault
    running = asyncio.create_task(world.keeper.run())
    while world.keeper.error is None:
        await asyncio.sleep(0)
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_is_told_of_and_gone_is_gone(world: World) -> None:
    ref = world.crm.add("C-1", MARIA)
    world.crm.pages = [ChangePage(world.told_of(MARIA), (ref,), "1", more=False)]
    await world.keeper.copy_all()
    assert await world.index.count("scripted") == 0


async def test_odd_words_of_a_crm_are_stored_as_they_can_be(world: World) -> None:
    candidate = Candidate(ContactRef("scripted", "C\0\ud800"), "N\0", url="http://x/\ud800\0")
    hit = PhoneHit(candidate, (MARIA,), version="\0")
    world.crm.pages = [ChangePage((hit,), (), "1", more=False)]
    await world.keeper.copy_all()
    assert await world.index.count("scripted") == 1
