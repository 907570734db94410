"""The rulebook's texts, filled in for one caller. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from config.actions import Action, SayText, ToQueue
from config.rulebook import MenuOrder, Offer, Rulebook
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from config.templates import Template, TemplateFailed
from ivr.facts import Facts
from ivr.known import NOTHING_KNOWN, Known


@dataclass(frozen=True, slots=True)
class PresentedWith:
    """What menus and texts of one call are made with."""

    rulebook: Rulebook
    facts: Facts
    language: str
    known: Known = NOTHING_KNOWN
    #: On the clock of the dialled number: dates of this year are spoken without their year.
    today: date | None = None
    #: Of a route rule that leaves the menu to the caller: stands in for the menu's own person.
    person: ToQueue | None = None
    #: The one that is made in this call.
    offer: Offer | None = None
    #: False: options in the order written, as in the control group.
    is_personal: bool = True
    #: Of an experiment: goes before the menu's own order; and which one says so.
    order: MenuOrder | None = None
    order_because: str = ""


def said(text: Text, with_: PresentedWith, **values: str) -> str | None:
    """The finished text, or None where a value is not known for this caller."""
    template = text.in_language(with_.language)
    if template.fixed is not None:
        return template.fixed or None
    variables = {**with_.facts.spoken, **values}
    try:
        return template.render(variables, with_.language, today=with_.today) or None
    except TemplateFailed:
        return None


def stock(with_: PresentedWith, name: str) -> str:
    """A text that must not fail: the author's, else the one we ship."""
    shipped = STOCK_TEXTS[name]
    return said(with_.rulebook.text(name), with_) or shipped.get(with_.language, shipped["en"])


def with_key(say: str, digit: str, with_: PresentedWith) -> str:
    """The whole sentence of an option: `For an invoice, press 3.`"""
    text = with_.rulebook.text("option_key")
    pattern = text.in_language(with_.language)
    if any(root in pattern.source for root in with_.facts.spoken):
        found = said(text, with_, say=say, digit=digit)
    else:
        found = _same_for_all(pattern, say, digit, with_.language)
    return found or f"{say}, {digit}."


@lru_cache(maxsize=4_096)
def _same_for_all(pattern: Template, say: str, digit: str, language: str) -> str | None:
    """A pattern without facts: menus are the same for most callers."""
    try:
        return pattern.render({"say": say, "digit": digit}, language)
    except TemplateFailed:
        return None


def can_be_said(action: Action, with_: PresentedWith) -> bool:
    """Whether the texts on the straight way are known now; what comes after a question to the
    caller may become known by it."""
    while isinstance(action, SayText):
        if said(action.text, with_) is None:
            return False
        action = action.then
    return True
