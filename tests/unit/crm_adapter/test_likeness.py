"""Which pairs of names are one person: labelled pairs that hold the thresholds in their place."""

from __future__ import annotations

import itertools

import pytest
from rapidfuzz import fuzz

from crm_adapter.embedded import demo_names, likeness
from crm_adapter.embedded.likeness import Names, Person, compare_names

pytestmark = pytest.mark.unit

#: One name, typed twice by people.
TYPED_TWICE = [
    ("Jon", "John"), ("Anna", "Ana"), ("Catherine", "Katherine"), ("Michael", "Micheal"),
    ("Stephen", "Stephan"), ("Sophia", "Sofphia"), ("Elisabeth", "Elizabeth"),
    ("Mohammed", "Mohamed"), ("Phillip", "Philip"), ("Jonathan", "Johnathan"),
]  # fmt: skip
#: Two names that look alike.
TWO_NAMES = [
    ("Maria", "Mario"), ("Olivia", "Olivier"), ("Maria", "Marta"), ("Noah", "Nora"),
    ("Jack", "Jackie"), ("Peter", "Petra"), ("Julia", "Julian"), ("Ben", "Bea"), ("Mia", "Mira"),
    ("Daniel", "Daniela"), ("Paul", "Paula"), ("Ann", "Jan"), ("Marcus", "Maria"),
    ("Martin", "Marvin"),
]  # fmt: skip


def test_the_threshold_parts_typing_errors_from_other_names() -> None:
    kept = [compare_names((one, "Berg"), (two, "Berg"))[0] for one, two in TYPED_TWICE]
    assert kept == [Names.SAME] * len(TYPED_TWICE)
    apart = [compare_names((one, "Berg"), (two, "Berg"))[0] for one, two in TWO_NAMES]
    assert Names.SAME not in apart


def test_the_threshold_is_no_lower_than_it_must_be() -> None:
    long = [(a.lower(), b.lower()) for a, b in TYPED_TWICE if min(len(a), len(b)) > 5]
    assert min(fuzz.ratio(*pair) for pair in long) >= likeness.SAME_NAME
    # What no threshold can part, the rule about one growing out of the other does.
    highest = max(
        fuzz.ratio(a.lower(), b.lower())
        for a, b in TWO_NAMES
        if min(len(a), len(b)) >= 5 and not b.startswith(a)
    )
    assert highest < likeness.SAME_NAME


def test_all_first_names_of_the_demo_are_different_people() -> None:
    for one, two in itertools.combinations(demo_names.FIRST, 2):
        assert compare_names((one, "Berg"), (two, "Berg"))[0] is not Names.SAME, (one, two)
    for one, two in itertools.combinations(demo_names.GIVEN_ZH, 2):
        assert compare_names((one, "王"), (two, "王"))[0] is not Names.SAME, (one, two)


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        (("Ann", "O'Brien"), ("ANN", "O’Brien"), Names.SAME),
        (("José", "Muñoz"), ("Jose", "Munoz"), Names.SAME),
        (("Maria", "Garcia"), ("Garcia", "Maria"), Names.SAME),
        (("", "Maria Garcia"), ("Maria", "Garcia"), Names.SAME),
        (("Maria", "Garcia"), ("Maria", "Garzia"), Names.OTHER_LAST),
        (("Maria", "Gonzalez"), ("Maria", "Gonzales"), Names.SAME),
        (("Alex", "Berg"), ("Alexander", "Berg"), Names.MAYBE),
        (("A", "Berg"), ("Anna", "Berg"), Names.MAYBE),
        (("", "Berg"), ("Anna", "Berg"), Names.MAYBE),
        (("Anna", "Berg"), ("Anna", "Novak"), Names.OTHER_LAST),
        (("Olivia", "Bennett"), ("Noah", "Bennett"), Names.OTHER_FIRST),
        (("", ""), ("Anna", "Berg"), Names.UNKNOWN),
        (("小明", "王"), ("", "王小明"), Names.SAME),
        (("王", "小明"), ("小明", "王"), Names.SAME),
        (("小明", "王"), ("小朋", "王"), Names.OTHER_FIRST),
        (("伟", "王"), ("伟", "李"), Names.OTHER_FIRST),
    ],
)
def test_names(one: tuple[str, str], two: tuple[str, str], says: Names) -> None:
    assert compare_names(one, two)[0] is says
    assert compare_names(two, one)[0] is says


def person(first: str, last: str, **known: object) -> Person:
    values: dict[str, object] = {"company": "", "numbers": frozenset(), "emails": frozenset()}
    return Person("C", first, last, **(values | known))  # type: ignore[arg-type]


HOME, MAIL = frozenset({"+12025550103"}), frozenset({"home@shop.example"})


def test_a_household_is_never_proposed() -> None:
    for shared in ({"numbers": HOME}, {"emails": MAIL}, {"numbers": HOME, "emails": MAIL}):
        one, two = person("Olivia", "Bennett", **shared), person("Noah", "Bennett", **shared)
        assert likeness.likeness(one, two).confidence < 0.5
        one, two = person("Paul", "Bennett", **shared), person("Paula", "Bennett", **shared)
        assert likeness.likeness(one, two).confidence < 0.8


def test_more_proof_is_never_less_sure() -> None:
    kinds: list[dict[str, object]] = [{}, {"company": "Mill"}, {"numbers": HOME}, {"emails": MAIL}]
    both: dict[str, object] = {"numbers": HOME, "emails": MAIL}
    for other in (("Ann", "Berg"), ("Annika", "Berg"), ("", ""), ("Ann", "Stone"), ("Leo", "Berg")):
        found = [
            likeness.likeness(person("Ann", "Berg", **k), person(*other, **k)).confidence
            for k in (*kinds, both)
        ]
        if other == ("Ann", "Berg"):
            found[0] = 0.4
        assert found == sorted(found), other


def test_one_who_cannot_be_reached_is_told_but_not_proposed() -> None:
    reachable = person("Ann", "Berg", numbers=HOME)
    assert likeness.likeness(reachable, person("Ann", "Berg")).confidence == pytest.approx(0.6)
