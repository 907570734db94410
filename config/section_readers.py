"""One reader per section of a rulebook: numbers, menus, rules, programmes, tests."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from config.actions import Action, ToQueue
from config.condition_reader import fact_value, read_condition
from config.conditions import Condition
from config.facts import FACTS, FactKind
from config.part_readers import Path, Reader
from config.problems import Place, did_you_mean
from config.rulebook import (
    ExampleTest,
    HoldEntry,
    Menu,
    NumberEntry,
    Option,
    Retry,
    RouteTo,
    Rule,
    ToProgramme,
    digits_of,
)
from config.rulebook_schema import (
    NAME,
    HoldEntryPart,
    HoldThenPart,
    MenuPart,
    NumberPart,
    OfferSlotPart,
    OptionPart,
    RouteThenPart,
    RulePart,
    RulesPart,
    SayPart,
    TestPart,
)
from config.shape import check_shape
from config.spoken_text import Text
from config.surroundings import Surroundings

_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{0,29}")
_LATER = "is not spoken by this version; the rest works without it"


@dataclass(slots=True)
class Found:
    """What the files held. `*_names` also name what was given but is wrong, so that one mistake is
    not reported again wherever the thing is used."""

    around: Surroundings
    #: The section `numbers`, or the folder where there is none.
    numbers_place: Place
    texts: dict[str, Text] = field(default_factory=dict)
    numbers: dict[str, NumberEntry] = field(default_factory=dict)
    menus: dict[str, Menu] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    programmes: dict[str, tuple[HoldEntry, ...]] = field(default_factory=dict)
    tests: list[ExampleTest] = field(default_factory=list)
    menu_names: set[str] = field(default_factory=set)
    programme_names: set[str] = field(default_factory=set)
    #: Where each named thing was given first, by section and name.
    places: dict[Path, Place] = field(default_factory=dict)
    has_default_number: bool = False
    #: A menu is in `menus` without its wrong options, so that the others are still checked.
    has_partial_menus: bool = False

    @property
    def programme_places(self) -> dict[str, Place]:
        return {name: self.places["programmes", name] for name in self.programmes}


def read_numbers(reader: Reader, raw: dict[str, Any], found: Found) -> None:
    for key, value in raw.items():
        path: Path = ("numbers", key)
        if key == "default":
            found.has_default_number = True
        elif not _NUMBER.fullmatch(key):
            reader.report(path, f"'{key[:40]}' is not a telephone number, nor the word default")
        part = check_shape(NumberPart, value, path, reader.report)
        if part is None:
            continue
        name = "default" if key == "default" else digits_of(key)
        if name in found.numbers:
            other = found.numbers[name]
            reader.report(path, f"'{key}' is the same number as '{other.key}' in {other.place}")
            continue
        found.numbers[name] = NumberEntry(
            key=key,
            place=reader.document.place(path),
            timezone=zoneinfo.ZoneInfo(part.timezone) if part.timezone else None,
            **part.model_dump(exclude={"timezone"}),
        )


def read_menu(reader: Reader, name: str, raw: Any, found: Found) -> None:
    path: Path = ("menus", name)
    if not re.match(NAME, name):
        reader.report(path, f"the menu name '{name[:60]}' may hold letters, digits, _ and - only")
    options = _options(reader, raw, path)
    texts = {
        "greeting": _optional_text(reader, raw, "greeting", path),
        "invalid": Retry(_spoken(reader, raw, "invalid", path) or found.texts["not_understood"]),
        "timeout": Retry(_spoken(reader, raw, "timeout", path) or found.texts["nothing_pressed"]),
    }
    to_person = ToQueue(found.around.default_queue)
    failure: Action | None = to_person
    if isinstance(raw, dict) and raw.get("failure") is not None:
        failure = reader.action(raw["failure"], (*path, "failure"))
    part = check_shape(MenuPart, raw, path, reader.report)
    if part is None:
        return
    if failure is None or len(options) < sum(map(_is_option, part.options)):
        found.has_partial_menus = True
    plain = part.model_dump(include={"order", "max_options", "tries", "timeout_s"})
    found.menus[name] = Menu(
        name=name,
        options=tuple(options),
        failure=failure or to_person,
        place=reader.document.place(path),
        **texts,  # type: ignore[arg-type]  # only the greeting may be None
        **plain,
    )


def _is_option(raw: Any) -> bool:
    return not (isinstance(raw, dict) and "offer_slot" in raw)


def _options(reader: Reader, raw: Any, path: Path) -> list[Option]:
    listed = raw.get("options") if isinstance(raw, dict) else None
    options: list[Option] = []
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        at = (*path, "options", index)
        if not _is_option(item):
            if check_shape(OfferSlotPart, item, at, reader.report):
                reader.warn(at, f"'offer_slot' {_LATER}")
        elif option := _option(reader, item, at):
            options.append(option)
    return options


def _option(reader: Reader, raw: Any, path: Path) -> Option | None:
    part = check_shape(OptionPart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    say = reader.text(given["say"], (*path, "say")) if "say" in given else None
    action = reader.action(given["do"], (*path, "do")) if "do" in given else None
    good, when = _when(reader, given, path)
    if part is None or say is None or action is None or not good:
        return None
    digit = part.digit or ("0" if part.intent == "agent" else None)
    return Option(part.intent, say, action, reader.document.place(path), digit, when)


def _when(reader: Reader, raw: dict[str, Any], path: Path) -> tuple[bool, Condition | None]:
    if "when" not in raw:
        return True, None
    condition = read_condition(raw["when"], (*path, "when"), reader.report)
    return condition is not None, condition


def _optional_text(reader: Reader, raw: Any, key: str, path: Path) -> Text | None:
    value = raw.get(key) if isinstance(raw, dict) else None
    return None if value is None else reader.text(value, (*path, key))


def _spoken(reader: Reader, raw: Any, key: str, path: Path) -> Text | None:
    value = raw.get(key) if isinstance(raw, dict) else None
    if value is None or check_shape(SayPart, value, (*path, key), reader.report) is None:
        return None
    return reader.text(value["say"], (*path, key, "say"))


def read_rules(reader: Reader, raw: Any, found: Found) -> None:
    check_shape(RulesPart, raw, ("rules",), reader.report)
    for path, item in _rule_items(raw):
        part = check_shape(RulePart, item, path, reader.report)
        given = item if isinstance(item, dict) else {}
        good, when = _when(reader, given, path)
        then = _then(reader, given, path)
        if part is None or then is None or not good:
            continue
        group = str(path[1])
        place = reader.document.place(path)
        first = found.places.setdefault((group, part.name), place)
        if first is not place:
            reader.report(path, f"the rule '{part.name}' is given twice; see {first}")
        found.rules.append(
            Rule("route" if group == "route" else "hold", part.name, then, place, when)
        )


def _rule_items(raw: Any) -> Iterator[tuple[Path, Any]]:
    for group in ("route", "hold"):
        items = raw.get(group) if isinstance(raw, dict) else None
        for index, item in enumerate(items if isinstance(items, list) else []):
            yield ("rules", group, index), item


def _then(reader: Reader, raw: dict[str, Any], path: Path) -> RouteTo | ToProgramme | None:
    if "then" not in raw:
        return None
    at = (*path, "then")
    model: type[BaseModel] = RouteThenPart if path[1] == "route" else HoldThenPart
    part = check_shape(model, raw["then"], at, reader.report)
    if isinstance(part, HoldThenPart):
        return ToProgramme(part.programme)
    if not isinstance(part, RouteThenPart):
        return None
    if (part.queue is None) == (part.menu is None):
        reader.report(at, "a route rule leads to exactly one of queue and menu")
        return None
    if part.menu is not None and part.skip_menu:
        reader.report((*at, "skip_menu"), "'skip_menu' goes with 'queue'")
    if part.prefer_agent is not None:
        reader.warn((*at, "prefer_agent"), "'prefer_agent' is not used by this version")
    if part.queue is None:
        return RouteTo(menu=part.menu)
    return RouteTo(action=ToQueue(part.queue, part.priority), skip_menu=part.skip_menu)


def read_programme(reader: Reader, name: str, raw: Any, found: Found) -> None:
    path: Path = ("programmes", name)
    if not re.match(NAME, name):
        reader.report(
            path, f"the programme name '{name[:60]}' may hold letters, digits, _ and - only"
        )
    if not isinstance(raw, list) or not raw:
        reader.report(path, f"'{name[:60]}' must be a list of music_s and say entries")
        return
    entries = [_hold_entry(reader, item, (*path, index)) for index, item in enumerate(raw)]
    programme = tuple(entry for entry in entries if entry is not None)
    if len(programme) == len(entries) and not any(entry.music_s for entry in programme):
        reader.warn(path, f"the programme '{name}' has no music: its words follow without a pause")
    found.programmes[name] = programme


def _hold_entry(reader: Reader, raw: Any, path: Path) -> HoldEntry | None:
    part = check_shape(HoldEntryPart, raw, path, reader.report)
    if part is None:
        return None
    given = list(part.model_fields_set)
    if len(given) != 1:
        reader.report(path, "a hold entry is exactly one of music_s and say")
        return None
    if given[0] not in ("music_s", "say"):
        reader.warn(path, f"'{given[0]}' {_LATER}")
        return None
    if given[0] == "music_s":
        return HoldEntry("music", music_s=part.music_s)
    text = reader.text(part.say, (*path, "say"))
    return None if text is None else HoldEntry("say", say=text)


def read_test(reader: Reader, index: int, raw: Any, found: Found) -> None:
    path: Path = ("tests", index)
    part = check_shape(TestPart, raw, path, reader.report)
    if part is None:
        return
    given = part.given
    for name, value in given.facts.items():
        _check_fact(reader, name, value, (*path, "given", "facts", name))
    try:
        datetime.fromisoformat(given.at or "2026-01-05T10:00")
    except ValueError:
        reader.report((*path, "given", "at"), "'at' is written like 2026-11-23T10:00")
        return
    expect = part.expect.model_dump(exclude_unset=True)
    place = reader.document.place(path)
    found.tests.append(
        ExampleTest(
            part.name, place, given.dialled, given.at, given.number, given.facts, expect=expect
        )
    )


def _check_fact(reader: Reader, name: str, value: Any, path: Path) -> None:
    fact = FACTS.get(name)
    if fact is None:
        reader.report(path, f"unknown fact '{name[:60]}'{did_you_mean(name, FACTS)}")
        return
    is_set = fact.kind is FactKind.SET and isinstance(value, list)
    try:
        for item in value if is_set else [value]:
            fact_value(name, fact, item)
        if fact.kind is FactKind.SET and not is_set:
            raise ValueError(f"{name} is {fact.kind}")
    except ValueError as error:
        reader.report(path, str(error))
