"""Turns what happens to calls into what agents see: offer, claim, close, update, wrap-up."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from calls import events
from calls.bus import EventBus
from calls.call import Call, CallId
from calls.caller import ContactRef
from calls.offers import OfferAnswer
from calls.ports import AgentRoster
from calls.records import LegVia
from screenpop.agents.day_counts import AgentDays
from screenpop.counters import DeskCounters
from screenpop.desk import protocol
from screenpop.desk.hub import Hub
from screenpop.pops import content
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.content import OpenShown, PopContent, clean_lines
from screenpop.pops.pop import DISPOSITION_CODES, Pop
from screenpop.pops.pop_book import PopBook
from screenpop.pops.pop_store import PopStore
from screenpop.pops.stories import Stories
from screenpop.pops.wrap_ups import WrapUpRules, asked, extended, is_due

_ANSWERS: dict[content.AgentAnswer, OfferAnswer] = {
    "accepted": OfferAnswer.ACCEPTED,
    "rejected": OfferAnswer.REFUSED,
    "not_raised": OfferAnswer.NOT_RAISED,
}

#: From the end of the ringing to the news of why: a hang-up's comes within milliseconds.
QUIET_FOR = timedelta(seconds=1)

FollowUpsShown = tuple[content.FollowUpShown, ...]

#: The address to open for what the agent with this login is shown.
Opener = Callable[[PopContent, str], OpenShown | None]


class Pops:
    """Every event is handled without waiting: the hub's `deliver` and the store's `save_*` only
    put into bounded queues."""

    def __init__(
        self,
        *,
        roster: AgentRoster,
        hub: Hub,
        store: PopStore,
        bus: EventBus,
        rules: WrapUpRules,
        days: AgentDays,
        counters: DeskCounters,
        opener: Opener = lambda content, agent: None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._roster = roster
        self._hub = hub
        self._store = store
        self._bus = bus
        self._rules = rules
        self._days = days
        self._counters = counters
        self._opener = opener
        self._new_id = new_id
        self._now = now
        self._stories = Stories()
        self._book = PopBook()

    def restore(self, pops: Iterable[Pop]) -> None:
        for pop in pops:
            pop.restored = True
            self._book.add(pop)

    async def handle(self, event: events.CallEvent) -> None:
        """The bus's handler."""
        if self._stories.is_placed(event):
            return
        if self._stories.learn(event):
            self._update(event.call_id, event.at)
            return
        match event:
            case events.AgentRinging():
                self._offer(event)
            case events.AgentAnswered():
                self._claim(event)
            case events.AgentMissed():
                self._miss(event)
            case events.AgentReleased():
                self._release(event)
            case events.CallTransferred():
                self._transfer(event)
            case events.CallEnded():
                self._end(event)
            case _:
                pass

    # -- what happens to the call

    def _offer(self, event: events.AgentRinging) -> Pop | None:
        """The pop of the agent behind the interface, old or new; None where nobody is, or the
        rulebook wants none."""
        login, known_by = self._login(event.interface), None
        if login is None:
            login, known_by = self._login(event.state_interface), event.state_interface
        if login is None:
            self._counters.unmapped.inc()
            return None
        known = self._book.find(event.call_id, login)
        if known is not None and known.state in ("offered", "claimed"):
            known.ringing.add(event.interface)
            known.quiet_at = None
            return known
        for old in (known, self._book.overdue(login)):
            if old is not None and old.is_open:
                self._close(old, "expired", event.at)
        if event.via is LegVia.ATTENDED_TRANSFER:
            for asking in self._book.of_call(event.call_id):
                if asking.state == "claimed":
                    self._hand_on(asking, event.at)
        story = self._stories.of(event.call_id)
        story.queue = event.queue
        content = self._for(login, story.as_content(event.at.date()))
        pop = Pop(
            self._new_id(), login, event.call_id, event.interface, content, event.at, known_by
        )
        if not story.wish.shown:
            if login not in story.not_shown_to:
                story.not_shown_to.add(login)
                self._store.save_not_shown(pop)
            return None
        pop.ringing.add(event.interface)
        self._book.add(pop)
        self._counters.offered.inc()
        self._send(pop, event.at, protocol.PopOffer, content=content)
        self._days.offered(login)
        return pop

    def _claim(self, event: events.AgentAnswered) -> None:
        login = self._login(event.interface)
        for other in self._book.of_call(event.call_id):
            if other.agent != login and other.state == "offered":
                self._close(other, "answered_elsewhere", event.at)
        pop = self._book.find(event.call_id, login)
        if pop is None or pop.state == "wrapup":
            # The ringing was not heard of, or the call came back: the agent talks all the same.
            pop = self._offer(
                events.AgentRinging(event.call_id, event.at, event.queue, event.interface)
            )
        if pop is not None and pop.state == "offered":
            pop.state, pop.claimed_at = "claimed", event.at
            pop.interface = event.interface
            self._send(pop, event.at, protocol.PopClaim)
            self._days.answered(pop.agent)

    def _miss(self, event: events.AgentMissed) -> None:
        pop = self._book.find(event.call_id, self._login(event.interface))
        if pop is None or pop.state != "offered":
            return
        pop.ringing.discard(event.interface)
        if pop.ringing:
            return
        if event.in_vain:
            self._close(pop, "missed", event.at)
            self._days.missed(pop.agent)
        else:
            # Asterisk stops the phones first, and says after that who answered or that the
            # caller is gone.
            pop.quiet_at = self._now()

    def _release(self, event: events.AgentReleased) -> None:
        pop = self._book.find(event.call_id, self._login(event.interface))
        if pop is not None and pop.state == "claimed":
            if event.transferred:
                self._hand_on(pop, event.at)
            self._wrap_up(pop, event.at, event.talk_s, transferred=event.transferred)

    def _transfer(self, event: events.CallTransferred) -> None:
        pop = self._book.find(event.call_id, self._login(event.from_interface))
        if pop is not None and pop.state == "claimed":
            self._hand_on(pop, event.at)

    def _end(self, event: events.CallEnded) -> None:
        for pop in self._book.of_call(event.call_id):
            if pop.state == "offered":
                self._close(pop, "caller_gone", event.at)
            elif pop.state == "claimed":
                talk_s = (event.at - (pop.claimed_at or event.at)).total_seconds()
                self._wrap_up(pop, event.at, max(0.0, talk_s), transferred=False)
        self._stories.forget(event.call_id)

    def _update(
        self, call_id: CallId, at: datetime, *, restored_too: bool = False, but: Pop | None = None
    ) -> None:
        """A restored pop shows more than its call's story still holds, unless an agent changes
        it."""
        pops = [
            pop
            for pop in self._book.of_call(call_id)
            if pop is not but and (restored_too or not pop.restored)
        ]
        if not pops:
            return
        story = self._stories.of(call_id).as_content(at.date())
        for pop in pops:
            # A restored pop's story may have none of them.
            kept = {"follow_ups": pop.content.follow_ups}
            content = self._for(pop.agent, story.model_copy(update=kept))
            if content != pop.content:
                pop.content = content
                self._send(pop, at, protocol.PopUpdate, content=content)

    # -- what agents do; False where it is not theirs to do, or too late

    def note(self, agent: str, pop_id: str, text: str) -> bool:
        """Replaces the note so far; a transfer takes it along."""
        pop = self._book.own(agent, pop_id)
        if pop is None:
            return False
        pop.note = pop.as_kept(clean_lines(text))
        self._store.save_pop(pop)
        return True

    def talks(self, agent: str, pop_id: str) -> tuple[CallId, str] | None:
        """The call in which the agent talks, and on which phone; None where it is not theirs."""
        pop = self._book.own(agent, pop_id)
        return (pop.call_id, pop.interface) if pop is not None and pop.state == "claimed" else None

    def talkers(self, call_id: CallId) -> Sequence[Pop]:
        """The pops of the agents who talk in the call."""
        return [pop for pop in self._book.of_call(call_id) if pop.state == "claimed"]

    def talks_now(self, agent: str) -> Sequence[Pop]:
        """The pops of the calls in which the agent talks."""
        return [pop for pop in self._book.of_agent(agent) if pop.state == "claimed"]

    def line(self, call_id: CallId) -> Call | None:
        """None where its arrival was not heard of."""
        story = self._stories.find(call_id)
        return story.call if story is not None else None

    def keep_pause(self, agent: str, pop_id: str, since: datetime | None) -> None:
        """Since when the agent has the call's recording paused; None: not any more."""
        pop = self._book.own(agent, pop_id)
        if pop is not None:
            pop.paused_at = since
            self._store.save_pop(pop)

    def call_of(self, agent: str, pop_id: str) -> CallId | None:
        """None where the card is not theirs, or no longer on their screen."""
        shown = (pop for pop in self._book.all_shown() if pop.pop_id == pop_id)
        return next((pop.call_id for pop in shown if pop.agent == agent), None)

    def dispose(self, agent: str, pop_id: str, code: str, note: str) -> bool:
        """Ends the wrap-up; one that is timed_strict goes on to its end, with this code."""
        pop = self._book.own(agent, pop_id)
        if pop is None or pop.state != "wrapup" or code not in DISPOSITION_CODES:
            return False
        pop.note = pop.as_kept(clean_lines(note)) or pop.note
        now = self._now()
        if pop.wrapup is not None and pop.wrapup.mode == "timed_strict":
            self._ask(pop, pop.wrapup.model_copy(update={"chosen": code}), now)
        else:
            self._finish(pop, code, now)
        return True

    def extend(self, agent: str, pop_id: str) -> bool:
        """Gives a timed wrap-up more time."""
        pop, now = self._book.own(agent, pop_id), self._now()
        longer = extended(pop.wrapup, now) if pop is not None and pop.wrapup else None
        if pop is None or longer is None:
            return False
        self._ask(pop, longer, now)
        return True

    def skip(self, agent: str, pop_id: str) -> bool:
        """Ends an optional wrap-up without a code."""
        pop = self._book.own(agent, pop_id)
        if pop is None or pop.wrapup is None or pop.wrapup.mode != "optional":
            return False
        self._close(pop, "expired", self._now())
        return True

    def expire(self, now: datetime) -> set[str]:
        """Ends the wrap-ups whose time is over, and the offers that have stopped ringing without a
        word of why; the agents who had them."""
        due = [pop for pop in self._book.all_open() if pop.wrapup and is_due(pop.wrapup, now)]
        for pop in due:
            if pop.wrapup is not None:
                self._finish(pop, pop.wrapup.chosen or pop.wrapup.default_code or "other", now)
        quiet = [pop for pop in self._book.all_open() if _is_over(pop, now)]
        for pop in quiet:
            self._close(pop, "cancelled", now)
        return {pop.agent for pop in (*due, *quiet)}

    def wrapping_up(self, agent: str) -> datetime | None:
        """See `duties.Pops`."""
        owed = [pop for pop in self._book.of_agent(agent) if pop.state == "wrapup"]
        return min((pop.released_at or pop.offered_at for pop in owed), default=None)

    def keeps_calls_away(self, agent: str) -> bool:
        return any(
            pop.wrapup.mode != "optional"
            if pop.wrapup is not None
            else pop.state == "claimed" and self._rules.of(pop.content.call.queue).holds
            for pop in self._book.of_agent(agent)
        )

    def select(self, agent: str, pop_id: str, candidate: str | None) -> bool:
        """Which candidate the caller is, until the wrap-up is done; every agent on the call sees
        the choice."""
        pop = self._book.own(agent, pop_id)
        if pop is None:
            return False
        now = self._now()
        story = self._stories.find(pop.call_id)
        if story is None or story.caller is None:
            return self._select_on(pop, candidate, now)
        if not (candidate is None or story.has_candidate(candidate)):
            return False
        story.selected = candidate
        self._update(story.call_id, now, restored_too=True)
        self._tell_choice(pop, story.caller.number, story.chosen(), now)
        return True

    def _select_on(self, pop: Pop, candidate: str | None, now: datetime) -> bool:
        """The call is over, or was before a restart: what its pop shows is all that we have."""
        match = pop.content.match
        if not match.candidates or candidate not in (None, *(one.ref for one in match.candidates)):
            return False
        story = self._stories.find(pop.call_id)
        if story is not None:
            story.selected = candidate
        for shown in self._book.of_call(pop.call_id):
            match = shown.content.match.model_copy(update={"selected": candidate})
            content = shown.content.model_copy(update={"match": match})
            shown.content = self._for(shown.agent, content)
            self._send(shown, now, protocol.PopUpdate, content=shown.content)
        chosen = ContactRef.parse(candidate) if candidate is not None else None
        self._tell_choice(pop, pop.content.call.number, chosen, now)
        return True

    def offer_told(
        self, agent: str, pop_id: str, offer: str, answer: content.AgentAnswer, reason: str
    ) -> events.OfferAnswered | None:
        """What the agent says of the offer on their own card; None where it is not on it, or the
        call is not theirs yet. To be stored before `offer_said` shows it."""
        pop = self._book.own(agent, pop_id)
        if pop is None or pop.state == "offered":
            return None
        shown = pop.content.offer
        if shown is None or shown.name != offer:
            return None
        whose = pop.content.contact.ref if pop.content.contact else pop.content.match.selected
        return events.OfferAnswered(
            pop.call_id,
            self._now(),
            offer,
            _ANSWERS[answer],
            agent,
            ContactRef.parse(whose) if whose else None,
            pop.as_kept(content.clean(reason, content.MAX_ANSWER_REASON)),
        )

    def offer_said(self, told: events.OfferAnswered) -> None:
        """On the card of every agent on the call."""
        answer = next(said for said, meant in _ANSWERS.items() if meant is told.answer)
        said = content.OfferSaidShown(answer=answer, reason=told.reason, agent=told.agent)
        story = self._stories.find(told.call_id)
        if story is not None:
            story.said[told.offer] = said
        for pop in self._book.of_call(told.call_id):
            shown = pop.content.offer
            if shown is not None and shown.name == told.offer and shown.said != said:
                offer = shown.model_copy(update={"said": said})
                pop.content = pop.content.model_copy(update={"offer": offer})
                self._send(pop, told.at, protocol.PopUpdate, content=pop.content)

    def planned(
        self, agent: str, pop_id: str, plan: str, due: datetime | None, note: str
    ) -> events.FollowUpPlanned | None:
        """What the agent plans on their own card; None where the call is not theirs, or not yet,
        or done with. To be stored before `show_follow_up` shows it."""
        pop = self._book.own(agent, pop_id)
        if pop is None or pop.state == "offered":
            return None
        shown = pop.content
        whose = shown.contact.ref if shown.contact else shown.match.selected
        named = (one.name for one in shown.match.candidates if one.ref == whose)
        return events.FollowUpPlanned(
            pop.call_id,
            self._now(),
            agent,
            plan,
            due,
            pop.as_kept(clean_lines(note)),
            shown.call.number,
            ContactRef.parse(whose) if whose else None,
            shown.contact.name if shown.contact else next(named, shown.call.network_name),
            shown.call.queue,
        )

    def follow_ups(self) -> Sequence[tuple[CallId, content.FollowUpShown]]:
        """All that is on cards."""
        found = {
            (pop.call_id, one.agent, one.id): one
            for pop in self._book.all_shown()
            for one in pop.content.follow_ups
        }
        return [(call_id, one) for (call_id, _, _), one in found.items()]

    def show_follow_ups(
        self,
        call_id: CallId,
        change: Callable[[FollowUpsShown], FollowUpsShown],
    ) -> None:
        """On the cards of every agent on the call, those that are done with too."""
        story = self._stories.find(call_id)
        if story is not None:
            story.follow_ups = change(story.follow_ups)
        for pop in self._book.shown_of(call_id):
            follow_ups = change(pop.content.follow_ups)
            if follow_ups != pop.content.follow_ups:
                pop.content = pop.content.model_copy(update={"follow_ups": follow_ups})
                self._send(pop, self._now(), protocol.PopUpdate, content=pop.content)

    def _tell_choice(
        self, pop: Pop, number: str | None, chosen: ContactRef | None, now: datetime
    ) -> None:
        if number is not None:
            self._bus.publish(events.CandidateChosen(pop.call_id, now, number, chosen, pop.agent))

    def snapshot(self, agent: str) -> tuple[protocol.PopSnapshot, ...]:
        """The agent's open pops and the last few closed ones, oldest first."""
        return self._book.snapshot(agent)

    # -- small steps

    def _login(self, interface: str | None) -> str | None:
        return self._roster.login_of(interface) if interface else None

    def _for(self, agent: str, content: PopContent) -> PopContent:
        """What is for this agent alone."""
        address = self._opener(content, agent)
        if address == content.open:
            return content
        return content.model_copy(update={"open": address})

    def _hand_on(self, pop: Pop, at: datetime) -> None:
        """The next agent's pop says who had the call, and what they noted; so does that of one who
        was asked first, whose pop is there already."""
        story = self._stories.of(pop.call_id)
        if story.hand_on(pop.agent, pop.note):
            self._update(pop.call_id, at, but=pop)

    def _wrap_up(self, pop: Pop, at: datetime, talk_s: float, *, transferred: bool) -> None:
        pop.state, pop.released_at, pop.paused_at = "wrapup", at, None
        rule = self._rules.of(pop.content.call.queue)
        self._ask(pop, asked(rule, at, talk_s=talk_s, transferred=transferred), at)
        self._days.talked(pop.agent, talk_s)

    def _ask(self, pop: Pop, wrapup: protocol.WrapUp, at: datetime) -> None:
        pop.wrapup = wrapup
        self._send(pop, at, protocol.PopWrapUp, wrapup=wrapup)

    def _finish(self, pop: Pop, code: str, at: datetime) -> None:
        pop.disposition = code
        self._close(pop, "done", at)
        self._days.wrapped_up(pop.agent, pop.released_at, at)
        self._bus.publish(
            events.WrapUpDone(pop.call_id, at, pop.agent, pop.interface, code, pop.note)
        )

    def _close(self, pop: Pop, reason: protocol.CloseReason, at: datetime) -> None:
        pop.state, pop.closed_at, pop.close_reason = "closed", at, reason
        self._book.retire(pop)
        self._send(pop, at, protocol.PopClose, reason=reason)

    def _send(self, pop: Pop, at: datetime, kind: type[protocol.PopFrame], **parts: Any) -> None:
        pop.seq = self._hub.next_seq(pop.agent)
        frame = kind(ts=epoch_ms(at), seq=pop.seq, pop_id=pop.pop_id, **parts)
        self._hub.deliver(pop, frame, at)
        self._store.save_pop(pop)


def _is_over(pop: Pop, now: datetime) -> bool:
    quiet_at = pop.quiet_at if pop.state == "offered" else None
    return quiet_at is not None and now - quiet_at >= QUIET_FOR
