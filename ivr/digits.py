"""Which key an option stands on: the author's, else the caller's habit, else the next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

#: `0` is always the way to a person.
KEYS = "123456789"


@dataclass(frozen=True, slots=True)
class Wish:
    """An option that wants a key; `fixed` is the author's."""

    intent: str
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    digit: str
    why: str


def give_digits(
    wishes: Sequence[Wish], *, reserved: Collection[str], remembered: Mapping[str, str]
) -> list[Given | None]:
    """One answer per wish, in spoken order; None where the keys have run out. `reserved` are the
    author's keys in this menu, also of options that this caller does not see; `remembered` are by
    intent. Of two habits for one key the one spoken first wins."""
    given: list[Given | None] = [
        Given(wish.fixed, "digit fixed in the rulebook") if wish.fixed else None for wish in wishes
    ]
    taken = {*reserved, *(one.digit for one in given if one)}
    for place, wish in enumerate(wishes):
        habit = remembered.get(wish.intent, "")
        if given[place] is None and habit and habit in KEYS and habit not in taken:
            given[place] = Given(habit, "digit this caller pressed for it before")
            taken.add(habit)
    # A key of a habit for an option not shown today is used last: it comes back some day.
    free = [key for key in KEYS if key not in taken]
    habits = set(remembered.values())
    free.sort(key=lambda key: key in habits)
    for place, one in enumerate(given):
        if one is None and free:
            given[place] = Given(free.pop(0), "next free digit")
    return given
