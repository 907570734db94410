"""What the rulebook says for this caller: one pure function, and every reason kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from calls.call import Call
from calls.caller import Caller
from calls.decision import ChurnOutlook, Decision, OptionShown, PopWish, RuleTrace
from calls.follow_up import FollowUp, LeadPolicy
from calls.offers import Propensities
from config.actions import Action, ToQueue
from config.facts import OWN_SEGMENTS
from config.opening_hours import Doors
from config.rulebook import (
    Consequence,
    NumberEntry,
    Offer,
    Rulebook,
    SetLead,
    SetOffers,
    SetPop,
    ToProgramme,
)
from config.spoken_text import Text
from ivr import offers
from ivr.control_group import CONTROL, arm_of
from ivr.experiments import Taken, taken_part
from ivr.facts import Facts, as_json, facts_of
from ivr.known import NOTHING_KNOWN, Known
from ivr.menu import PresentedMenu
from ivr.own_segments import segments_met
from ivr.presenting import present
from ivr.programme import planned
from ivr.routes import RouteTaken, route_of
from ivr.saying import PresentedWith, said, stock

DEFAULT_PROGRAMME = "default"


@dataclass(frozen=True, slots=True)
class CallPlan:
    """The decision, and the menus and texts behind it finished for this caller on demand."""

    decision: Decision
    #: Country in whose format the caller's number is read, as the dialled number says.
    region: str | None
    presented_with: PresentedWith
    #: The first action of the call.
    entry: Action
    #: Set where the dialled number is closed; then it is the entry.
    closed: Action | None = None
    #: Those asked for already: a dialog asks for its first menu again and again.
    menus: dict[str, PresentedMenu] = field(default_factory=dict, repr=False, compare=False)

    @property
    def offer(self) -> Offer | None:
        """The one that is made in this call."""
        return self.presented_with.offer

    def menu(self, name: str) -> PresentedMenu:
        """Raises KeyError where there is no such menu (the loader has checked every name)."""
        if name not in self.menus:
            self.menus[name] = present(self.presented_with, name)
        return self.menus[name]

    def further_menus(self) -> dict[str, tuple[OptionShown, ...]]:
        """Those asked for after the first."""
        first = self.decision.menu
        return {name: _shown(menu) for name, menu in self.menus.items() if name != first}

    def say(self, text: Text) -> str | None:
        """Filled in with what is known by now; None where a value is not."""
        return said(text, self.presented_with)

    def stock(self, name: str) -> str:
        return stock(self.presented_with, name)

    def finish(self, queue: ToQueue) -> ToQueue:
        """With the priority that a route rule gives to every queue of this call, and its agent
        where the queue is the rule's own."""
        ours, priority = self.presented_with.person, max(queue.priority, self._priority)
        if ours is not None and ours.queue == queue.queue and queue.prefer is None:
            queue = replace(queue, prefer=ours.prefer, prefer_s=ours.prefer_s)
        return replace(queue, priority=priority)

    @property
    def _priority(self) -> int:
        return self.decision.route.priority


def decide(
    rulebook: Rulebook,
    call: Call,
    caller: Caller,
    now: datetime,
    known: Known = NOTHING_KNOWN,
    *,
    given: Mapping[str, Any] | None = None,
) -> CallPlan:
    """`now` is aware. `given` are facts of an example, which go before what is known of the
    caller. Never fails for what a rulebook or a CRM holds."""
    number = rulebook.number_for(call.dialled)
    local = now.astimezone(number.timezone) if number.timezone else now
    language = choose_language(rulebook, number, call, caller)
    contact = caller.contact.ref if caller.contact else None
    arm = arm_of(contact, known.control_share)
    taken = taken_part(rulebook, caller, local, known, is_control=arm == CONTROL)
    facts = facts_of(
        rulebook,
        caller,
        call,
        local,
        language=language,
        known=known,
        given=given,
        arms=taken.arms,
    )
    traces, winners = trace_rules(rulebook, facts)
    route = route_of(number, winners.get("route"), _doors(rulebook, number, facts))
    with_ = PresentedWith(
        rulebook,
        facts,
        language,
        known,
        local.date(),
        person=route.person,
        is_personal=arm != CONTROL,
        order=taken.menu_order,
        order_because=taken.because.get("menu_order", ""),
    )
    chooser = offers.Chooser(str(call.id), caller.segments, taken.policy)
    silenced = _silenced(arm, winners.get("offers"), taken)
    weighed = offers.weigh(with_, chooser, silenced=silenced)
    with_ = replace(with_, offer=weighed.chosen)
    menu = present(with_, route.menu) if route.menu else None
    decision = _decision(with_, number, route, menu, winners, taken=taken)
    decision = replace(decision, arm=arm, offers=weighed.considered, rules=traces)
    met = segments_met(rulebook, facts.values[OWN_SEGMENTS]) if rulebook.segments else ()
    decision = replace(decision, policy=weighed.policy, arms=taken.arms, segments=met)
    decision = replace(decision, churn=_churn(known.propensities))
    asked = sorted({**facts.aloud, **facts.values}.items())
    decision = replace(decision, facts={name: as_json(value) for name, value in asked})
    menus = {menu.name: menu} if menu else {}
    return CallPlan(decision, number.region, with_, route.entry, route.closed, menus)


