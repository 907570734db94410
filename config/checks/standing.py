"""Keys after which a caller stands where they stood, and hears the same again."""

from __future__ import annotations

from collections.abc import Iterator

from config.actions import Back, ToMenu
from config.checks.ways import menus_in, next_menus
from config.problems import Problem, Severity
from config.reading.found import Found

#: Intents by which a menu is heard again on purpose.
REPEATS = ("repeat", "again")


def standing_still(found: Found) -> Iterator[Problem]:
    """Of a rulebook without errors."""
    led_to = {
        name for menu in found.menus.values() for name in next_menus(menu) if name != menu.name
    }
    for offer in found.offers.values():
        led_to |= set(menus_in(offer.action)) if offer.action is not None else set()
    for menu in found.menus.values():
        for option in menu.options:
            sentence = None
            if option.intent in REPEATS:
                continue
            if option.action == ToMenu(menu.name):
                sentence = (
                    f"leads to its own menu '{menu.name}' without a word; where that is meant, "
                    "call it 'repeat'"
                )
            elif isinstance(option.action, Back) and menu.name not in led_to:
                sentence = f"leads back, and no menu leads to '{menu.name}': it is heard again"
            if sentence is not None:
                problem = f"the option '{option.intent}' {sentence}"
                yield Problem.at(option.place, problem, Severity.WARNING)
