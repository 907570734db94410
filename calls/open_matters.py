"""What stood open between a contact and us, with its days, so that it can be told of any day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """Both are aware. `closed_at` of None: it is open still."""

    opened_at: datetime
    closed_at: datetime | None = None

    def is_open_at(self, moment: datetime) -> bool:
        return self.opened_at <= moment and (self.closed_at is None or self.closed_at > moment)


@dataclass(frozen=True, slots=True)
class OpenMatters:
    """None where the CRM does not tell when such things were closed: what is open today says
    nothing of an earlier day then."""

    cases: tuple[OpenSpan, ...] | None = None
    orders: tuple[OpenSpan, ...] | None = None
    #: Orders from the day they were placed to the day they were paid.
    unpaid: tuple[OpenSpan, ...] | None = None

    def at(self, moment: datetime) -> tuple[int | None, int | None, int | None]:
        """How many cases were open, how many orders, and how many orders were unpaid."""
        return (
            _count(self.cases, moment),
            _count(self.orders, moment),
            _count(self.unpaid, moment),
        )


def _count(spans: tuple[OpenSpan, ...] | None, moment: datetime) -> int | None:
    return None if spans is None else sum(span.is_open_at(moment) for span in spans)


UNTOLD = OpenMatters()
