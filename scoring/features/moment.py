"""When, where and from where a call comes, as models and counts see it. Pure.

A moment lies in cells, from the coarse to the fine; each is a set of callers whose choices are
counted (`scoring.house_choices`), strangers apart from known ones.
"""

from __future__ import annotations

from calls.call_moment import CallMoment

#: By the clock of the number dialled; `local_weekday` is 1 for Monday.
MOMENT_NAMES = ("local_hour", "local_weekday")
PARTS = ("night", "morning", "afternoon", "evening")
WORKING, WEEKEND = "working", "weekend"
_HOURS_OF_A_PART = 6
_SATURDAY = 6
_MAX_DIGITS = 32
_BETWEEN = "|"
_STRANGERS, _KNOWN = "strangers", "known"
#: What a cell's parts begin with that are no words.
_NUMBER, _AREA = "number ", "area "


def numbers_of(moment: CallMoment) -> tuple[float, float]:
    """In the order of MOMENT_NAMES."""
    return float(moment.arrived_at.hour), float(moment.arrived_at.isoweekday())


def cells_of(moment: CallMoment, *, is_known: bool) -> tuple[str, ...]:
    """All of them at any time; at this part of the day; on such days. Then those who dialled the
    number, in the same steps. Strangers' area comes last, at any time and at this part of the day:
    so the finest cell, which decides where it holds enough, joins number, area and hour. What is
    not known is stepped over. Of known callers more is known than where they are."""
    at = moment.arrived_at
    part = PARTS[at.hour // _HOURS_OF_A_PART]
    days = WEEKEND if at.isoweekday() >= _SATURDAY else WORKING
    return cells(
        _KNOWN if is_known else _STRANGERS,
        part,
        days,
        digits_of(moment.dialled),
        "" if is_known else moment.area,
    )


def cells(who: str, part: str, days: str, digits: str, area: str) -> tuple[str, ...]:
    found = [who, f"{who}|{part}", f"{who}|{part}|{days}"]
    if digits:
        number = f"{who}|{_NUMBER}{digits}"
        found += [number, f"{number}|{part}", f"{number}|{part}|{days}"]
        if area:
            found += [f"{number}|{_AREA}{area}", f"{number}|{_AREA}{area}|{part}"]
    return tuple(found)


def digits_of(dialled: str) -> str:
    return "".join(each for each in dialled if each.isascii() and each.isdigit())[:_MAX_DIGITS]


def number_in(cell: str) -> tuple[str, str] | None:
    """Whose cell, and the digits dialled, of one for a number at any time; None for others."""
    who, _, rest = cell.partition(_BETWEEN)
    digits = rest.removeprefix(_NUMBER)
    return (who, digits) if rest.startswith(_NUMBER) and digits.isdigit() else None


def words_of(cell: str) -> str:
    """`strangers who dialled this number from area +86 20 in the morning`"""
    who, *parts = cell.split(_BETWEEN)
    words = ["known callers" if who == _KNOWN else who]
    for part in parts:
        if part.startswith(_NUMBER):
            words.append("who dialled this number")
        elif part.startswith(_AREA):
            words.append(f"from {part}")
        elif part in (WORKING, WEEKEND):
            words.append("of the weekend" if part == WEEKEND else "of working days")
        else:
            words.append("at night" if part == PARTS[0] else f"in the {part}")
    return " ".join(words)
