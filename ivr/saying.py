"""The rulebook's texts, filled in for one caller. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from config.actions import Action, SayText, ToQueue
from config.rulebook import Offer, Rulebook
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from config.templates import TemplateFailed
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
    return said(text, with_, say=say, digit=digit) or f"{say}, {digit}."


def can_be_said(action: Action, with_: PresentedWith) -> bool:
    """Whether the texts on the straight way are known now; what comes after a question to the
    caller may become known by it."""
    while isinstance(action, SayText):
        if said(action.text, with_) is None:
            return False
        action = action.then
    return True
