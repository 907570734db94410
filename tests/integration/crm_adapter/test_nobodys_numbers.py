"""A thousand callers who show no number, or something that is none: nobody is looked up, nobody
becomes a lead, nobody is called back, and no two of them are taken for one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from ami_bridge.agi_request import AgiRequest
from calls.bus import EventBus
from calls.call import Call, CallOutcome
from calls.deadlines import Deadline
from calls.events import CallEnded, CallerIdentified
from calls.follow_up import FollowUp, LeadPolicy
from crm_adapter.call_tables import leads, missed_tasks
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.asterisk_agi import header
from tests.fakes.call_stories import START, Roster, Story
from tests.fakes.clock import FakeClock
from tests.fakes.directories import directory_over
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.integration

CALLERS = 1_000
MARIA = "+12025550101"
#: As networks, phones and Asterisk write that they show none (RFC 3323; main/callerid.c), with
#: presentation "allowed" where the endpoint is not trusted.
WORDS = ("anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "blocked", "")
HOSTS = ("", "@anonymous.invalid", "@10.0.0.1", " ")
#: callerid.h: AST_PRES_RESTRICTION and AST_PRES_UNAVAILABLE, with and without screening.
RESTRICTED = ("32", "33", "35", "67", "99")
LETTERS = "abcxyzÄß王٠١٢٣۴५'\"<>&;|$(){}[]%\\#*!?=~^`_:,"
ODD = (
    "+", "0", "00", "+0", "()", "-.-", "+" + "9" * 60, "1" * 40, "٠١٢٣٤٥٦٧٨٩", "+١٢٠٢٥٥٥٠١٠١",
    "' OR 1=1 --", "100&PJSIP/agent1", "${SHELL(id)}", "sip:+12025550101", "+12025550101;ext=1",
    "<+12025550101>", "12025550101,1", "nan", "1e9", "0x41", "null", "None", "\u202e10105550202+",
)  # fmt: skip


def shown() -> Iterator[tuple[str, str]]:
    """What stands as the number, and its presentation. Maria's own number too, which she wants
    shown to nobody."""
    dice = random.Random(37)
    for word, host in itertools.product(WORDS, HOSTS):
        for spelt in (word, word.upper(), word.title()):
            yield spelt + host, "0"
    for presentation in RESTRICTED * 20:
        yield MARIA, presentation
    for odd in ODD:
        yield odd, "0"
    while True:
        length = dice.randint(1, 60)
        letter = dice.choice(LETTERS)
        rest = dice.choices(LETTERS + "0123456789+ ", k=length)
        yield "".join([letter, *rest]), dice.choice(("0", "0", *RESTRICTED))


def call_showing(number: str, presentation: str) -> Call:
    told: dict[str, str | bytes] = {
        "agi_callerid": number.encode(),
        "agi_callingpres": presentation,
    }
    block = header(overrides=told).removesuffix(b"\n\n")
    return AgiRequest.parse(block).as_call(system="pbx", arrived_at=START)


async def test_nobody_is_made_of_them(database: Database, bus: EventBus, clock: FakeClock) -> None:
    crm = ScriptedCrm()
    for number in ("anonymous", "unknown", "", MARIA):
        crm.add("maria", number)
    directory = directory_over(crm)
    always = FollowUp(LeadPolicy(when="always"), missed_task_s=0.0)
    records = Records(
        database=database,
        bus=bus,
        crm=crm,
        roster=Roster(),
        now=clock,
        follow_up_of=lambda dialled: always,
    )
    await records.recorder.start()
    for turn, (number, presentation) in enumerate(itertools.islice(shown(), CALLERS)):
        call = call_showing(number, presentation)
        story = Story(call)
        # Every third is served by the dialplan alone, so that no dialog looks anybody up.
        by_dialplan = turn % 3 == 0
        bus.publish(story.arrives(fallback=by_dialplan))
        if not by_dialplan:
            deadline = Deadline.after(30)
            caller = await directory.identify(call, region="US", deadline=deadline)
            assert caller.number is None, f"{number!r} was read as a number"
            bus.publish(CallerIdentified(call.id, START, caller))
            bus.publish(story.decided("always"))
        bus.publish(story.queued())
        outcome = (CallOutcome.ABANDONED_IN_QUEUE, CallOutcome.ANSWERED)[turn % 2]
        bus.publish(CallEnded(call.id, story.at, outcome))
    await bus.drain()
    await records.settled()
    while await records.outbox.deliver_due():
        pass
    await records.stop()
    await directory.close()
    assert crm.asked_for == [], "somebody was looked up"
    assert {operation for operation, _ in crm.asked} == {"log_call"}
    assert len({record.call_id for record in crm.records.values()}) == CALLERS
    assert {record.contact for record in crm.records.values()} == {None}
    assert MARIA not in {record.number for record in crm.records.values()}
    async with database.read() as connection:
        for table in (leads, missed_tasks):
            assert await connection.scalar(select(func.count()).select_from(table)) == 0
