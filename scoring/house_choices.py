"""What everybody chooses in each menu, and at what moment: counted in memory, kept in the database,
read by nodes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, select

from calls.call import CallId
from calls.caller import ContactRef
from scoring import choice_rows
from scoring.choice_rows import HOUSE, Counted, Counts, cell_ref
from scoring.decay import Decayed
from scoring.features.moment_shares import MomentShares
from scoring.memory_tables import folded_calls, menu_choices
from scoring.offer_ledger import utc_now
from storage.database import Database

#: Fewer choices in a menu than this say nothing about the next caller.
LEAST = 20.0
#: More menus and intents than any rulebook has.
MAX_NAMES = 5_000
#: Rows of moments that are read, the heaviest.
MAX_MOMENTS = 5_000
#: So long what is chosen at each moment may stand: it moves more slowly than calls come.
MOMENTS_STAND = timedelta(minutes=10)
#: Of one write; each is four parameters of a statement.
_ROWS_AT_ONCE = 500
#: So long a call is remembered as counted; nobody repeats a write later.
_REMEMBERED = timedelta(days=2)


class HouseChoices:
    """`shares` answers from memory; `refresh` writes what this node counted since and reads what
    all have. What was counted since the last `refresh` is lost with the process: these are
    statistics. Names beyond MAX_NAMES are not counted."""

    def __init__(self, *, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now
        #: Of everybody, and by cell.
        self._new: dict[ContactRef, dict[tuple[str, str], Counted]] = {}
        self._waiting = 0
        self._counts: dict[str, Mapping[str, float]] = {}
        self._shares: dict[str, Mapping[str, float]] = {}
        self._moments = MomentShares()
        self._moments_read: datetime | None = None

    @property
    def moments(self) -> MomentShares:
        """What is chosen at which moment, of strangers and of known callers; from memory."""
        return self._moments

    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """By menu, by intent: of all choices there. Menus with too few are missing."""
        return self._shares

    def counts(self) -> Mapping[str, Mapping[str, float]]:
        """By menu, by intent: how many callers chose it, older choices counting less."""
        return self._counts

    def add(self, menu: str, intent: str, digit: str, at: datetime) -> None:
        self._add(HOUSE, {(menu, intent): Counted(digit, Decayed(1.0, at))})

    def add_moment(self, cells: Sequence[str], choices: Counts) -> None:
        """What one call chose, in each of its `cells` (`scoring.features.moment`)."""
        for cell in cells:
            self._add(cell_ref(cell), choices)

    def _add(self, of: ContactRef, choices: Counts) -> None:
        for name, counted in choices.items():
            mine = self._new.get(of, {})
            if choice_rows.name_of(*name) not in mine:
                if self._waiting >= MAX_NAMES:
                    continue
                self._waiting += 1
                mine = self._new.setdefault(of, mine)
            choice_rows.add(mine, *name, counted)

    async def refresh(self) -> None:
        """Raises SQLAlchemyError, OSError or Unavailable; then nothing is lost, and the next
        refresh makes up for it."""
        await self.flush()
        await self.load()

    async def load(self) -> None:
        """Reads what all nodes have written; all that a command line needs."""
        query = select(menu_choices).where(
            menu_choices.c.contact_crm == HOUSE.crm, menu_choices.c.contact_id == HOUSE.id
        )
        async with self._database.read() as connection:
            rows = list(await connection.execute(query.limit(MAX_NAMES)))
        now = self._now()
        self._counts = _by_menu(
            (row.menu, row.intent, Decayed(row.weight, row.last_at).seen_from(now)) for row in rows
        )
        self._shares = _shares(self._counts)
        read = self._moments_read
        if read is None or not timedelta(0) <= now - read < MOMENTS_STAND:
            await self._load_moments(now)

    async def _load_moments(self, now: datetime) -> None:
        columns = menu_choices.c
        query = (
            select(
                columns.contact_id, columns.menu, columns.intent, columns.weight, columns.last_at
            )
            .where(columns.contact_crm == HOUSE.crm, columns.contact_id != HOUSE.id)
            .order_by(columns.weight.desc())
            .limit(MAX_MOMENTS)
        )
        async with self._database.read() as connection:
            rows = list(await connection.execute(query))
        found: dict[str, dict[str, dict[str, float]]] = {}
        for cell, menu, intent, weight, last_at in rows:
            counts = found.setdefault(cell, {}).setdefault(menu, {})
            counts[intent] = Decayed(weight, last_at).seen_from(now)
        moments = MomentShares(self._shares, found)
        for _ in moments.prepare():
            await asyncio.sleep(0)
        self._moments, self._moments_read = moments, now

    async def flush(self) -> None:
        """Writes what was counted here, once, and forgets which calls were counted long ago."""
        counted, self._new, self._waiting = self._new, {}, 0
        left = list(_portions(counted))
        now = self._now()
        try:
            while left:
                await self._database.writer.write(
                    partial(choice_rows.fold, source=_source(), counts=left[0], at=now)
                )
                del left[0]
        finally:
            for of, choices in (each for portion in left for each in portion):
                self._add(of, choices)
        old = delete(folded_calls).where(folded_calls.c.at < now - _REMEMBERED)
        await self._database.writer.write(lambda link: link.execute(old))


def _source() -> CallId:
    return CallId("house", uuid.uuid4().hex)


def _portions(
    counted: Mapping[ContactRef, Counts],
) -> Iterator[list[tuple[ContactRef, Counts]]]:
    portion: list[tuple[ContactRef, Counts]] = []
    rows = 0
    for of, choices in counted.items():
        if portion and rows + len(choices) > _ROWS_AT_ONCE:
            yield portion
            portion, rows = [], 0
        portion.append((of, choices))
        rows += len(choices)
    if portion:
        yield portion


def _by_menu(counts: Iterable[tuple[str, str, float]]) -> dict[str, Mapping[str, float]]:
    by_menu: dict[str, dict[str, float]] = {}
    for menu, intent, count in counts:
        by_menu.setdefault(menu, {})[intent] = count
    return dict(by_menu)


def _shares(counts: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    return {
        menu: {intent: count / total for intent, count in found.items()}
        for menu, found in counts.items()
        if (total := sum(found.values())) >= LEAST
    }
