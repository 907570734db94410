"""The life of pops, event by event, without sockets or a disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from calls import events
from calls.bus import EventBus
from calls.call import CallOutcome, Direction
from calls.caller import Identity, IdentityOutcome
from calls.decision import PopWish
from calls.offers import OfferAnswer
from calls.records import LegVia
from config.agent_settings import AgentSettings
from screenpop.agents.day_counts import AgentDays
from screenpop.counters import DeskCounters
from screenpop.desk.hub import KEPT_FRAMES, RESTART_LEAP, Hub
from screenpop.pops import content
from screenpop.pops.pop_book import MAX_OPEN_PER_AGENT
from screenpop.pops.pop_store import Acknowledged, Delivery
from screenpop.pops.pops import Pops
from screenpop.pops.wrap_ups import WrapUpRules
from tests.fakes.ringing_call import (
    RingingCall,
    household,
    now,
    stranger,
    victoria,
    withheld_caller,
)

pytestmark = pytest.mark.unit

A, B, C = "PJSIP/a", "PJSIP/b", "PJSIP/c"
#: Anna's other phone.
A2 = "PJSIP/a-at-home"


class Roster:
    def login_of(self, interface: str) -> str | None:
        return {A: "anna", A2: "anna", B: "ben", C: "chen"}.get(interface)

    def interface_of(self, login: str) -> str | None:
        return {"anna": A, "ben": B, "chen": C}.get(login)


class StoreTwin:
    """Takes what `PopStore` takes."""

    def __init__(self) -> None:
        self.pops: dict[str, str] = {}
        self.not_shown: list[str] = []
        self.deliveries: list[Delivery] = []
        self.acks: list[Acknowledged] = []

    def save_pop(self, pop) -> None:
        self.pops[pop.pop_id] = pop.state

    def save_not_shown(self, pop) -> None:
        self.not_shown.append(pop.agent)

    def save_delivery(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def save_ack(self, ack: Acknowledged) -> None:
        self.acks.append(ack)


class DesktopTwin:
    """Implements `hub.Desktop` with room for `room` frames."""

    session = "s1"

    def __init__(self, room: int = 10_000) -> None:
        self.room = room
        self.frames: list[dict] = []
        self.dropped: int | None = None

    def offer(self, text: str, seq: int | None = None) -> bool:
        if len(self.frames) >= self.room:
            return False
        self.frames.append(json.loads(text))
        return True

    def drop(self, code: int, reason: str) -> None:
        self.dropped = code

    @property
    def kinds(self) -> list[str]:
        return [
            frame["kind"] + (":" + frame["reason"] if "reason" in frame else "")
            for frame in self.frames
        ]


class Desk:
    def __init__(
        self,
        work: AgentSettings = AgentSettings(),  # noqa: B008 -- frozen
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.store = StoreTwin()
        self.counters = DeskCounters()
        self.hub = Hub(store=self.store, counters=self.counters)  # type: ignore[arg-type]
        self.bus = EventBus()
        self.pops = Pops(
            roster=Roster(),
            hub=self.hub,
            store=self.store,  # type: ignore[arg-type]
            bus=self.bus,
            rules=WrapUpRules(work),
            days=AgentDays(on_change=lambda login, day: None, now=clock),
            counters=self.counters,
            now=clock,
        )
        self.desktops = {login: DesktopTwin() for login in ("anna", "ben", "chen")}
        for login, desktop in self.desktops.items():
            self.hub.attach(login, desktop, "{}", None)
            desktop.frames.clear()

    async def hears(self, *happened: events.CallEvent | Iterable[events.CallEvent]) -> None:
        for event in happened:
            for one in [event] if isinstance(event, events.CallEvent) else event:
                await self.pops.handle(one)

    @property
    def anna(self) -> DesktopTwin:
        return self.desktops["anna"]

    @property
    def ben(self) -> DesktopTwin:
        return self.desktops["ben"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_pop_stays_while_another_phone_of_the_agent_rings(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A, A2), call.missed(A))
    assert desk.anna.kinds == ["pop.offer"]
    await desk.hears(call.answered(A2))
    [claimed] = desk.pops.snapshot("anna")
    assert (claimed.state, desk.anna.kinds) == ("claimed", ["pop.offer", "pop.claim"])


async def test_a_pop_closes_when_the_agents_last_phone_is_quiet(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A, A2), call.missed(A), call.missed(A2))
    assert desk.anna.kinds == ["pop.offer", "pop.close:missed"]


async def test_the_words_after_a_call_name_the_phone_it_was_taken_on(desk: Desk) -> None:
    done: list[events.WrapUpDone] = []

    async def keep(event: events.WrapUpDone) -> None:
        done.append(event)

    desk.bus.subscribe("test", keep, events.WrapUpDone)
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A, A2), call.answered(A2), call.ended())
    async with desk.bus:
        assert desk.pops.dispose("anna", desk.anna.frames[0]["pop_id"], "sale", "")
        await desk.bus.drain()
    assert [event.interface for event in done] == [A2]


async def test_ring_all_then_one_answers(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A, B, C), call.answered(B))
    assert desk.anna.kinds == ["pop.offer", "pop.close:answered_elsewhere"]
    assert desk.ben.kinds == ["pop.offer", "pop.claim"]
    assert desk.desktops["chen"].kinds == ["pop.offer", "pop.close:answered_elsewhere"]
    # The tracker may also say that the losers missed it: already closed, nothing more is said.
    await desk.hears(call.missed(A), call.missed(C), call.missed(B))
    assert desk.anna.kinds[-1:] == ["pop.close:answered_elsewhere"]
    assert desk.ben.kinds == ["pop.offer", "pop.claim"]


async def test_missed_then_offered_to_the_next_and_again(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(
        call.until_ringing(victoria(), A), call.missed(A), call.ringing(B), call.missed(B),
        call.ringing(A), call.answered(A),
    )  # fmt: skip
    assert desk.anna.kinds == ["pop.offer", "pop.close:missed", "pop.offer", "pop.claim"]
    assert desk.anna.frames[0]["pop_id"] != desk.anna.frames[2]["pop_id"]
    assert desk.ben.kinds == ["pop.offer", "pop.close:missed"]


async def test_ringing_told_twice_is_one_offer(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A, A), call.answered(A), call.ringing(A))
    await desk.hears(call.answered(A))
    assert desk.anna.kinds == ["pop.offer", "pop.claim"]


async def test_a_caller_who_gives_up_closes_every_offer(desk: Desk) -> None:
    call = RingingCall()
    ended = call.ended(CallOutcome.ABANDONED_IN_QUEUE)
    await desk.hears(call.until_ringing(victoria(), A, B), ended, ended)
    assert desk.anna.kinds == desk.ben.kinds == ["pop.offer", "pop.close:caller_gone"]


async def test_a_colleague_asked_first_gets_the_note_with_the_caller(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    assert desk.pops.note("anna", desk.anna.frames[0]["pop_id"], "Asks for a refund.")
    await desk.hears(call.ringing(B), call.answered(B))
    assert desk.ben.frames[0]["content"]["call"]["notes"] == []
    await desk.hears(call.released(A, transferred=True))
    assert desk.ben.kinds == ["pop.offer", "pop.claim", "pop.update"]
    shown = desk.ben.frames[-1]["content"]["call"]
    assert (shown["transferred_from"], shown["notes"]) == ("anna", ["Asks for a refund."])
    assert desk.anna.kinds == ["pop.offer", "pop.claim", "pop.wrapup"]


async def test_a_card_number_in_a_note_is_kept_by_its_last_digits(desk: Desk) -> None:
    """The caller's own number stays, also where it could be one."""
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A), call.released(A))
    pop = desk.anna.frames[0]["pop_id"]
    number = desk.anna.frames[0]["content"]["call"]["number"]
    assert desk.pops.note("anna", pop, f"pays by 4111 1111 1111 1111, ring {number}")
    [shown] = desk.pops.snapshot("anna")
    assert shown.note == f"pays by ****1111, ring {number}"
    planned = desk.pops.planned("anna", pop, "p1", None, "charge 4111111111111111")
    assert planned is not None
    assert planned.note == "charge ****1111"
    told: list[events.WrapUpDone] = []

    async def keep(event: events.WrapUpDone) -> None:
        told.append(event)

    desk.bus.subscribe("test", keep, events.WrapUpDone)
    async with desk.bus:
        assert desk.pops.dispose("anna", pop, "sale", "by 4111-1111-1111-1111")
        await desk.bus.drain()
    assert [event.note for event in told] == ["by ****1111"]


