"""Every fact that a condition may ask for and a spoken text may use, with its type.

`ivr.facts` fills exactly these names. A fact may be unknown (None) unless it is in ALWAYS_KNOWN.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from calls.caller import IdentityOutcome
from calls.segments import Behaviour, LifecycleStage, Loyalty, PriceBand, Tier


class FactKind(enum.StrEnum):
    """The value says how a supervisor would call it."""

    YES_NO = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"
    SET = "a list of codes"
    #: Spoken only through a filter that says how: `money`, `date`, `datetime` or `time`.
    MONEY = "an amount of money"
    DATE = "a date"
    MOMENT = "a point in time"


@dataclass(frozen=True, slots=True)
class Fact:
    kind: FactKind
    #: Where not empty: the only values there are.
    choices: tuple[str, ...] = ()
    #: What a number can be, where it has bounds.
    least: float | None = None
    most: float | None = None


_YES_NO, _WHOLE, _NUMBER = Fact(FactKind.YES_NO), Fact(FactKind.WHOLE), Fact(FactKind.NUMBER)
_TEXT = Fact(FactKind.TEXT)
_SHARE = Fact(FactKind.NUMBER, least=0, most=1)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

FACTS: dict[str, Fact] = {
    "caller.known": _YES_NO,
    "caller.identity": Fact(FactKind.TEXT, tuple(IdentityOutcome)),
    "caller.confidence": _NUMBER,
    "caller.number": _TEXT,
    "caller.first_name": _TEXT,
    "caller.last_name": _TEXT,
    "caller.name": _TEXT,
    "caller.company": _TEXT,
    "caller.language": _TEXT,
    "caller.tier": Fact(FactKind.TEXT, tuple(Tier)),
    "caller.lifecycle": Fact(FactKind.TEXT, tuple(LifecycleStage)),
    "caller.recency": _WHOLE,
    "caller.frequency": _WHOLE,
    "caller.monetary": _WHOLE,
    "caller.spend_12m": _NUMBER,
    "caller.days_since_last": _WHOLE,
    "caller.usual_gap_days": _WHOLE,
    "caller.churn_risk": _SHARE,
    "caller.expected_purchases": _NUMBER,
    "caller.behaviour": Fact(FactKind.TEXT, tuple(Behaviour)),
    "caller.price_band": Fact(FactKind.TEXT, tuple(PriceBand)),
    "caller.main_category": _TEXT,
    "caller.loyalty": Fact(FactKind.TEXT, tuple(Loyalty)),
    "caller.churn_warning": _YES_NO,
    "caller.segments": Fact(FactKind.SET),
    "caller.open_orders": _WHOLE,
    "caller.open_cases": _WHOLE,
    "caller.open_complaints": _WHOLE,
    "caller.owns": Fact(FactKind.SET),
    "caller.last_order.product": _TEXT,
    "caller.last_order.days_ago": _WHOLE,
    "caller.last_order.late_days": _WHOLE,
    "caller.last_order.status": _TEXT,
    "caller.last_order.number": _TEXT,
    "caller.last_order.due_on": Fact(FactKind.DATE),
    "caller.balance": Fact(FactKind.MONEY),
    "caller.next_appointment.at": Fact(FactKind.MOMENT),
    "caller.next_appointment.subject": _TEXT,
    "caller.past_intents": Fact(FactKind.SET),
    "caller.pin_ok": _YES_NO,
    "call.dialled": _TEXT,
    "call.withheld": _YES_NO,
    "call.hour": Fact(FactKind.WHOLE, least=0, most=23),
    "call.weekday": Fact(FactKind.TEXT, WEEKDAYS),
    "call.language": _TEXT,
}

ALWAYS_KNOWN = frozenset(
    {
        "caller.known",
        "caller.identity",
        "caller.confidence",
        "caller.open_orders",
        "caller.open_cases",
        "caller.open_complaints",
        "caller.owns",
        "caller.past_intents",
        "caller.pin_ok",
        "caller.segments",
        "call.dialled",
        "call.withheld",
        "call.hour",
        "call.weekday",
        "call.language",
    }
)

#: What the nightly run keeps of each contact: all that `segments` may ask for, so that who belongs
#: to one can be counted without asking the CRM for everybody.
SEGMENT_FACTS = (
    "caller.tier",
    "caller.lifecycle",
    "caller.recency",
    "caller.frequency",
    "caller.monetary",
    "caller.spend_12m",
    "caller.days_since_last",
    "caller.usual_gap_days",
    "caller.behaviour",
    "caller.price_band",
    "caller.main_category",
    "caller.loyalty",
    "caller.churn_warning",
)
#: Names of the rulebook's `segments` that the caller belongs to.
OWN_SEGMENTS = "caller.segments"

#: The dialled number: compared by its digits, however it is written.
DIALLED = "call.dialled"


def as_dialled(written: str) -> str:
    """Without digits (a name) as it is."""
    return re.sub(r"\D", "", written) or written


#: Known to an offer's `when` only: the probability that this caller buys its product for the first
#: time within `scoring.horizon_days`, asked or not, 0 to 1.
PROPENSITY = "propensity"
PROPENSITY_FACT = _SHARE

#: Values of a menu entry's own sentence (`option_key`), besides the facts.
OPTION_FACTS = {"say": _TEXT, "digit": _TEXT}
