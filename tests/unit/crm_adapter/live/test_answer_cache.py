"""How long an answer of the CRM is good for what."""

from __future__ import annotations

import pytest

from calls.caller import Candidate, Contact, ContactRef
from crm_adapter.adapter import PhoneHit
from crm_adapter.live.answer_cache import Age, AnswerCache, CacheLimits
from crm_adapter.live.answers import Answer

pytestmark = pytest.mark.unit

KEY = ("+12025550101", "US")
REF = ContactRef("crm", "1")
MARIA = Answer((PhoneHit(Candidate(REF, "Maria"), KEY[:1]),), Contact(REF, "", "Maria"))
NOBODY = Answer(())


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("after_s", "age"),
    [(0, Age.FRESH), (599, Age.FRESH), (601, Age.AGEING), (3_601, Age.STALE), (86_401, None)],
)
def test_ages(after_s: float, age: Age | None) -> None:
    clock = Clock()
    cache = AnswerCache(limits=CacheLimits(), now=clock)
    cache.keep(KEY, MARIA)
    clock.at = after_s
    found = cache.find(KEY)
    assert (found and found[0]) == age
    assert len(cache) == (0 if age is None else 1)


@pytest.mark.parametrize(("after_s", "age"), [(44, Age.FRESH), (46, None)])
def test_that_nobody_has_a_number_is_soon_forgotten(after_s: float, age: Age | None) -> None:
    clock = Clock()
    cache = AnswerCache(limits=CacheLimits(), now=clock)
    cache.keep(KEY, NOBODY)
    clock.at = after_s
    found = cache.find(KEY)
    assert (found and found[0]) == age


def test_the_least_used_leave_first() -> None:
    cache = AnswerCache(limits=CacheLimits(most=2), now=Clock())
    for number in "12":
        cache.keep((number, "US"), MARIA)
    assert cache.find(("1", "US"))
    cache.keep(("3", "US"), MARIA)
    assert [bool(cache.find((number, "US"))) for number in "123"] == [True, False, True]


def test_what_changed_is_forgotten_under_every_number() -> None:
    cache = AnswerCache(limits=CacheLimits(), now=Clock())
    for number in ("1", "2"):
        cache.keep((number, "US"), MARIA)
    cache.keep(("3", "US"), NOBODY)
    cache.forget_contact(REF)
    assert len(cache) == 1
    cache.forget_number("3")
    assert len(cache) == 0


def test_nothing_is_kept_for_no_time() -> None:
    cache = AnswerCache(limits=CacheLimits(fresh_s=0), now=Clock())
    cache.keep(KEY, MARIA)
    assert cache.find(KEY) is None
