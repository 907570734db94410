"""What a webhook is told of a call, and which of its answers become facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calls.call import Call
from calls.caller import Caller
from config.facts import Fact, FactKind
from config.rulebook import Webhook
from config.templates import speakable

MAX_SPOKEN = 200

Value = str | int | float | bool


def question(call: Call, caller: Caller, typed: Mapping[str, str]) -> dict[str, object]:
    """Names the contact only where it is sure who calls: the answer may be spoken."""
    contact = caller.contact if caller.may_hear_personal_facts else None
    return {
        "call": str(call.id),
        "dialled": call.dialled,
        "number": caller.number,
        "typed": dict(typed),
        "contact": str(contact.ref) if contact else None,
    }


def declared(webhook: Webhook, values: Mapping[str, Value]) -> dict[str, Any]:
    """The values that the rulebook names, where they are of the kind it says."""
    fitting = {}
    for name, fact in webhook.answers.items():
        value = _fitting(values.get(name), fact)
        if value is not None and (not fact.choices or value in fact.choices):
            fitting[name] = value
    return fitting


def _fitting(value: Value | None, fact: Fact) -> Value | None:
    if isinstance(value, str):
        return speakable(value)[:MAX_SPOKEN] or None if fact.kind is FactKind.TEXT else None
    if isinstance(value, bool):
        return value if fact.kind is FactKind.YES_NO else None
    if isinstance(value, int):
        return value if fact.kind in (FactKind.WHOLE, FactKind.NUMBER) else None
    return value if fact.kind is FactKind.NUMBER else None
