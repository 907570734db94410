"""What the files of a rulebook held, while they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from config.experiments import Experiment
from config.facts import FACTS, Fact
from config.opening_hours import OpeningHours, Period
from config.problems import Place
from config.reading.written import Skill, WrittenClosure, WrittenHolidays
from config.rulebook import (
    ExampleTest,
    HoldEntry,
    Menu,
    NumberEntry,
    Offer,
    OwnSegment,
    RouteTo,
    Rule,
    Webhook,
)
from config.spoken_text import Text
from config.surroundings import Surroundings
from config.templates import Template

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Found:
    """`names` also hold what was given but is wrong, so that one mistake is not reported again
    wherever the thing is used."""

    around: Surroundings
    #: The section `numbers`, or the folder where there is none.
    numbers_place: Place
    #: First day of the calendars' holidays.
    today: date
    facts: dict[str, Fact] = field(default_factory=lambda: dict(FACTS))
    texts: dict[str, Text] = field(default_factory=dict)
    numbers: dict[str, NumberEntry] = field(default_factory=dict)
    hours: dict[str, OpeningHours] = field(default_factory=dict)
    holidays: dict[str, WrittenHolidays] = field(default_factory=dict)
    closures: list[WrittenClosure] = field(default_factory=list)
    promotions: dict[str, Period] = field(default_factory=dict)
    skills: dict[str, Skill] = field(default_factory=dict)
    segments: dict[str, OwnSegment] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    menus: dict[str, Menu] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    programmes: dict[str, tuple[HoldEntry, ...]] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    tests: list[ExampleTest] = field(default_factory=list)
    #: By source, and whether it may use what belongs to an option: an alias may repeat one.
    templates: dict[tuple[str, bool], Template] = field(default_factory=dict)
    #: Characters of those that are not the same for every caller.
    varying: int = 0
    #: By section.
    names: dict[str, set[str]] = field(default_factory=dict)
    #: Where each named thing was given first, by section and name.
    places: dict[Path, Place] = field(default_factory=dict)
    #: Years that examples are set in: their holidays are needed too.
    years: set[int] = field(default_factory=set)
    has_default_number: bool = False
    #: A file could not be read: what others refer to may stand in it.
    is_partial: bool = False
    #: A menu is in `menus` without its wrong options, so that the others are still checked.
    has_partial_menus: bool = False

    def named(self, section: str) -> set[str]:
        return self.names.get(section, set())

    @property
    def programme_places(self) -> Mapping[str, Place]:
        return {name: self.places["programmes", name] for name in self.programmes}

    def route_rules(self) -> Iterator[tuple[Rule, RouteTo]]:
        for rule in self.rules:
            if isinstance(rule.then, RouteTo):
                yield rule, rule.then
