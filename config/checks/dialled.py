"""Numbers that are asked for, or that an example dials, and that nobody can dial here."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.conditions import comparisons, placed_conditions
from config.facts import DIALLED, as_dialled
from config.problems import Problem, Severity, did_you_mean
from config.reading.found import Found


def unknown_numbers(found: Found) -> Iterator[Problem]:
    """What is not named comes in as `default`; where others are named, that is seldom meant."""
    if not found.numbers.keys() - {"default"}:
        return
    for condition, place in placed_conditions(found):
        for one in comparisons(condition):
            values = one.value if isinstance(one.value, tuple) else (one.value,)
            if one.fact != DIALLED or one.operator not in ("eq", "ne", "in", "not_in"):
                continue
            for dialled in values:
                if dialled not in found.numbers:
                    what = f"{DIALLED} is compared with {dialled[:40]}, which is not under numbers"
                    sentence = f"{what}{_near(dialled, found)}"
                    yield Problem.at(place, sentence, Severity.WARNING)
    for test in found.tests:
        dialled = as_dialled(test.dialled)
        if dialled and dialled not in found.numbers:
            sentence = (
                f"the example '{test.name}' dials {dialled[:40]}, which is not under numbers"
                f"{_near(dialled, found)}; leave 'dialled' out to try 'default'"
            )
            yield Problem.at(test.place, sentence, Severity.WARNING)


def _near(dialled: str, found: Found) -> str:
    hint = did_you_mean(dialled, found.numbers.keys() - {"default"})
    for digits, entry in found.numbers.items():
        hint = hint.replace(f"'{digits}'", f"'{entry.key}'")
    return hint.rstrip("?")
