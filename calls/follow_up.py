"""What becomes of a call afterwards: a lead, a task for somebody. Set by the number dialled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Words of an owner chain that stand alone.
RECORD_OWNER, LAST_ACTIVE, CALLS_QUEUE, DEFAULT = "record_owner", "last_active", "queue", "default"
#: Beginnings of those with a name behind them: `agent:anna`, `queue:support`.
AGENT, QUEUE = "agent:", "queue:"
#: Who owns what nobody was named for.
OWNER_CHAIN = (RECORD_OWNER, LAST_ACTIVE, CALLS_QUEUE, DEFAULT)


@dataclass(frozen=True, slots=True)
class LeadPolicy:
    """When a stranger becomes a lead, and whose. `rule` is the name it can be undone by: the lead
    rule's, else the number dialled as the rulebook writes it."""

    #: never, on_answer, on_abandon, always
    when: str = "always"
    rule: str = ""
    #: With on_abandon: who rang off sooner after arriving is none.
    after_s: float = 0.0
    #: With on_answer: whose talk was shorter is none.
    min_talk_s: float = 0.0
    #: A number whose lead was closed makes no new one for so many days.
    dedupe_days: float = 0.0
    #: E.164 numbers, and beginnings of numbers that end in `*`.
    deny: tuple[str, ...] = ()
    #: The first that names an agent: record_owner, last_active, agent:LOGIN, queue, queue:NAME,
    #: default.
    owner: tuple[str, ...] = OWNER_CHAIN

    def denies(self, number: str) -> bool:
        return any(
            number.startswith(denied[:-1]) if denied.endswith("*") else number == denied
            for denied in self.deny
        )


@dataclass(frozen=True, slots=True)
class FollowUp:
    lead: LeadPolicy = field(default_factory=LeadPolicy)
    #: Who rings off unanswered after at least so many seconds is to be called back; None: nobody.
    missed_task_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        lead = self.lead
        return {
            "when": lead.when,
            "rule": lead.rule,
            "after_s": lead.after_s,
            "min_talk_s": lead.min_talk_s,
            "dedupe_days": lead.dedupe_days,
            "deny": list(lead.deny),
            "owner": list(lead.owner),
            "missed_task_s": self.missed_task_s,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> FollowUp:
        """Of `as_json`; what an older version did not write is as by default."""
        lead = LeadPolicy()
        return cls(
            LeadPolicy(
                when=told.get("when", lead.when),
                rule=told.get("rule", lead.rule),
                after_s=told.get("after_s", lead.after_s),
                min_talk_s=told.get("min_talk_s", lead.min_talk_s),
                dedupe_days=told.get("dedupe_days", lead.dedupe_days),
                deny=tuple(told.get("deny", lead.deny)),
                owner=tuple(told.get("owner", lead.owner)),
            ),
            told.get("missed_task_s"),
        )
