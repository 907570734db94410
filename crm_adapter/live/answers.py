"""What a look-up found, before it is said of a caller."""

from __future__ import annotations

from dataclasses import dataclass, replace

from calls.caller import Contact
from crm_adapter.adapter import HitKind, PhoneHit

E164, INDEX, REMEMBERED, SUFFIX, COMPANY_LINE = (
    "e164",
    "index",
    "remembered",
    "suffix",
    "company_line",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """`contact` is set only where the caller is one contact: the only hit, or the one an agent
    chose for this number before."""

    hits: tuple[PhoneHit, ...]
    contact: Contact | None = None
    method: str = E164
    #: In words for the agent's screen, where the CRM itself did not say it just now.
    degraded: tuple[str, ...] = ()

    @property
    def is_nobody(self) -> bool:
        return not self.hits

    def told_by(self, sentence: str) -> Answer:
        return replace(self, degraded=(sentence,))


def weightiest(hits: tuple[PhoneHit, ...]) -> tuple[PhoneHit, ...]:
    """A contact outranks the lead it once was, a person the company whose number it is."""
    for kind in (HitKind.CONTACT, HitKind.ACCOUNT, HitKind.LEAD):
        found = tuple(hit for hit in hits if hit.kind is kind)
        if found:
            return found
    return ()


def method_of_several(hits: tuple[PhoneHit, ...], method: str) -> str:
    """A number that people of one company share is the company's."""
    companies = {hit.candidate.company for hit in hits}
    return COMPANY_LINE if len(companies) == 1 and None not in companies else method
