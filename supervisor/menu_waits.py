"""How long callers listen before they have heard what they want: as written, and as ordered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from config.rulebook import Menu, Rulebook
from ivr import rules
from ivr.menu import PresentedMenu
from ivr.ordering import expected_seconds, shortest_wait
from supervisor.menu_lengths import Seconds
from supervisor.sample_callers import sample_callers

PERSON_KEY = "0"


@dataclass(frozen=True, slots=True)
class MenuWait:
    """Mean seconds of listening to the options, the greeting aside, until one's own is heard."""

    menu: str
    callers: int
    written_s: float
    ordered_s: float
    #: False: the order is the author's own (`order: fixed`), `ordered_s` what it could be.
    is_ordered: bool = True


def menu_waits(
    rulebook: Rulebook,
    chosen: Mapping[str, Mapping[str, float]],
    *,
    seconds: Seconds,
    now: datetime,
) -> Iterator[MenuWait]:
    """For each menu of which `chosen` knows how many callers took which intent (by menu and
    intent), as a stranger hears it. `now` is aware."""
    stranger = sample_callers(now)[0]
    number = rulebook.number_for("")
    plan = rules.decide(rulebook, stranger.call(number.key, now), stranger.caller, now)
    for name, menu in rulebook.menus.items():
        wait = _wait(menu, plan.menu(name), chosen.get(name, {}), seconds)
        if wait is not None:
            yield wait


def _wait(
    menu: Menu, shown: PresentedMenu, counts: Mapping[str, float], seconds: Seconds
) -> MenuWait | None:
    place = {option.intent: index for index, option in enumerate(menu.options)}
    options = sorted(shown.options, key=lambda option: place.get(option.intent, len(place)))
    callers = sum(counts.get(option.intent, 0.0) for option in options)
    if callers <= 0:
        return None
    heard = [(counts.get(o.intent, 0.0), seconds(o.spoken, shown.language)) for o in options]
    is_person = [option.digit == PERSON_KEY for option in options]
    others = [one for one, last in zip(heard, is_person, strict=True) if not last]
    person = [one for one, last in zip(heard, is_person, strict=True) if last]
    ordered = [*shortest_wait(others, itemgetter(0), itemgetter(1)), *person]
    return MenuWait(
        menu.name,
        round(callers),
        expected_seconds(heard),
        expected_seconds(ordered),
        is_ordered=menu.order == "by_propensity",
    )
