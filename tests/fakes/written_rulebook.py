"""Rulebooks put together in a test, as the loader would make them of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calls.offers import OfferCap
from config.actions import Action, ToQueue
from config.conditions import All, Comparison, Condition
from config.facts import FACTS, Fact, FactKind
from config.problems import Place
from config.rulebook import (
    Consequence,
    Menu,
    NumberEntry,
    Offer,
    Option,
    Retry,
    Rule,
    Rulebook,
    RuleGroup,
)
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from config.templates import compile_template

HERE = Place("test", 1)
#: Facts of every rulebook made here, besides the known ones.
OWN_FACTS = {
    "hours.shop": Fact(FactKind.TEXT),
    "opens.shop": Fact(FactKind.MOMENT),
    "promotion.sale": Fact(FactKind.YES_NO),
    "typed.order_number": Fact(FactKind.TEXT),
    "answers.stock.pieces": Fact(FactKind.WHOLE),
}
ALL_FACTS = {**FACTS, **OWN_FACTS, "propensity": Fact(FactKind.NUMBER)}
SALES = ToQueue("sales")
CAP = OfferCap(heard=2, per_days=30)


def text(en: str, **others: str) -> Text:
    """`others` by language."""
    variables = ALL_FACTS.keys() | {"say", "digit"}
    by_language = {"en": en, **others} if others else {"": en}
    compiled = {language: compile_template(t, variables) for language, t in by_language.items()}
    return Text(compiled, HERE)


def given(fact: str, operator: str, value: Any) -> Condition:
    return Comparison(fact, operator, value)


def every(*parts: Condition) -> Condition:
    return All(parts)


def option(intent: str, *, do: Action = SALES, say: str | None = None, **more: Any) -> Option:
    return Option(intent, text(say or f"For {intent}"), do, HERE, **more)


def menu(*options: Option, name: str = "main", greeting: str | None = None, **more: Any) -> Menu:
    parts = {"failure": ToQueue("default"), **more}
    return Menu(
        name=name,
        greeting=text(greeting) if greeting else None,
        options=options,
        invalid=Retry(STOCK["not_understood"]),
        timeout=Retry(STOCK["nothing_pressed"]),
        place=HERE,
        **parts,
    )


def offer(name: str, *, product: str | None = None, hold: str | None = None, **more: Any) -> Offer:
    """With a menu text unless told otherwise."""
    parts = {"menu": text(f"To hear of {name}"), "cap": CAP, **more}
    held = text(hold) if hold else None
    return Offer(name=name, product=product or name.upper(), hold=held, place=HERE, **parts)


def rule(
    group: RuleGroup, then: Consequence, when: Condition | None = None, name: str = "one"
) -> Rule:
    return Rule(group, name, then, HERE, when)


def number(**more: Any) -> NumberEntry:
    return NumberEntry(**{"key": "default", "menu": "main", "place": HERE, **more})


def rulebook(*menus: Menu, **parts: Any) -> Rulebook:
    """`offers` may be a list."""
    listed = parts.pop("offers", ())
    offers: Mapping[str, Offer] = {one.name: one for one in listed}
    parts = {"rules": (), "programmes": {}, "facts": ALL_FACTS, **parts}
    parts.setdefault("numbers", {"default": number()})
    return Rulebook(
        version="v1",
        menus={one.name: one for one in menus or (menu(option("sales")),)},
        texts=STOCK,
        default_queue="default",
        offers=offers,
        **parts,
    )


STOCK = {
    name: Text(
        {lang: compile_template(t, FACTS.keys() | {"say", "digit"}) for lang, t in texts.items()},
        HERE,
        name,
    )
    for name, texts in STOCK_TEXTS.items()
}
