"""What the CRM said of a number lately, so that it is not asked again, or when it cannot be."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from calls.caller import ContactRef
from crm_adapter.live.answers import Answer

T = TypeVar("T")

#: A number in E.164, and the country in which spellings are read.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Seconds. `fresh_s` 0 keeps nothing."""

    fresh_s: float = 600.0
    #: From then on it is used at once and asked anew behind the caller's back.
    revalidate_s: float = 3_600.0
    #: Until then it is used where the CRM does not answer.
    stale_s: float = 86_400.0
    #: That nobody has a number.
    nobody_s: float = 45.0
    most: int = 20_000


class Age(enum.Enum):
    FRESH = "fresh"
    #: Good enough to use, old enough to ask anew.
    AGEING = "ageing"
    #: Only where nobody else answers.
    STALE = "stale"


class AnswerCache:
    """In memory, by number and country; the least used leave first. `now` is a steady clock."""

    def __init__(self, *, limits: CacheLimits, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._kept: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()
        #: Keys of each number and of each contact: a page of changes forgets hundreds.
        self._of_number: dict[str, set[Key]] = {}
        self._of_contact: dict[ContactRef, set[Key]] = {}
        self.hits = 0
        self.misses = 0

    def keep(self, key: Key, answer: Answer) -> None:
        if self._limits.fresh_s <= 0:
            return
        self._drop(key)
        self._kept[key] = (self._now(), answer)
        self._of_number.setdefault(key[0], set()).add(key)
        for hit in answer.hits:
            self._of_contact.setdefault(hit.candidate.ref, set()).add(key)
        while len(self._kept) > self._limits.most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        _without(self._of_number, key[0], key)
        for hit in kept[1].hits:
            _without(self._of_contact, hit.candidate.ref, key)

    def find(self, key: Key) -> tuple[Age, Answer] | None:
        kept = self._kept.get(key)
        age = None if kept is None else self._age(*kept)
        if kept is None or age is None:
            self._drop(key)
            self.misses += 1
            return None
        self._kept.move_to_end(key)
        self.hits += 1
        return age, kept[1]

    def _age(self, at: float, answer: Answer) -> Age | None:
        age_s, limits = self._now() - at, self._limits
        if answer.is_nobody:
            # Not even where the CRM is away: somebody may have become a contact since.
            return Age.FRESH if age_s < min(limits.nobody_s, limits.fresh_s) else None
        if age_s < limits.fresh_s:
            return Age.FRESH
        if age_s < limits.revalidate_s:
            return Age.AGEING
        return Age.STALE if age_s < limits.stale_s else None

    def forget_number(self, e164: str) -> None:
        for key in list(self._of_number.get(e164, ())):
            self._drop(key)

    def forget_contact(self, ref: ContactRef) -> None:
        """Every answer that names it."""
        for key in list(self._of_contact.get(ref, ())):
            self._drop(key)

    def forget_everything(self) -> None:
        self._kept.clear()
        self._of_number.clear()
        self._of_contact.clear()

    def __len__(self) -> int:
        return len(self._kept)


def _without(keys_of: dict[T, set[Key]], what: T, key: Key) -> None:
    keys = keys_of.get(what)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del keys_of[what]
