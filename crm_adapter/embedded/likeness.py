"""How likely two contacts are one person: by numbers, e-mails, names and company.

A number or an e-mail alone proves little: households share them. It is the name that tells whether
what is shared is one person's, and two different first names are two people.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz import fuzz

#: Of 100, by `fuzz.ratio` of the folded names. Measured on the labelled pairs of
#: tests/unit/crm_adapter/test_likeness.py: typing errors reach 86 and more (Michael and Micheal),
#: other names stay at 83 and below (Martin and Marvin 83, Maria and Mario 80).
SAME_NAME = 84
#: In shorter names one letter is another name: Mia and Mira are 86 alike.
_LONG_ENOUGH = 5
#: Of whole names whose parts stand in other fields or in another order.
SAME_WHOLE_NAME = 90

_WORD = re.compile(r"[\W_]+")


class Names(enum.Enum):
    """What two names say of two contacts."""

    SAME = "same"
    #: One is short for the other or grows out of it: Alex and Alexander; but also Paul and Paula.
    MAYBE = "maybe"
    #: One of the contacts has no name.
    UNKNOWN = "unknown"
    #: First names alike, last names not: somebody may have married.
    OTHER_LAST = "other last name"
    OTHER_FIRST = "other first name"


#: What is shared besides, and how sure that makes. At 0.8 and above a merge is proposed.
_CONFIDENCE: dict[Names, dict[frozenset[str], float]] = {
    names: {
        frozenset(("number", "email")): both,
        frozenset(("email",)): email,
        frozenset(("number",)): number,
        frozenset(("company",)): company,
        frozenset(): nothing,
    }
    for names, both, email, number, company, nothing in (
        (Names.SAME, 0.99, 0.97, 0.95, 0.8, 0.4),
        (Names.MAYBE, 0.75, 0.65, 0.6, 0.4, 0.2),
        (Names.UNKNOWN, 0.85, 0.75, 0.6, 0.2, 0.1),
        (Names.OTHER_LAST, 0.75, 0.65, 0.5, 0.2, 0.1),
        (Names.OTHER_FIRST, 0.4, 0.3, 0.2, 0.1, 0.0),
    )
}
#: Alike in name, and one of them cannot be reached: such a record is often a forgotten first one.
_UNREACHABLE = 0.6


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as it is compared. Numbers are E.164, e-mails folded."""

    id: str
    first: str
    last: str
    company: str
    numbers: frozenset[str]
    emails: frozenset[str]
    #: Bought something: the one to keep.
    has_history: bool = False


@dataclass(frozen=True, slots=True)
class Likeness:
    """`shared`: of number, email, company. `score` of the names, 0 to 100."""

    confidence: float
    names: Names
    shared: tuple[str, ...]
    score: int


def folded(text: str) -> str:
    """Without case, accents, signs and double blanks; Chinese stays as it is."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _WORD.sub(" ", unicodedata.normalize("NFC", letters)).strip()


def whole_name(first: str, last: str) -> str:
    """One key for all orders of its parts. Of a Chinese name the characters count, since nothing
    parts family name and given name."""
    text = folded(f"{first} {last}")
    if is_chinese(text):
        return "".join(sorted(text.replace(" ", "")))
    return " ".join(sorted(text.split()))


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


def likeness(one: Person, two: Person) -> Likeness:
    names, score = compare_names((one.first, one.last), (two.first, two.last))
    shared = []
    if one.numbers & two.numbers:
        shared.append("number")
    if one.emails & two.emails:
        shared.append("email")
    proof = frozenset(shared)
    same_company = bool(one.company) and folded(one.company) == folded(two.company)
    if same_company:
        shared.append("company")
    confidence = _CONFIDENCE[names][proof or frozenset(("company",) if same_company else ())]
    if names is Names.SAME and not proof and not (_reachable(one) and _reachable(two)):
        confidence = max(confidence, _UNREACHABLE)
    return Likeness(confidence, names, tuple(shared), score)


def _reachable(person: Person) -> bool:
    return bool(person.numbers or person.emails)


def compare_names(one: tuple[str, str], two: tuple[str, str]) -> tuple[Names, int]:
    """Each is first and last name."""
    whole = whole_name(*one), whole_name(*two)
    if not all(whole):
        return Names.UNKNOWN, 0
    score = round(fuzz.ratio(*whole))
    if whole[0] == whole[1]:
        return Names.SAME, 100
    if any(map(is_chinese, whole)):
        # One character of two or three is another person's name.
        family = folded(one[1]) == folded(two[1])
        has_first = bool(one[0].strip() and two[0].strip())
        return (Names.OTHER_FIRST if family or has_first else Names.OTHER_LAST), score
    return _compare_letters(
        (folded(one[0]), folded(one[1])), (folded(two[0]), folded(two[1]))
    ), score


def _compare_letters(one: tuple[str, str], two: tuple[str, str]) -> Names:
    if not (all(one) and all(two)):
        # Everything stands in one field: only the whole can tell.
        alike = fuzz.token_sort_ratio(" ".join(one), " ".join(two)) >= SAME_WHOLE_NAME
        return Names.SAME if alike else _of_halves(one, two)
    last = _same_word(one[1], two[1])
    first = _first_names(one[0], two[0])
    if first is Names.OTHER_FIRST and (one[0], one[1]) != (two[1], two[0]):
        return first
    return first if last else Names.OTHER_LAST


def _first_names(one: str, two: str) -> Names:
    if one == two:
        return Names.SAME
    short, long = sorted((one, two), key=len)
    if long.startswith(short) or short.split()[0] == long.split()[0]:
        return Names.MAYBE
    return Names.SAME if _same_word(one, two) else Names.OTHER_FIRST


def _same_word(one: str, two: str) -> bool:
    if _skeleton(one) == _skeleton(two):
        return True
    return min(len(one), len(two)) >= _LONG_ENOUGH and fuzz.ratio(one, two) >= SAME_NAME


def _skeleton(name: str) -> str:
    """What stays of a name however its letters are doubled or breathed: Jon, John; Ana, Anna."""
    return re.sub(r"(.)\1+", r"\1", name.replace("h", "") or name)


def _of_halves(one: tuple[str, str], two: tuple[str, str]) -> Names:
    """`Berg` beside `Anna Berg` may be her; beside `Novak` it is nobody she knows."""
    fewer, more = sorted((" ".join(one).split(), " ".join(two).split()), key=len)
    return Names.MAYBE if set(fewer) <= set(more) else Names.OTHER_FIRST