async def test_what_is_noted_while_a_colleague_is_asked_goes_along_too(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    pop = desk.anna.frames[0]["pop_id"]
    desk.pops.note("anna", pop, "Asks for")
    await desk.hears(replace(call.ringing(B), via=LegVia.ATTENDED_TRANSFER), call.answered(B))
    offered = desk.ben.frames[0]["content"]["call"]
    assert (offered["transferred_from"], offered["notes"]) == ("anna", ["Asks for"])
    desk.pops.note("anna", pop, "Asks for a refund.")
    await desk.hears(call.released(A, transferred=True))
    assert desk.ben.frames[-1]["content"]["call"]["notes"] == ["Asks for a refund."]


async def test_who_was_stopped_ringing_is_told_why(desk: Desk) -> None:
    """Asterisk stops the phones before it says who answered, or that the caller is gone."""
    gone, faster = RingingCall(), RingingCall()
    quiet = gone.missed(A, in_vain=False)
    await desk.hears(gone.until_ringing(victoria(), A), quiet, gone.ended())
    assert desk.anna.kinds == ["pop.offer", "pop.close:caller_gone"]
    quiet = faster.missed(A, in_vain=False)
    await desk.hears(faster.until_ringing(victoria(), A, B), quiet, faster.answered(B))
    assert desk.anna.kinds[2:] == ["pop.offer", "pop.close:answered_elsewhere"]


async def test_what_stopped_ringing_without_a_reason_closes_soon(desk: Desk) -> None:
    call = RingingCall()
    quiet = call.missed(A, in_vain=False)
    await desk.hears(call.until_ringing(victoria(), A), quiet)
    assert desk.pops.expire(now()) == set()
    # Rung again at once, the offer goes on.
    await desk.hears(call.ringing(A))
    assert desk.pops.expire(now() + timedelta(seconds=5)) == set()
    await desk.hears(quiet)
    assert desk.pops.expire(now() + timedelta(seconds=5)) == {"anna"}
    assert desk.anna.kinds == ["pop.offer", "pop.close:cancelled"]


async def test_wrap_up_follows_the_release_and_outlives_the_call(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    await desk.hears(call.released(A, talk_s=65.0), call.ended(), call.released(A))
    assert desk.anna.kinds == ["pop.offer", "pop.claim", "pop.wrapup"]
    assert desk.anna.frames[-1]["wrapup"]["talk_s"] == 65.0
    pop_id = desk.anna.frames[0]["pop_id"]
    assert not desk.pops.dispose("anna", pop_id, "no such code", "")
    assert not desk.pops.dispose("ben", pop_id, "sale", "")
    assert desk.pops.dispose("anna", pop_id, "sale", "")
    assert not desk.pops.dispose("anna", pop_id, "sale", "")
    assert desk.anna.kinds[-1] == "pop.close:done"
    assert desk.store.pops == {pop_id: "closed"}


async def test_an_end_without_a_release_still_asks_how_it_went(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    await desk.hears(call.ended(CallOutcome.LOST_SYNC))
    assert desk.anna.kinds[-1] == "pop.wrapup"


async def test_an_answer_whose_ringing_was_not_heard(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.answered(A))
    assert desk.anna.kinds == ["pop.offer", "pop.claim"]


async def test_a_transfer_takes_the_notes_along(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    assert desk.pops.note("anna", desk.anna.frames[0]["pop_id"], "wants\x1b a\nrefund")
    await desk.hears(call.released(A, transferred=True), call.ringing(B, "billing"))
    assert desk.anna.frames[-1]["wrapup"]["transferred"] is True
    shown = desk.ben.frames[0]["content"]["call"]
    assert (shown["transferred_from"], shown["notes"]) == ("anna", ["wants a\nrefund"])
    assert shown["queue"] == "billing"


async def test_facts_that_come_late_come_as_updates(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.queued(), call.ringing(A), call.ringing(B))
    assert desk.anna.frames[0]["content"]["match"]["outcome"] == "pending"
    await desk.hears(call.identified(victoria(), late=True), call.answered(A))
    await desk.hears(call.pressed("2", "billing"), call.decided("kettle"))
    assert desk.anna.kinds == ["pop.offer", "pop.update", "pop.claim", "pop.update", "pop.update"]
    newest = desk.anna.frames[-1]["content"]
    assert newest["contact"]["name"] == "Victoria Stone"
    assert newest["call"]["keys"] == [
        {"menu": "main", "digits": "2", "outcome": "match", "intent": "billing"}
    ]
    assert newest["offer"] == {
        "name": "kettle",
        "say": "Mention the kettle.",
        "reasons": ["owns no kettle yet"],
        "reasons_zh": [],
        "heard": [],
        "before": [
            {"answer": "heard", "days_ago": 12, "place": "hold"},
            {"answer": "refused", "days_ago": 120, "place": "agent"},
        ],
        "cap": {"days": 30, "left": 2, "most": 3},
        "said": None,
    }
    # The loser's pop was closed: no update reaches it.
    assert desk.ben.kinds == ["pop.offer", "pop.update", "pop.close:answered_elsewhere"]


async def test_a_call_that_the_rulebook_hides_pops_up_nowhere(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.decided(shown=False), call.queued())
    await desk.hears(call.ringing(A), call.ringing(B), call.missed(A), call.ringing(A))
    await desk.hears(call.answered(A), call.released(A), call.ended())
    assert desk.anna.kinds == desk.ben.kinds == []
    assert desk.store.not_shown == ["anna", "ben"]
    assert desk.pops.snapshot("anna") == ()


async def test_a_call_that_becomes_worth_showing_is_shown(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.decided(shown=False), call.ringing(A))
    await desk.hears(call.decided(), call.ringing(B))
    assert (desk.anna.kinds, desk.ben.kinds) == ([], ["pop.offer"])


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.INTERNAL])
async def test_nobody_is_shown_whom_an_agent_called(
    desk: Desk, direction: Direction, remembered: bool
) -> None:
    call = RingingCall()
    placed = replace(call.call, direction=direction)
    arrived: events.CallEvent = events.CallArrived(call.id, now(), placed)
    if remembered:
        arrived = events.CallRemembered(call.id, now(), placed)
    await desk.hears(arrived, call.ringing(A), call.identified(victoria(), late=True))
    await desk.hears(call.answered(A), call.ringing(B), call.answered(B), call.released(A))
    assert desk.pops.snapshot("anna") == desk.pops.snapshot("ben") == ()
    await desk.hears(call.ended())
    assert desk.anna.frames == desk.ben.frames == []


async def test_the_rulebook_s_note_is_cleaned_and_shown(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.decided(note="Board\x1b member\nbe brief" + "." * 900))
    await desk.hears(call.ringing(A))
    note = desk.anna.frames[0]["content"]["note"]
    assert note.startswith("Board member\nbe brief.")
    assert len(note) == 500


async def test_the_rulebook_s_wish_outlives_a_restart(desk: Desk) -> None:
    shown, hidden = RingingCall(), RingingCall()
    for call, wish in ((hidden, PopWish(shown=False)), (shown, PopWish(note="VIP"))):
        await desk.hears(events.CallRemembered(call.id, now(), call.call, pop=wish))
        await desk.hears(call.ringing(A))
    [frame] = desk.anna.frames
    assert frame["content"]["note"] == "VIP"
    assert frame["content"]["call"]["id"] == str(shown.id)


async def test_what_the_caller_refused_is_not_worth_offering(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.arrived(), call.decided("kettle"), call.ringing(A))
    await desk.hears(call.refused("mug"), call.refused("kettle"))
    assert [frame["content"]["offer"] and "kettle" for frame in desk.anna.frames] == [
        "kettle",
        None,
    ]
    await desk.hears(call.ended(), call.refused("kettle"))
    assert len(desk.pops._stories) == 0


async def test_what_was_heard_of_the_offer_and_what_the_agent_says(desk: Desk) -> None:
    call = RingingCall()
    heard = replace(call.refused("kettle"), answer=OfferAnswer.HEARD)
    told = [call.arrived(), call.identified(victoria()), call.decided("kettle"), heard]
    await desk.hears(told, call.ringing(A), call.ringing(B))
    [offered] = desk.pops.snapshot("anna")
    assert offered.content.offer is not None
    assert [(one.place, one.answer) for one in offered.content.offer.heard] == [("menu", "heard")]
    pop_id = offered.pop_id
    assert desk.pops.offer_told("anna", pop_id, "kettle", "accepted", "") is None
    await desk.hears(call.answered(A))
    assert desk.pops.offer_told("ben", pop_id, "kettle", "accepted", "") is None
    assert desk.pops.offer_told("anna", pop_id, "mug", "accepted", "") is None
    for answer in ("accepted", "accepted", "rejected"):
        said = desk.pops.offer_told("anna", pop_id, "kettle", answer, "no\x00 room")
        assert said is not None
        desk.pops.offer_said(said)
    assert (said.answer, said.contact, said.reason) == (
        OfferAnswer.REFUSED,
        victoria().contact.ref,
        "no room",
    )
    shown = [frame["content"]["offer"]["said"] for frame in desk.anna.frames[2:]]
    assert [one["answer"] for one in shown] == ["accepted", "rejected"]
    # What is learned afterwards, and the next agent on the call, keep it.
    await desk.hears(call.released(A, transferred=True), call.ringing(C))
    [at_chen] = desk.pops.snapshot("chen")
    assert at_chen.content.offer is not None
    assert at_chen.content.offer.said == content.OfferSaidShown(
        answer="rejected", reason="no room", agent="anna"
    )
    assert desk.pops.dispose("anna", pop_id, "sale", "")
    assert desk.pops.offer_told("anna", pop_id, "kettle", "accepted", "") is None


async def test_who_typed_a_key_stays_who_they_said(desk: Desk) -> None:
    call = RingingCall()
    said = replace(victoria(), identity=Identity(IdentityOutcome.UNIQUE, "typed_key", 0.9))
    await desk.hears(call.until_ringing(said, A), call.identified(stranger(), late=True))
    assert desk.anna.kinds == ["pop.offer"]
    assert desk.anna.frames[0]["content"]["match"]["method"] == "typed_key"


async def test_the_same_fact_again_is_not_sent(desk: Desk) -> None:
    call = RingingCall()
    caller = victoria()
    await desk.hears(call.until_ringing(caller, A), call.identified(caller))
    assert desk.anna.kinds == ["pop.offer"]


async def test_a_late_answer_after_the_end_brings_nothing_back(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(stranger(), A), call.ended())
    await desk.hears(call.identified(victoria(), late=True))
    assert desk.anna.kinds == ["pop.offer", "pop.close:caller_gone"]
    assert len(desk.pops._stories) == 0


async def test_a_shared_number_is_chosen_and_undone(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(household(), A, B))
    pop_id = desk.anna.frames[0]["pop_id"]
    names = [c["name"] for c in desk.anna.frames[0]["content"]["match"]["candidates"]]
    assert names == ["Jonas Weber", "Mira Weber"]
    assert desk.anna.frames[0]["content"]["contact"] is None
    assert not desk.pops.select("anna", pop_id, "embedded:c-999")
    assert not desk.pops.select("chen", pop_id, "embedded:c-202")
    assert desk.pops.select("anna", pop_id, "embedded:c-202")
    assert desk.ben.frames[-1]["content"]["match"]["selected"] == "embedded:c-202"
    assert desk.pops.select("anna", pop_id, None)
    assert desk.anna.frames[-1]["content"]["match"]["selected"] is None


async def test_a_choice_is_possible_until_the_wrap_up_is_done(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(household(), A, B), call.answered(A), call.ended())
    pop_id = desk.anna.frames[0]["pop_id"]
    assert not desk.pops.select("anna", pop_id, "embedded:c-999")
    for candidate in ("embedded:c-202", None):
        assert desk.pops.select("anna", pop_id, candidate)
        assert desk.anna.frames[-1]["content"]["match"]["selected"] == candidate
    assert desk.ben.kinds[-1] == "pop.close:answered_elsewhere", "Ben has no part in it"
    assert desk.pops.dispose("anna", pop_id, "resolved", "")
    assert not desk.pops.select("anna", pop_id, "embedded:c-202")


async def test_a_remembered_choice_can_be_taken_back(desk: Desk) -> None:
    call = RingingCall()
    caller = household()
    identity = replace(caller.identity, outcome=IdentityOutcome.UNIQUE, method="remembered")
    known = replace(victoria().contact, ref=identity.candidates[1].ref)  # type: ignore[type-var]
    await desk.hears(call.until_ringing(replace(caller, identity=identity, contact=known), A))
    offer = desk.anna.frames[0]
    assert offer["content"]["match"]["selected"] == "embedded:c-202"
    assert desk.pops.select("anna", offer["pop_id"], None)
    assert desk.anna.frames[-1]["content"]["match"]["selected"] is None


async def test_a_stranger_has_a_lead_card_a_withheld_number_has_none(desk: Desk) -> None:
    first = RingingCall(number="+12025550150", name="ACME")
    await desk.hears(first.until_ringing(stranger(), A))
    assert desk.anna.frames[-1]["content"]["lead"] == {"number": "+12025550150", "name": "ACME"}
    hidden = RingingCall(number="+12025550177", name="SECRET", withheld=True)
    await desk.hears(hidden.until_ringing(withheld_caller(), A))
    assert desk.anna.frames[-1]["content"]["lead"] is None
    assert "5550177" not in json.dumps(desk.anna.frames[-1])
    assert "SECRET" not in json.dumps(desk.anna.frames[-1])


async def test_an_interface_that_is_nobodys_is_counted(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), "PJSIP/nobody"), call.answered("PJSIP/nobody"))
    unmapped = desk.counters.registry.get_sample_value("switchboard_ringing_unmapped_total")
    assert unmapped
    assert desk.store.deliveries == []


