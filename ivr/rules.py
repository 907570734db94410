"""What the rulebook says for this caller: one pure function, and every reason kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from calls.call import Call
from calls.caller import Caller
from calls.decision import Decision, HoldEntryPlanned, OptionShown, Route, RuleTrace
from config.actions import ToQueue
from config.rulebook import Consequence, NumberEntry, RouteTo, Rulebook, ToProgramme
from config.spoken_text import Text
from ivr.facts import Facts, facts_of
from ivr.menu import PresentedMenu
from ivr.presenting import PresentedWith, present, said, stock

DEFAULT_PROGRAMME = "default"


@dataclass(frozen=True, slots=True)
class CallPlan:
    """The decision, and the menus behind it finished for this caller on demand."""

    decision: Decision
    #: Country in whose format the caller's number is read, as the dialled number says.
    region: str | None
    presented_with: PresentedWith

    def menu(self, name: str) -> PresentedMenu:
        return present(self.presented_with, name)

    def say(self, text: Text) -> str | None:
        """Filled in with what is known by now; None where a value is not."""
        return said(text, self.presented_with)

    def stock(self, name: str) -> str:
        return stock(self.presented_with, name)


def decide(rulebook: Rulebook, call: Call, caller: Caller, now: datetime) -> CallPlan:
    """`now` is aware. Never fails for what a rulebook or a CRM holds."""
    number = rulebook.number_for(call.dialled)
    local = now.astimezone(number.timezone) if number.timezone else now
    language = choose_language(rulebook, number, call, caller)
    facts = facts_of(caller, call, local, language)
    return decide_from(rulebook, number, facts, language)


def decide_from(rulebook: Rulebook, number: NumberEntry, facts: Facts, language: str) -> CallPlan:
    """The same from facts already gathered (a supervisor's example test)."""
    traces = tuple(trace_rules(rulebook, facts))
    route_rule, route_to = _winner(rulebook, "route", traces)
    _, programme_to = _winner(rulebook, "hold", traces)
    programme = DEFAULT_PROGRAMME if DEFAULT_PROGRAMME in rulebook.programmes else None
    if isinstance(programme_to, ToProgramme):
        programme = programme_to.programme
    with_ = PresentedWith(rulebook, facts, language)
    route, menu_name = Route("menu", number.menu), number.menu
    if isinstance(route_to, RouteTo):
        menu_name = route_to.menu or number.menu
        queue = route_to.action if isinstance(route_to.action, ToQueue) else None
        if queue is not None:
            with_ = replace(with_, person_queue=queue.queue, priority=queue.priority)
        route = Route(
            "queue" if queue else "menu",
            queue.queue if queue else menu_name,
            queue.priority if queue else 0,
            route_to.skip_menu,
            route_rule,
        )
    menu = None if route.skip_menu else present(with_, menu_name)
    decision = Decision(
        rulebook_version=rulebook.version,
        language=language,
        route=route,
        menu=menu.name if menu else None,
        greeting=menu.greeting if menu else None,
        options=_shown(menu),
        hold_programme=programme,
        hold=_hold(programme, with_),
        rules=traces,
        lead=number.lead,
    )
    return CallPlan(decision, number.region, with_)


def choose_language(rulebook: Rulebook, number: NumberEntry, call: Call, caller: Caller) -> str:
    """The contact's own where all of the number's menu is written in it, then the number's, then
    the channel's (on the same condition, or where no text names a language), then English."""
    written = rulebook.languages.get(number.menu, frozenset())
    preferred = caller.contact.language if caller.contact else None
    for wanted in (preferred, None if number.language else call.language):
        base = (wanted or "").lower().replace("_", "-").partition("-")[0]
        if base in written:
            return base
    if number.language or not written:
        return number.language or call.language or "en"
    return "en" if "en" in written else min(written)


def trace_rules(rulebook: Rulebook, facts: Facts) -> list[RuleTrace]:
    """Every rule with its own verdict; within a group the first match is the one that counts."""
    won: set[str] = set()
    traces = []
    for rule in rulebook.rules:
        matched, because = True, "always"
        if rule.when is not None:
            verdict = rule.when.evaluate(facts.values)
            matched, because = verdict.matched, verdict.because
        if matched and rule.group in won:
            matched, because = False, f"an earlier rule won; otherwise: {because}"
        if matched:
            won.add(rule.group)
        traces.append(RuleTrace(rule.group, rule.name, matched, because))
    return traces


def _winner(
    rulebook: Rulebook, group: str, traces: tuple[RuleTrace, ...]
) -> tuple[str | None, Consequence | None]:
    for rule, trace in zip(rulebook.rules, traces, strict=True):
        if rule.group == group and trace.matched:
            return rule.name, rule.then
    return None, None


def _shown(menu: PresentedMenu | None) -> tuple[OptionShown, ...]:
    options = menu.options if menu else ()
    return tuple(OptionShown(o.digit, o.intent, o.say, o.reasons) for o in options)


def _hold(programme: str | None, with_: PresentedWith) -> tuple[HoldEntryPlanned, ...]:
    """A message that cannot be filled in is left out: the music around it stays."""
    planned = []
    for entry in with_.rulebook.programmes.get(programme or "", ()):
        if entry.say is None:
            planned.append(HoldEntryPlanned("music", seconds=entry.music_s))
        elif text := said(entry.say, with_):
            planned.append(HoldEntryPlanned("say", text=text))
    return tuple(planned)
