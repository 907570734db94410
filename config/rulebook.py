"""The rulebook as the server uses it: checked, compiled, frozen. Made by `config.rulebook_loader`.

A call takes one Rulebook at its start and keeps it to its end, whatever is published meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from config.conditions import Condition
from config.problems import Place
from config.templates import Template

LeadPolicy = Literal["never", "on_answer", "on_abandon", "always"]
MenuOrder = Literal["fixed", "by_propensity"]
RuleGroup = Literal["route", "hold"]

#: Key of a text that the author wrote once, without naming a language.
ANY_LANGUAGE = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Something to say, in one or several languages (ISO 639 codes, or ANY_LANGUAGE)."""

    by_language: Mapping[str, Template]
    place: Place
    name: str | None = None

    def in_language(self, language: str) -> Template:
        """The nearest there is: this language, the one for any, else the first written."""
        found = self.by_language.get(language) or self.by_language.get(ANY_LANGUAGE)
        return found or next(iter(self.by_language.values()))


@dataclass(frozen=True, slots=True)
class ToQueue:
    queue: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: str


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


@dataclass(frozen=True, slots=True)
class SayText:
    text: Text
    then: Action


Action = ToQueue | ToMenu | HangUp | SayText


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
class Menu:
    name: str
    greeting: Text | None
    options: tuple[Option, ...]
    #: No such key / no key / tries used up.
    invalid: Text
    timeout: Text
    failure: Action
    place: Place
    order: MenuOrder = "fixed"
    #: Besides `0` for a person.
    max_options: int = 8
    tries: int = 3
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ToProgramme:
    programme: str


@dataclass(frozen=True, slots=True)
class RouteTo:
    """Exactly one of `queue` and `menu` is set. Without `skip_menu` the menu still plays: its `0`
    and its failure then lead to `queue`, and `priority` holds for every queue chosen there."""

    queue: str | None = None
    menu: str | None = None
    priority: int = 0
    skip_menu: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    group: RuleGroup
    name: str
    then: RouteTo | ToProgramme
    place: Place
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """Exactly one of the two: seconds of music, or something to say."""

    music_s: float | None = None
    say: Text | None = None


@dataclass(frozen=True, slots=True)
class NumberEntry:
    """What a dialled number means. `key` is as the author wrote it, or `default`."""

    key: str
    menu: str
    place: Place
    language: str | None = None
    #: ISO 3166 country in whose format callers' numbers are read; None: the CRM section's.
    region: str | None = None
    lead: LeadPolicy = "always"
    #: Clock of `call.hour` and `call.weekday`; None: the server's.
    timezone: ZoneInfo | None = None


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

    def number_for(self, dialled: str) -> NumberEntry:
        """The entry of a dialled number, compared by its digits; else `default`."""
        return self.numbers.get(digits_of(dialled)) or self.numbers["default"]

    def text(self, name: str) -> Text:
        """A text of `texts`, the author's or the stock one. Raises KeyError."""
        return self.texts[name]