def choose_language(rulebook: Rulebook, number: NumberEntry, call: Call, caller: Caller) -> str:
    """The contact's own where all of the number's menu is written in it, then the number's, then
    the channel's (on the same condition, or where no text names a language), then English."""
    written = rulebook.languages.get(number.menu, frozenset())
    preferred = caller.language
    for wanted in (preferred, None if number.language else call.language):
        base = (wanted or "").lower().replace("_", "-").partition("-")[0]
        if base in written:
            return base
    if number.language or not written:
        return number.language or call.language or "en"
    return "en" if "en" in written else min(written)


#: A RuleTrace of its fields, past the constructor in Python: there are a thousand in a call.
_trace: Callable[[tuple[str, str, bool, str]], RuleTrace] = partial(tuple.__new__, RuleTrace)

#: A rule's name, and what it asks for.
_Winner = tuple[str, Consequence]


def trace_rules(
    rulebook: Rulebook, facts: Facts
) -> tuple[tuple[RuleTrace, ...], dict[str, _Winner]]:
    """Every rule with its own verdict, and by group the first match: the one that counts. Which
    programme is heard on hold hangs on what may be spoken; where a call goes, on all there is."""
    won: dict[str, _Winner] = {}
    traces = []
    for rule in rulebook.rules:
        seen = facts.heard if rule.group == "hold" else facts.seen
        matched, because = (True, "always") if rule.when is None else rule.when.judge(seen)
        if matched and rule.group in won:
            matched, because = False, f"an earlier rule won; otherwise: {because}"
        elif matched:
            won[rule.group] = (rule.name, rule.then)
        traces.append(_trace((rule.group, rule.name, matched, because)))
    return tuple(traces), won


def _doors(rulebook: Rulebook, number: NumberEntry, facts: Facts) -> Doors | None:
    """None where the number keeps no hours."""
    if number.hours is None:
        return None
    return Doors(facts.values[f"hours.{number.hours}"])


def _churn(known: Propensities) -> ChurnOutlook | None:
    if known.churn is None or known.churn_level is None or known.horizon_days is None:
        return None
    return ChurnOutlook(known.churn, known.churn_level, known.horizon_days, known.churn_reasons)


def _silenced(arm: str, winner: _Winner | None, taken: Taken) -> str | None:
    if arm == CONTROL:
        return "the caller is in the control group"
    if winner and isinstance(winner[1], SetOffers) and not winner[1].allowed:
        return f"the rule '{winner[0]}' allows no offers"
    if taken.offers is False:
        return f"{taken.because['offers']} makes no offers"
    return None


def _decision(
    with_: PresentedWith,
    number: NumberEntry,
    route: RouteTaken,
    menu: PresentedMenu | None,
    winners: Mapping[str, _Winner],
    *,
    taken: Taken,
) -> Decision:
    """But for what was weighed and traced before."""
    programme = _programme(with_.rulebook, winners.get("hold"), taken)
    lead = _lead(number, winners.get("lead"))
    return Decision(
        rulebook_version=with_.rulebook.version,
        language=with_.language,
        route=route.route,
        doors=route.doors,
        menu=menu.name if menu else None,
        greeting=menu.greeting if menu else None,
        options=_shown(menu),
        hold_programme=programme,
        hold=planned(programme, with_),
        lead=lead.when,
        follow_up=FollowUp(lead, number.missed_task_s),
        pop=_pop(number, winners.get("pop"), with_),
        model=with_.known.propensities.model,
        models=with_.known.propensities.models,
    )


def _programme(rulebook: Rulebook, winner: _Winner | None, taken: Taken) -> str | None:
    if winner and isinstance(winner[1], ToProgramme):
        return winner[1].programme
    if taken.programme is not None:
        return taken.programme
    return DEFAULT_PROGRAMME if DEFAULT_PROGRAMME in rulebook.programmes else None


def _lead(number: NumberEntry, winner: _Winner | None) -> LeadPolicy:
    return winner[1].lead if winner and isinstance(winner[1], SetLead) else number.lead


def _pop(number: NumberEntry, winner: _Winner | None, with_: PresentedWith) -> PopWish:
    wish = winner[1] if winner and isinstance(winner[1], SetPop) else number.pop
    return PopWish(wish.shown, said(wish.note, with_) if wish.note is not None else None)


def _shown(menu: PresentedMenu | None) -> tuple[OptionShown, ...]:
    return tuple(
        OptionShown(o.digit, o.intent, o.say, o.reasons, o.probability, o.seconds, o.offer)
        for o in (menu.options if menu else ())
    )
