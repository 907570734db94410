"""A report on contacts whose names want to be more than names."""

from __future__ import annotations

from crm_adapter.embedded.duplicates import Duplicates, Pair
from crm_adapter.embedded.likeness import Person, likeness
from crm_adapter.embedded.quality import FieldGap, NumberQuality, Quality

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "\u202egnp.exe",
    "{{7*7}}",
    "</style><script>alert(2)</script>",
)


def _person(contact_id: str, name: str) -> Person:
    numbers = frozenset(("+12025550101",))
    return Person(contact_id, name, "Berg", name, numbers, frozenset())


def hostile_report() -> Quality:
    pairs = []
    for index, name in enumerate(HOSTILE):
        one, two = _person(f"A{index}<b>", name), _person(f"B{index}", name)
        pairs.append(Pair(one, two, likeness(one, two)))
    found = Duplicates(tuple(pairs), 2_345, {"number": 2_345, "email": 7}, 10_000)
    return Quality(
        contacts=10_000,
        numbers={
            NumberQuality.VALID: 9_000,
            NumberQuality.POSSIBLE: 999,
            NumberQuality.UNREADABLE: 1,
        },
        fields=(
            FieldGap("number", 9_999),
            FieldGap("email", 1),
            FieldGap("name", 10_000),
            FieldGap("language", 0),
        ),
        unreachable=1,
        shared_numbers=120,
        duplicates=found,
    )