async def test_wrap_ups_owed_are_bounded(desk: Desk) -> None:
    for _ in range(MAX_OPEN_PER_AGENT + 5):
        call = RingingCall()
        await desk.hears(call.until_ringing(victoria(), A), call.answered(A), call.ended())
    open_pops = [pop for pop in desk.pops.snapshot("anna") if pop.state != "closed"]
    assert len(open_pops) == MAX_OPEN_PER_AGENT
    assert desk.anna.kinds.count("pop.close:expired") == 5


async def test_a_call_that_comes_back_to_the_same_agent(desk: Desk) -> None:
    call = RingingCall()
    await desk.hears(call.until_ringing(victoria(), A), call.answered(A))
    await desk.hears(call.released(A, transferred=True), call.ringing(A), call.answered(A))
    assert desk.anna.kinds == [
        "pop.offer", "pop.claim", "pop.wrapup", "pop.close:expired", "pop.offer", "pop.claim",
    ]  # fmt: skip


async def test_the_stamp_is_the_moment_of_the_event(desk: Desk) -> None:
    call = RingingCall()
    ringing = events.AgentRinging(call.id, now() - timedelta(seconds=3), "support", A)
    await desk.hears(call.arrived(), ringing)
    assert desk.anna.frames[0]["ts"] == pytest.approx(ringing.at.timestamp() * 1000, abs=0.01)


