"""What is written and can never be met: menus, programmes, offers and places for them."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.conditions import comparisons, placed_conditions
from config.checks.recordings import every_text
from config.checks.ways import entered_by_rules, entered_first, reachable
from config.problems import Place, Problem, Severity
from config.reading.found import Found
from config.rulebook import ToProgramme


def unused(found: Found) -> Iterator[Problem]:
    """Of a rulebook without errors: what cannot be read may lead to anything."""
    seen = reachable([*entered_first(found), *entered_by_rules(found)], found.menus)
    for menu in found.menus.values():
        if menu.name not in seen:
            sentence = f"no number, option or rule leads to the menu '{menu.name}'"
            yield Problem.at(menu.place, sentence, Severity.WARNING)
    used = {r.then.programme for r in found.rules if isinstance(r.then, ToProgramme)}
    arms = [arm for experiment in found.experiments.values() for arm in experiment.arms]
    used |= {arm.programme for arm in arms if arm.programme is not None}
    for name, place in found.programme_places.items():
        if name not in used and name != "default":
            sentence = f"no rule chooses the hold programme '{name}'"
            yield Problem.at(place, sentence, Severity.WARNING)
    yield from _offers(found)
    yield from _times(found)


def _times(found: Found) -> Iterator[Problem]:
    """Hours, promotions and closures from which nothing comes."""
    asked = {
        one.fact for condition, _ in placed_conditions(found) for one in comparisons(condition)
    }
    words = " ".join(
        template.source for text in every_text(found) for template in text.by_language.values()
    )
    kept = {number.hours for number in found.numbers.values()}
    for name in found.hours:
        facts = (f"hours.{name}", f"opens.{name}")
        if name not in kept and not any(fact in asked or fact in words for fact in facts):
            sentence = f"no number, rule or text goes by the hours '{name}'"
            yield Problem.at(found.places["hours", name], sentence, Severity.WARNING)
    for name in found.promotions:
        if f"promotion.{name}" not in asked and f"promotion.{name}" not in words:
            sentence = f"no rule, option, offer or text asks for promotion.{name}"
            yield Problem.at(found.places["promotions", name], sentence, Severity.WARNING)
    for closure in found.closures:
        if not closure.hours:
            sentence = f"the closure '{closure.name}' shuts nothing: there are no hours"
            yield Problem.at(closure.place, sentence, Severity.WARNING)


def _offers(found: Found) -> Iterator[Problem]:
    slots = [menu.place for menu in found.menus.values() if menu.offer_slot is not None]
    held = [name for name, es in found.programmes.items() if any(e.kind == "offer" for e in es)]
    if not found.named("offers"):
        places: list[Place] = [*slots, *(found.places["programmes", name] for name in held)]
        for place in places:
            sentence = "a place for an offer, and there are no offers"
            yield Problem.at(place, sentence, Severity.WARNING)
    for offer in found.offers.values():
        if offer.menu is not None and not slots:
            sentence = f"the offer '{offer.name}' is never heard in a menu: none has an offer_slot"
            yield Problem.at(offer.place, sentence, Severity.WARNING)
        if offer.hold is not None and not held:
            sentence = f"the offer '{offer.name}' is never heard on hold: write - offer: true"
            yield Problem.at(offer.place, f"{sentence} in a programme", Severity.WARNING)
