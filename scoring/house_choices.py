"""What everybody chooses in each menu: counted in memory, kept in the database, read by nodes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, select

from calls.call import CallId
from scoring import choice_rows
from scoring.choice_rows import HOUSE, Counted
from scoring.decay import Decayed
from scoring.memory_tables import folded_calls, menu_choices
from scoring.offer_ledger import utc_now
from storage.database import Database

#: Fewer choices in a menu than this say nothing about the next caller.
LEAST = 20.0
#: More menus and intents than any rulebook has.
MAX_NAMES = 5_000
#: So long a call is remembered as counted; nobody repeats a write later.
_REMEMBERED = timedelta(days=2)


class HouseChoices:
    """`shares` answers from memory; `refresh` writes what this node counted since and reads what
    all have. What was counted since the last `refresh` is lost with the process: these are
    statistics. Names beyond MAX_NAMES are not counted."""

    def __init__(self, *, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now
        self._new: dict[tuple[str, str], Counted] = {}
        self._counts: dict[str, Mapping[str, float]] = {}
        self._shares: dict[str, Mapping[str, float]] = {}

    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """By menu, by intent: of all choices there. Menus with too few are missing."""
        return self._shares

    def counts(self) -> Mapping[str, Mapping[str, float]]:
        """By menu, by intent: how many callers chose it, older choices counting less."""
        return self._counts

    def add(self, menu: str, intent: str, digit: str, at: datetime) -> None:
        if len(self._new) < MAX_NAMES:
            choice_rows.add(self._new, menu, intent, Counted(digit, Decayed(1.0, at)))

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

    async def flush(self) -> None:
        """Writes what was counted here, once, and forgets which calls were counted long ago."""
        counted, self._new = self._new, {}
        source = CallId("house", uuid.uuid4().hex)
        now = self._now()
        try:
            if counted:
                await self._database.writer.write(
                    partial(choice_rows.fold, source=source, counts=[(HOUSE, counted)], at=now)
                )
        except BaseException:
            for (menu, intent), each in counted.items():
                choice_rows.add(self._new, menu, intent, each)
            raise
        old = delete(folded_calls).where(folded_calls.c.at < now - _REMEMBERED)
        await self._database.writer.write(lambda link: link.execute(old))


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
