"""Section `rules`: in each group the first rule that matches answers its question.

route    where does the call go          hold   what is heard while waiting
lead     is a stranger a lead            pop    what does the agent's screen show
offers   may an offer be made
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from config.actions import Back, ToMenu, every_step
from config.conditions import Condition
from config.reading.actions import read_action
from config.reading.leads import read_lead
from config.reading.numbers import PopPart, read_pop
from config.reading.parts import Name, Part, RawCondition, RawLead, shaped
from config.reading.reader import Path, Reader
from config.rulebook import (
    RULE_GROUPS,
    Consequence,
    RouteTo,
    Rule,
    RuleGroup,
    SetLead,
    SetOffers,
    ToProgramme,
)
from config.shape import check_shape


class RouteThenPart(Part):
    """An action beside `skip_menu`."""

    skip_menu: bool | None = None
    """The menu is not spoken. Without it the menu's 0 and its failure lead to the queue."""


class HoldThenPart(Part):
    programme: Name
    """One of `programmes`."""


class LeadThenPart(Part):
    lead: RawLead
    """When the caller becomes a lead in the CRM: a word, or a mapping that says more."""


class OffersThenPart(Part):
    allowed: bool
    """False: this caller hears no offer."""


class RulePart(Part):
    name: Name
    then: Any
    when: RawCondition = None


class RulesPart(Part):
    route: list[Annotated[Any, shaped("route_rule")]] = Field(default_factory=list)
    """Where the call goes without asking."""
    hold: list[Annotated[Any, shaped("hold_rule")]] = Field(default_factory=list)
    """Which programme is heard while waiting."""
    lead: list[Annotated[Any, shaped("lead_rule")]] = Field(default_factory=list)
    """When a stranger becomes a lead."""
    pop: list[Annotated[Any, shaped("pop_rule")]] = Field(default_factory=list)
    """What the agent's screen shows."""
    offers: list[Annotated[Any, shaped("offers_rule")]] = Field(default_factory=list)
    """Whether offers may be made at all."""


THEN_SHAPES: dict[str, type[Part]] = {
    "hold": HoldThenPart,
    "lead": LeadThenPart,
    "pop": PopPart,
    "offers": OffersThenPart,
}


def read_rules(reader: Reader, raw: dict[str, Any]) -> None:
    check_shape(RulesPart, raw, ("rules",), reader.report)
    for group in RULE_GROUPS:
        items = raw.get(group)
        for index, item in enumerate(items if isinstance(items, list) else []):
            _read_rule(reader, group, item, ("rules", group, index))


def _read_rule(reader: Reader, group: RuleGroup, raw: Any, path: Path) -> None:
    before = reader.errors
    part = check_shape(RulePart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    when: Condition | None = reader.when(given, path)
    name = str(given.get("name", ""))
    then = None
    if "then" in given:
        then = _then(reader, group, given["then"], (*path, "then"), name)
    if part is None or then is None or reader.errors > before:
        return
    place = reader.place(path)
    first = reader.found.places.setdefault((f"{group} rule", part.name), place)
    if first is not place:
        reader.report(path, f"the rule '{part.name}' is given twice; see {first}")
    reader.found.rules.append(Rule(group, part.name, then, place, when))


def _then(reader: Reader, group: RuleGroup, raw: Any, path: Path, name: str) -> Consequence | None:
    if group == "route":
        return _route(reader, raw, path)
    if group == "pop":
        return read_pop(reader, raw, path)
    part = check_shape(THEN_SHAPES[group], raw, path, reader.report)
    match part:
        case HoldThenPart():
            return ToProgramme(part.programme)
        case LeadThenPart():
            lead = read_lead(reader, part.lead, (*path, "lead"), name)
            return SetLead(lead) if lead is not None else None
        case OffersThenPart():
            return SetOffers(part.allowed)
    return None


def _route(reader: Reader, raw: Any, path: Path) -> RouteTo | None:
    skip: bool | None = None
    if isinstance(raw, dict) and "skip_menu" in raw:
        part = check_shape(RouteThenPart, {"skip_menu": raw["skip_menu"]}, path, reader.report)
        skip = part.skip_menu if part else None
        raw = {key: value for key, value in raw.items() if key != "skip_menu"}
    before = reader.errors
    action = read_action(reader, raw, path)
    if reader.errors > before:
        return None
    if isinstance(action, ToMenu):
        if skip:
            reader.report((*path, "skip_menu"), "'skip_menu' goes with 'queue'")
        return RouteTo(menu=action.menu)
    if any(isinstance(step, Back) for step in every_step(action)):
        reader.report(path, "'back' leads nowhere before any menu")
    if "queue" in raw and "record" not in raw:
        return RouteTo(action=action, skip_menu=bool(skip))
    if skip is False:
        sentence = "only 'queue' leaves the menu in its place; leave 'skip_menu: false' out"
        reader.report((*path, "skip_menu"), sentence)
    return RouteTo(action=action, skip_menu=True)
