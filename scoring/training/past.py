"""Everything that is learned from, read once: purchases as a frame, calls in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from calls.past_calls import PastCallTold
from calls.ports import CallHistories, ContactPurchases, PurchaseHistories, PurchaseLine
from scoring.features.frames import (
    MATTERS,
    calls_frame,
    matters_frame,
    purchases_frame,
)
from scoring.features.purchase_features import DAY

#: Called with what is done and what there is to do.
Progress = Callable[[int, int], None]

#: The newest lines of one contact; more is a machine that buys, and teaches nothing of people.
MAX_LINES = 100_000
#: Calls beyond are left out, the oldest first.
MAX_CALLS = 500_000
CALLS_SINCE = timedelta(days=2 * 366)
_LINES_AT_ONCE = 50_000
#: Before that day nobody sold anything by telephone: a typing error, or an empty date.
_FIRST_DAY = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class Past:
    """`purchases` as `scoring.features.frames.PURCHASES`, none after `until`; `calls` inbound ones,
    the oldest first."""

    purchases: pl.DataFrame
    calls: tuple[PastCallTold, ...]
    #: The last day of which purchases are known.
    until: date
    #: Cases and orders with the times in which they were open, as `frames.MATTERS`.
    matters: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MATTERS))

    @property
    def first(self) -> date | None:
        found = self.purchases[DAY].min()
        return found if isinstance(found, date) else None

    def calls_frame(self) -> pl.DataFrame:
        return calls_frame(self.calls)


def past_of(
    purchases: pl.DataFrame,
    calls: tuple[PastCallTold, ...],
    today: date,
    matters: pl.DataFrame | None = None,
) -> Past:
    """What is dated after today (a typing error) or before anything was sold is left out. Where
    nothing was told of the last days, the past ends earlier: nobody stopped buying for that."""
    known = purchases.filter(pl.col(DAY).is_between(_FIRST_DAY, today))
    last = known[DAY].max()
    until = min(last, today) if isinstance(last, date) else today
    told = pl.DataFrame(schema=MATTERS) if matters is None else matters
    return Past(known, tuple(sorted(calls, key=lambda call: call.arrived_at)), until, told)


async def read_past(
    histories: PurchaseHistories,
    calls: CallHistories | None,
    *,
    now: datetime,
    progress: Progress,
) -> Past:
    total = await histories.count()
    frames, open_frames, batch, lines, done = [], [], list[ContactPurchases](), 0, 0
    async for history in histories.histories():
        batch.append(_with_lines(history))
        lines += len(batch[-1].lines)
        done += 1
        if lines >= _LINES_AT_ONCE:
            frames.append(purchases_frame(batch))
            open_frames.append(matters_frame(batch))
            batch, lines = [], 0
            progress(done, max(done, total))
    frames.append(purchases_frame(batch))
    open_frames.append(matters_frame(batch))
    progress(max(done, total), max(done, total, 1))
    told = await _calls(calls, now) if calls is not None else ()
    return past_of(pl.concat(frames), told, now.astimezone(UTC).date(), pl.concat(open_frames))


def _with_lines(history: ContactPurchases) -> ContactPurchases:
    lines = history.lines or tuple(PurchaseLine(at, sum_) for at, sum_ in history.purchases)
    return replace(history, lines=lines[-MAX_LINES:])


async def _calls(calls: CallHistories, now: datetime) -> tuple[PastCallTold, ...]:
    found: list[PastCallTold] = []
    async for call in calls.calls(now - CALLS_SINCE):
        # A clock that ran ahead: nobody calls from the future.
        if call.arrived_at <= now:
            found.append(call)
        if len(found) > 2 * MAX_CALLS:
            del found[:MAX_CALLS]
    return tuple(found[-MAX_CALLS:])
