"""The rulebook as the server uses it: checked, compiled, frozen. Made by `config.rulebook_loader`.

A call takes one Rulebook at its start and keeps it to its end, whatever is published meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from calls.follow_up import LeadPolicy
from calls.offers import OfferCap
from config.actions import Action
from config.conditions import Condition
from config.experiments import Experiment
from config.facts import FACTS, Fact
from config.opening_hours import OpeningHours, Period
from config.problems import Place
from config.spoken_text import Text

MenuOrder = Literal["fixed", "by_propensity"]
RuleGroup = Literal["route", "hold", "lead", "pop", "offers"]
RULE_GROUPS: tuple[RuleGroup, ...] = ("route", "hold", "lead", "pop", "offers")


@dataclass(frozen=True, slots=True)
class Option:
    intent: str
    say: Text
    action: Action
    place: Place
    #: Fixed by the author; None: given out from 1 when the menu is presented.
    digit: str | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """After a wrong key, or none: what is said before the next try, how many such mistakes there
    may be (None: the menu's `tries`), and what follows then (None: the menu's `failure`)."""

    say: Text
    tries: int | None = None
    then: Action | None = None
    #: The greeting is spoken again too.
    greet_again: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    name: str
    greeting: Text | None
    options: tuple[Option, ...]
    #: No such key / no key / tries used up.
    invalid: Retry
    timeout: Retry
    failure: Action
    place: Place
    order: MenuOrder = "fixed"
    #: Besides `0` for a person.
    max_options: int = 8
    tries: int = 3
    timeout_s: float = 5.0
    #: How many options stand before the place for an offer; None: no offer here.
    offer_slot: int | None = None
    #: A typed extension that the settings' `rulebook.direct_dial` allows is dialled.
    direct_dial: bool = False
    #: Seconds of speech before the last option has been heard; `check` warns beyond.
    budget_s: float = 25.0
    #: The same before the first one has been heard.
    first_option_s: float = 8.0


@dataclass(frozen=True, slots=True)
class ToProgramme:
    programme: str


@dataclass(frozen=True, slots=True)
class RouteTo:
    """Exactly one of the two. Without `skip_menu` the menu still plays: its `0` and its failure
    then lead to `queue`, whose priority holds for every queue chosen there."""

    menu: str | None = None
    #: Any action that ends our part of the call, or a way to it.
    action: Action | None = None
    skip_menu: bool = False


@dataclass(frozen=True, slots=True)
class SetLead:
    lead: LeadPolicy


@dataclass(frozen=True, slots=True)
class SetPop:
    shown: bool = True
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class SetOffers:
    """False: this caller hears no offer."""

    allowed: bool


Consequence = RouteTo | ToProgramme | SetLead | SetPop | SetOffers


@dataclass(frozen=True, slots=True)
class Rule:
    group: RuleGroup
    name: str
    then: Consequence
    place: Place
    when: Condition | None = None


HoldKind = Literal["music", "say", "offer", "position", "callback"]


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """`music_s` goes with music, `say` with say and callback."""

    kind: HoldKind
    music_s: float | None = None
    say: Text | None = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    name: str
    product: str
    cap: OfferCap
    place: Place
    #: At least one of the three; where one is missing the offer is not made there.
    menu: Text | None = None
    hold: Text | None = None
    agent: Text | None = None
    #: What its key leads to, in the menu.
    action: Action | None = None
    #: May also ask for `propensity`.
    when: Condition | None = None
    never: Condition | None = None
    #: What one sale is worth, in any unit that all offers share: weighs against the propensity.
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class RecordCalls:
    """Asterisk records them: after the caller agreed, after they were told, or without a word."""

    consent: Literal["ask", "announce", "none"]
    #: Who is asked and says nothing agrees; else they are not recorded.
    silence_agrees: bool = False
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class NumberEntry:
    """What a dialled number means. `key` is as the author wrote it, or `default`."""

    key: str
    menu: str
    place: Place
    language: str | None = None
    #: ISO 3166 country in whose format callers' numbers are read; None: the CRM section's.
    region: str | None = None
    lead: LeadPolicy = field(default_factory=LeadPolicy)
    #: Who rings off unanswered after so many seconds is to be called back; None: nobody.
    missed_task_s: float | None = None
    #: Clock of `call.hour` and `call.weekday`; None: the server's.
    timezone: ZoneInfo | None = None
    #: Outside of these `closed` is next instead of the menu.
    hours: str | None = None
    closed: Action | None = None
    pop: SetPop = SetPop()
    #: None: calls are not recorded by us.
    record: RecordCalls | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """`answers` names the values it may give, with their types; others are dropped."""

    name: str
    url: str
    deadline_s: float
    answers: Mapping[str, Fact]
    place: Place


@dataclass(frozen=True, slots=True)
class OwnSegment:
    """A group of contacts in a supervisor's own words."""

    name: str
    #: By language; ANY_LANGUAGE where the author named none. Without one the name is shown.
    titles: Mapping[str, str]
    #: Asks for `config.facts.SEGMENT_FACTS` only.
    when: Condition
    place: Place


def digits_of(number: str) -> str:
    return re.sub(r"\D", "", number)


@dataclass(frozen=True, slots=True)
class ExampleTest:
    """A supervisor's own example: `facts` on top of a stranger's, and what must come of them."""

    name: str
    place: Place
    dialled: str
    at: str | None = None
    number: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    #: Keys pressed one after the other, through the menus.
    presses: tuple[str, ...] = ()
    expect: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rulebook:
    #: First 16 hex digits of the SHA-256 of every file's name and content.
    version: str
    numbers: Mapping[str, NumberEntry]
    menus: Mapping[str, Menu]
    rules: tuple[Rule, ...]
    programmes: Mapping[str, tuple[HoldEntry, ...]]
    texts: Mapping[str, Text]
    #: Where a person is found when nothing else is said.
    default_queue: str
    tests: tuple[ExampleTest, ...] = ()
    #: By menu: the languages in which everything reachable from it is written; empty: its
    #: number's own only.
    languages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hours: Mapping[str, OpeningHours] = field(default_factory=dict)
    promotions: Mapping[str, Period] = field(default_factory=dict)
    #: In the order written.
    offers: Mapping[str, Offer] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    #: In the order written.
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    #: In the order written.
    segments: Mapping[str, OwnSegment] = field(default_factory=dict)
    #: Those of `config.facts` and the rulebook's own: `hours.*`, `promotion.*`, `typed.*`,
    #: `answers.*`, `experiment.*`.
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType(FACTS))
    #: SHA-256 of the recording that replaces a text, by language and the text's name.
    recordings: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def number_for(self, dialled: str) -> NumberEntry:
        """The entry of a dialled number, compared by its digits; else `default`."""
        return self.numbers.get(digits_of(dialled)) or self.numbers["default"]

    def text(self, name: str) -> Text:
        """A text of `texts`, the author's or the stock one. Raises KeyError."""
        return self.texts[name]
