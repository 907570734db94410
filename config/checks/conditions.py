"""Where a rulebook asks for facts."""

from __future__ import annotations

from collections.abc import Iterator

from config.conditions import All, Comparison, Condition, Not, OneOf
from config.problems import Place
from config.reading.found import Found


def placed_conditions(found: Found) -> Iterator[tuple[Condition | None, Place]]:
    for rule in found.rules:
        yield rule.when, rule.place
    for menu in found.menus.values():
        yield from ((option.when, option.place) for option in menu.options)
    for name, entries in found.programmes.items():
        yield from ((entry.when, found.places["programmes", name]) for entry in entries)
    for offer in found.offers.values():
        yield from ((condition, offer.place) for condition in (offer.when, offer.never))


def comparisons(condition: Condition | None) -> Iterator[Comparison]:
    match condition:
        case Comparison():
            yield condition
        case All(parts) | OneOf(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)
