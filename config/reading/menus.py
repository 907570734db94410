"""Section `menus`: what a caller may choose from, and what comes of every key and of none."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from config.reading.actions import action_in, read_action, to_person
from config.reading.parts import (
    NAME,
    Digit,
    Name,
    Part,
    RawAction,
    RawCondition,
    RawText,
    shaped,
)
from config.reading.reader import Path, Reader
from config.rulebook import Menu, Option, Retry
from config.shape import check_shape


class OptionPart(Part):
    intent: Name
    """What the caller wants: a stable name for reports, digits and tests."""
    say: RawText
    do: RawAction
    digit: Digit | None = None
    """A fixed key; without it keys are given out from 1."""
    when: RawCondition = None


class OfferSlotPart(Part):
    offer_slot: int = Field(ge=1, le=1)
    """Here stands the best offer that qualifies, if there is one."""


class RetryPart(Part):
    say: RawText = None
    tries: Annotated[int, Field(ge=1, le=10)] | None = None
    """So many mistakes of this kind lead to `then`; without it the menu's."""
    then: RawAction = None
    greet_again: bool = False
    """The greeting is spoken again too."""


class MenuPart(Part):
    options: list[Annotated[Any, shaped("option")]] = Field(min_length=1)
    greeting: RawText = None
    order: Literal["fixed", "by_propensity"] = "fixed"
    """As written, or the likeliest and shortest first."""
    max_options: int = Field(8, ge=1, le=9)
    """Besides 0 for a person."""
    tries: int = Field(3, ge=1, le=10)
    timeout_s: float = Field(5.0, ge=0.5, le=60)
    """How long a key is waited for."""
    budget_s: float = Field(25.0, ge=5, le=120)
    """`switchboard check` warns where listening to the last option takes longer."""
    first_option_s: float = Field(8.0, ge=2, le=60)
    """`switchboard check` warns where greeting and first option take longer."""
    direct_dial: bool = False
    """A typed extension that the settings' rulebook.direct_dial allows is dialled."""
    invalid: Annotated[Any, shaped("RetryPart")] = None
    timeout: Annotated[Any, shaped("RetryPart")] = None
    failure: RawAction = None


def read_menu(reader: Reader, name: str, raw: Any) -> None:
    found = reader.found
    path: Path = ("menus", name)
    if not re.match(NAME, name):
        reader.report(
            path, f"the menu name '{name[:60]}' may hold letters a to z, digits, _ and - only"
        )
    before = reader.errors
    options, slot = _options(reader, raw, path)
    greeting = reader.optional_text(raw, "greeting", path)
    invalid = _retry(reader, raw, "invalid", path, "not_understood")
    timeout = _retry(reader, raw, "timeout", path, "nothing_pressed")
    failure = action_in(reader, raw, "failure", path, to_person(reader))
    found.has_partial_menus |= reader.errors > before
    part = check_shape(MenuPart, raw, path, reader.report)
    if part is None:
        return
    if part.direct_dial and not found.around.direct_dial:
        sentence = "'direct_dial' needs extensions in the settings' rulebook.direct_dial"
        reader.report((*path, "direct_dial"), sentence)
    plain = {"order", "max_options", "tries", "timeout_s", "direct_dial"}
    plain |= {"budget_s", "first_option_s"}
    found.menus[name] = Menu(
        name=name,
        greeting=greeting,
        options=tuple(options),
        invalid=invalid,
        timeout=timeout,
        failure=failure,
        place=reader.place(path),
        offer_slot=slot,
        **part.model_dump(include=plain),
    )


def _options(reader: Reader, raw: Any, path: Path) -> tuple[list[Option], int | None]:
    """The good ones, and how many of them stand before the place for an offer."""
    listed = raw.get("options") if isinstance(raw, dict) else None
    options: list[Option] = []
    slot: int | None = None
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        at = (*path, "options", index)
        if isinstance(item, dict) and "offer_slot" in item:
            check_shape(OfferSlotPart, item, at, reader.report)
            if slot is not None:
                reader.report(at, "a menu has one place for an offer at most; this is the second")
            slot = len(options)
        elif option := _option(reader, item, at):
            options.append(option)
    return options, slot


def _option(reader: Reader, raw: Any, path: Path) -> Option | None:
    before = reader.errors
    part = check_shape(OptionPart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    say = reader.text(given["say"], (*path, "say")) if "say" in given else None
    action = read_action(reader, given["do"], (*path, "do")) if "do" in given else None
    when = reader.when(given, path)
    if part is None or say is None or action is None or reader.errors > before:
        return None
    digit = part.digit or ("0" if part.intent == "agent" else None)
    return Option(part.intent, say, action, reader.place(path), digit, when)


def _retry(reader: Reader, raw: Any, key: str, path: Path, otherwise: str) -> Retry:
    stock = Retry(reader.found.texts[otherwise])
    if not isinstance(raw, dict) or raw.get(key) is None:
        return stock
    at = (*path, key)
    part = check_shape(RetryPart, raw[key], at, reader.report)
    say = reader.text_in(raw[key], "say", at, otherwise)
    then = action_in(reader, raw[key], "then", at, to_person(reader))
    if part is None:
        return stock
    return Retry(say, part.tries, then if part.then is not None else None, part.greet_again)
