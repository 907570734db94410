"""Loads what an import has decided, and clears away what one left behind that was broken off."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from crm_adapter.embedded.import_journal import ImportJournal, State, UnderWay
from storage.transient import is_outage

log = logging.getLogger(__name__)

_LOOK_EVERY = timedelta(seconds=30)
#: SQLite has one writer: after each part calls have it for as long as the part took, at most so
#: long.
_LONGEST_REST_S = 0.1

#: Called with parts loaded and parts there were.
PartProgress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Outcome:
    """Rows by kind; see `LoadedPart`."""

    rows: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    refused: list[str] = field(default_factory=list)


class Pace:
    """Rests between parts."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    async def rest(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(min(loop.time() - self._began, _LONGEST_REST_S))
        self._began = loop.time()


async def load_decided(
    journal: ImportJournal, id_: int, progress: PartProgress = _silent
) -> Outcome:
    """To its end. Breaking it off loses nothing: somebody goes on."""
    total, done, outcome, pace = await journal.parts_left(id_), 0, Outcome(), Pace()
    while (part := await journal.load_next(id_)) is not None:
        outcome.rows[part.kind] += part.rows
        outcome.left_out += part.left_out
        outcome.refused += part.refused
        done += 1
        progress(done, max(total, done))
        await pace.rest()
    return outcome


async def clear_away(journal: ImportJournal, id_: int) -> None:
    """Of an import that was not decided nothing stays."""
    pace = Pace()
    while await journal.give_up(id_):
        await pace.rest()


class ImportFinisher:
    """In the server: whose process died, or was stopped, is finished within a minute or two."""

    def __init__(self, *, journal: ImportJournal) -> None:
        self._journal = journal

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                # Whatever is wrong with an import, calls go on.
                if is_outage(error):
                    log.warning("imports: the database is away")
                else:
                    log.exception("imports: one that was broken off could not be finished")
            await asyncio.sleep(_LOOK_EVERY.total_seconds())

    async def look(self) -> None:
        found = await self._journal.under_way()
        if found is None or found.is_alive:
            return
        outcome = await finish(self._journal, found)
        if outcome is None:
            log.warning("imports: the one of %s was broken off and is dropped", found.begun_at)
            return
        log.warning(
            "imports: the one of %s was broken off and is finished now: %d rows",
            found.begun_at,
            outcome.rows.total(),
        )
        if outcome.refused:
            log.warning("imports: rows that fit no more: %s", ", ".join(outcome.refused[:100]))


async def finish(journal: ImportJournal, found: UnderWay) -> Outcome | None:
    """One that nobody is at work on; None where it was not decided, and is gone."""
    if found.state is State.DECIDED:
        return await load_decided(journal, found.id)
    await clear_away(journal, found.id)
    return None
