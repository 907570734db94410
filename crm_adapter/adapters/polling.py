"""What changed since last time, asked of CRMs that only sort by the time of change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm_adapter.adapter import Invalid, Unavailable

#: A change may become visible later than its own time says: others are committed first.
OVERLAP = timedelta(seconds=10)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Since:
    """Ask for what changed at `at` or later, oldest first, after `offset` such records. The offset
    counts only through records of one and the same time, so that nothing is skipped where records
    change between two pages."""

    at: datetime = EPOCH
    offset: int = 0

    @classmethod
    def parse(cls, cursor: str | None) -> Since:
        """Raises Invalid for what is no cursor of ours."""
        if cursor is None:
            return cls()
        at, _, offset = cursor.partition("+")
        try:
            return cls(datetime.fromtimestamp(int(at) / 1000, UTC), int(offset or "0"))
        except (ValueError, OverflowError, OSError) as error:
            raise Invalid("this is no place in the list of changes", field="cursor") from error

    def within(self, most: int, crm: str) -> Since:
        """Itself. Raises Unavailable where `crm` skips no more than `most` records: better no copy
        at all than one that ends there and looks whole."""
        if self.offset <= most:
            return self
        raise Unavailable(
            f"{crm}: more than {most} records changed in one second ({self.at:%Y-%m-%d %H:%M:%S} "
            "UTC), and it lists no more of them"
        )

    def __str__(self) -> str:
        return f"{round(self.at.timestamp() * 1000)}+{self.offset}"

    def after(self, times: Sequence[datetime | None], *, limit: int) -> tuple[str, bool]:
        """The next cursor, and whether more is known already. `times` are those of the page that
        was asked for with at most `limit` records."""
        known = [at for at in times if at is not None]
        if not known:
            return str(self), False
        last = max(known)
        if len(times) < limit:
            return str(Since(max(self.at, last - OVERLAP))), False
        if last > self.at and min(known) < last:
            return str(Since(last)), True
        return str(Since(last, (self.offset if last == self.at else 0) + len(times))), True


@dataclass(frozen=True, slots=True)
class Walk:
    """Ask for what changed at `since` or later, oldest first, from the CRM's own `mark` on, which
    it gave with the page before. `newest` is the latest change told so far."""

    since: datetime = EPOCH
    newest: datetime = EPOCH
    mark: str = ""

    @classmethod
    def parse(cls, cursor: str | None) -> Walk:
        """Also what `Since` wrote: then from its time on. Raises Invalid for what is no cursor of
        ours."""
        if cursor is None:
            return cls()
        since, _, rest = cursor.partition("|")
        newest, _, mark = rest.partition("|")
        at = Since.parse(since).at
        return cls(at, Since.parse(newest).at if newest else at, mark)

    def after(self, times: Iterable[datetime | None], mark: str, *, crm: str) -> tuple[str, bool]:
        """The next cursor, and whether there is more. `mark` is the CRM's, empty at the end."""
        if mark and mark == self.mark:
            raise Unavailable(f"{crm} tells the same page of changes again and again")
        newest = max((at for at in times if at is not None), default=self.newest)
        newest = max(newest, self.newest)
        if mark:
            return f"{Since(self.since)}|{Since(newest)}|{mark}", True
        if newest <= self.since:
            return str(Since(self.since)), False
        return str(Since(max(self.since, newest - OVERLAP))), False