# -- the hub


async def test_a_full_desktop_is_dropped_and_the_other_tab_is_not(desk: Desk) -> None:
    slow = DesktopTwin(room=3)
    desk.hub.attach("anna", slow, "{}", None)
    for _ in range(4):
        await desk.hears(RingingCall().until_ringing(victoria(), A))
    assert slow.dropped == 4408
    assert len(desk.anna.frames) == 4
    assert desk.hub.desktops_of("anna") == 1


async def test_resume_gives_exactly_what_is_missing(desk: Desk) -> None:
    for _ in range(5):
        await desk.hears(RingingCall().until_ringing(victoria(), A))
    for seq in (1, 2, 4):
        desk.hub.acknowledge("anna", seq, 12.0)
        desk.hub.acknowledge("anna", seq, 99.0)
    assert [ack.seq for ack in desk.store.acks] == [1, 2, 4]
    back = DesktopTwin()
    desk.hub.attach("anna", back, '{"seq":0}', 4)
    # 3 was sent before, but nobody said it had arrived.
    assert [frame["seq"] for frame in back.frames] == [0, 3, 5]


async def test_what_is_too_old_or_from_the_future_cannot_be_resumed(desk: Desk) -> None:
    for _ in range(KEPT_FRAMES + 10):
        await desk.hears(RingingCall().until_ringing(victoria(), B))
    newest = desk.hub.seq_of("ben")
    assert not desk.hub.can_resume("ben", newest - KEPT_FRAMES - 1)
    assert desk.hub.can_resume("ben", newest - KEPT_FRAMES)
    assert desk.hub.can_resume("ben", newest)
    assert not desk.hub.can_resume("ben", newest + 1)
    assert not desk.hub.can_resume("ben", None)


async def test_after_a_restart_no_number_is_used_twice(desk: Desk) -> None:
    again = Desk()
    again.hub.restore({"anna": 41})
    assert not again.hub.can_resume("anna", 40)
    # Sent and seen, but not stored before the crash.
    assert again.hub.can_resume("anna", 43)
    await again.hears(RingingCall().until_ringing(victoria(), A))
    assert again.hub.seq_of("anna") == 41 + RESTART_LEAP + 1


async def test_nobody_there_counts_as_undelivered(desk: Desk) -> None:
    desk.hub.detach("anna", desk.anna)
    await desk.hears(RingingCall().until_ringing(victoria(), A))
    registry = desk.counters.registry
    assert registry.get_sample_value("switchboard_pop_frames_undelivered_total") == 1
    assert [delivery.sockets for delivery in desk.store.deliveries] == [0]
