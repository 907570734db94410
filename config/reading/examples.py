"""Section `tests`: a supervisor's own examples, which `switchboard check` tries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from calls.money import Money
from config.condition_reader import fact_value
from config.facts import PROPENSITY, PROPENSITY_FACT, Fact, FactKind
from config.problems import as_said, did_you_mean
from config.reading.moments import read_date, read_instant
from config.reading.parts import Digits, Lead, Part
from config.reading.reader import Path, Reader
from config.rulebook import ExampleTest
from config.shape import check_shape

_MONEY = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,4})?) ([A-Z]{3})")


class GivenPart(Part):
    dialled: Digits = ""
    number: Digits | None = None
    at: str | None = None
    """When: like 2026-11-23T10:00, on the clock of the dialled number."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """What is known of the caller; anything else as of a stranger."""
    presses: list[Digits] = Field([], max_length=50)
    """One after the other, through the menus; "" for nothing pressed."""


class ExpectPart(Part):
    menu: str | None = None
    """The menu heard last."""
    options: list[str] | None = None
    """Its intents in their order."""
    digits: dict[str, Digits] | None = None
    """Keys by intent."""
    queue: str | None = None
    programme: str | None = None
    says: list[str] | None = None
    """Sentences among those that are spoken."""
    lead: Lead | None = None
    offer: str | None = None
    voicemail: Digits | None = None
    transfer: str | None = None
    segments: list[str] | None = None
    """Which of your own segments the caller belongs to, in the order they are written."""
    doors: Literal["open", "closed", "holiday", "closure"] | None = None


class TestPart(Part):
    __test__ = False  # not for pytest

    name: str
    given: GivenPart
    expect: ExpectPart


def read_test(reader: Reader, index: int, raw: Any) -> None:
    path: Path = ("tests", index)
    before = reader.errors
    part = check_shape(TestPart, raw, path, reader.report)
    if part is None:
        return
    given = part.given
    facts = {
        name: _given_fact(reader, name, value, (*path, "given", "facts", name))
        for name, value in given.facts.items()
    }
    for number, keys in enumerate(given.presses):
        if not re.fullmatch("[0-9*#]{0,20}", keys):
            at = (*path, "given", "presses", number)
            reader.report(at, f"keys are 0 to 9, * and #, not {as_said(keys)}")
    try:
        read_instant(given.at or "2026-01-05T10:00", "'at'")
    except ValueError as error:
        reader.report((*path, "given", "at"), str(error))
    _check_names(reader, part.expect, path)
    if reader.errors > before:
        return
    reader.found.tests.append(
        ExampleTest(
            name=part.name,
            place=reader.place(path),
            dialled=given.dialled,
            at=given.at,
            number=given.number,
            facts=facts,
            presses=tuple(given.presses),
            expect=part.expect.model_dump(exclude_unset=True),
        )
    )


def _check_names(reader: Reader, expect: ExpectPart, path: Path) -> None:
    for key, section, what in (("menu", "menus", "menu"), ("offer", "offers", "offer")):
        name = getattr(expect, key)
        if name is not None:
            reader.known(section, name, (*path, "expect", key), what)
    for index, name in enumerate(expect.segments or ()):
        reader.known("segments", name, (*path, "expect", "segments", index), "segment")


def given_fact(facts: Mapping[str, Fact], name: str, value: Any) -> object:
    """Raises ValueError with the sentence. A moment without a zone stays so: the clock of the
    dialled number is meant."""
    facts = {**facts, PROPENSITY: PROPENSITY_FACT}
    fact = facts.get(name)
    if fact is None:
        raise ValueError(f"unknown fact '{name[:60]}'{did_you_mean(name, facts)}")
    return _of_kind(name, fact, value)


def _given_fact(reader: Reader, name: str, value: Any, path: Path) -> object:
    try:
        return given_fact(reader.found.facts, name, value)
    except ValueError as error:
        reader.report(path, str(error))
        return None


def _of_kind(name: str, fact: Fact, value: Any) -> object:
    match fact.kind:
        case FactKind.SET:
            if not isinstance(value, list):
                raise ValueError(f"{name} is {fact.kind}")
            return frozenset(fact_value(name, fact, item) for item in value)
        case FactKind.MONEY:
            return _money(name, value)
        case FactKind.DATE:
            return read_date(value)
        case FactKind.MOMENT:
            return read_instant(value, name)
    return fact_value(name, fact, value)


def _money(name: str, value: Any) -> Money:
    match = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if match:
        return Money(Decimal(match[1]), match[2])
    raise ValueError(f'{name} is an amount with its currency, like "12.50 EUR"')
