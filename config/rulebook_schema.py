"""The shape of a rulebook's parts, as authors write them. Meaning is given by `rulebook_loader`.

Fields typed Any (`when`, texts, actions) have their own readers, so that every problem in them is
reported even where something beside them is wrong.
"""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

#: Queue, menu, intent, programme and rule names: what is also safe in Asterisk's dialplan.
NAME = r"^[A-Za-z0-9_-]{1,40}$"
LANGUAGE = r"^[a-z]{2,3}$"

Name = Annotated[str, Field(pattern=NAME)]
Priority = Annotated[int, Field(ge=0, le=1000)]


def _digit(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_key(value: str) -> str:
    if len(value) != 1 or value not in "0123456789*#":
        raise ValueError(
            f"'digit' must be one key of a telephone (0-9, * or #), not '{value[:20]}'"
        )
    return value


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(
            f"unknown time zone '{value[:60]}'; write it like Europe/Berlin"
        ) from error
    return value


Digit = Annotated[str, BeforeValidator(_digit), AfterValidator(_one_key)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NumberPart(Part):
    menu: Name
    language: Annotated[str, Field(pattern=LANGUAGE)] | None = None
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    lead: Literal["never", "on_answer", "on_abandon", "always"] = "always"
    timezone: Annotated[str, AfterValidator(_timezone)] | None = None


class OptionPart(Part):
    intent: Name
    say: Any
    do: Any
    digit: Digit | None = None
    when: Any = None


class OfferSlotPart(Part):
    offer_slot: int = Field(ge=1, le=1)


class SayPart(Part):
    say: Any


class MenuPart(Part):
    options: list[Any] = Field(min_length=1)
    greeting: Any = None
    order: Literal["fixed", "by_propensity"] = "fixed"
    max_options: int = Field(8, ge=1, le=9)
    tries: int = Field(3, ge=1, le=10)
    timeout_s: float = Field(5.0, ge=0.5, le=60)
    invalid: Any = None
    timeout: Any = None
    failure: Any = None


class ActionPart(Part):
    queue: Name | None = None
    priority: Priority | None = None
    menu: Name | None = None
    say: Any = None
    then: Any = None
    hangup: bool | None = None


class RulesPart(Part):
    route: list[Any] = []
    hold: list[Any] = []


class RulePart(Part):
    name: Name
    then: Any
    when: Any = None


class RouteThenPart(Part):
    queue: Name | None = None
    menu: Name | None = None
    priority: Priority = 0
    skip_menu: bool = False
    prefer_agent: str | None = None


class HoldThenPart(Part):
    programme: Name


class HoldEntryPart(Part):
    music_s: float | None = Field(None, ge=1, le=600)
    say: Any = None
    offer: bool | None = None
    position: bool | None = None
    callback: bool | None = None


class GivenPart(Part):
    dialled: str = ""
    number: str | None = None
    at: str | None = None
    facts: dict[str, Any] = {}


class ExpectPart(Part):
    menu: str | None = None
    options: list[str] | None = None
    digits: dict[str, str] | None = None
    queue: str | None = None
    programme: str | None = None
    says: list[str] | None = None


class TestPart(Part):
    __test__ = False  # not for pytest

    name: str
    given: GivenPart
    expect: ExpectPart
