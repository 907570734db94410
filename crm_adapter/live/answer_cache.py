"""What the CRM said of a number lately, so that it is not asked again, or when it cannot be."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from calls.caller import ContactRef
from crm_adapter.live.answers import Answer


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
        self._kept: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def keep(self, key: tuple[str, str], answer: Answer) -> None:
        if self._limits.fresh_s <= 0:
            return
        self._kept[key] = (self._now(), answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._limits.most:
            self._kept.popitem(last=False)

    def find(self, key: tuple[str, str]) -> tuple[Age, Answer] | None:
        kept = self._kept.get(key)
        age = None if kept is None else self._age(*kept)
        if kept is None or age is None:
            self._kept.pop(key, None)
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
        for key in [key for key in self._kept if key[0] == e164]:
            del self._kept[key]

    def forget_contact(self, ref: ContactRef) -> None:
        """Every answer that names it."""
        for key, (_, answer) in list(self._kept.items()):
            if any(hit.candidate.ref == ref for hit in answer.hits):
                del self._kept[key]

    def forget_everything(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
