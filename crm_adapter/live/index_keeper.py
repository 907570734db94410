"""Keeps the phone index true: a whole copy every night, changes every minute, and at once where a
webhook says that there are some."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import SwitchboardError
from crm_adapter import phone_numbers
from crm_adapter.adapter import ChangePage, CrmAdapter, Invalid, Unavailable
from crm_adapter.live.look_up import LookUp
from crm_adapter.live.phone_index import IndexState, PhoneIndex
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: Records in a page: few enough to be answered in time, enough for a million in an hour.
PAGE = 500
PAGE_S = 30.0
#: After a failure the CRM is left alone for so long, longer each time.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0
_SHORTEST_REST_S = 1.0

Progress = Callable[[int], None]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class IndexKeeper:
    """One for each CRM that tells of changes. `run` is a side task; `copy_all` and `take_changes`
    are its steps, for commands and tests."""

    def __init__(
        self,
        *,
        crm: CrmAdapter,
        index: PhoneIndex,
        look_up: LookUp | None,
        region: str,
        every_s: float,
        copy_hour: int,
        now: Callable[[], datetime] = _utc_now,
        page: int = PAGE,
    ) -> None:
        """`look_up` forgets what it knew of whoever changed; None beside no running server."""
        self._crm = crm
        self._index = index
        self._look_up = look_up
        self._region = region
        self._every_s = every_s
        self._copy_hour = copy_hour
        self._now = now
        self._page = page
        self._wake = asyncio.Event()
        self._pause_s = _FIRST_PAUSE_S
        #: Why the last attempt failed; None where it did not.
        self.error: str | None = None

    @property
    def crm(self) -> str:
        return self._crm.name

    def changed(self, refs: Sequence[ContactRef]) -> None:
        """A webhook: only a hint, so the CRM itself is asked, soon."""
        if self._look_up is not None:
            for ref in refs:
                self._look_up.forget_contact(ref)
        self._wake.set()

    async def state(self) -> IndexState:
        return await self._index.state(self.crm)

    async def run(self) -> None:
        while True:
            self._wake.clear()
            pause_s = await self._step()
            # However many webhooks come: one question a second is enough to keep up.
            await asyncio.sleep(_SHORTEST_REST_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _step(self) -> float:
        """Does what is due; returns how long to rest."""
        try:
            await self._index.belong_to(self.crm)
            state = await self.state()
            if self._copy_is_due(state):
                await self.copy_all()
            else:
                await self.take_changes()
        except SwitchboardError as error:
            self.error = f"{type(error).__name__}: {error}"
            log.warning("the phone index of %s is not kept now: %s", self.crm, error)
        except Exception as error:
            # The copy's edge: whatever a CRM tells, calls go on with the copy as it is.
            self.error = f"{type(error).__name__}"
            if is_outage(error):
                log.warning("the phone index of %s: the database is away", self.crm)
            else:
                log.exception("the phone index of %s is not kept now", self.crm)
        else:
            self.error, self._pause_s = None, _FIRST_PAUSE_S
            return self._every_s
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return pause_s

    def _copy_is_due(self, state: IndexState) -> bool:
        """Never made, broken off, or not made since the hour it is made at."""
        if state.copied_at is None or state.copy_started_at is not None:
            return True
        now = self._now()
        due = now.replace(hour=self._copy_hour, minute=0, second=0, microsecond=0)
        if due > now:
            due -= timedelta(days=1)
        return state.copied_at < due

    async def copy_all(self, progress: Progress = lambda count: None) -> int:
        """Every contact there is, from where an earlier copy was broken off; who was not told of is
        gone. Returns how many records came now; `progress` is told of each page. Raises
        CrmError."""
        await self._index.belong_to(self.crm)
        state = await self.state()
        if state.copy_started_at is not None and state.copy_cursor is not None:
            try:
                return await self._copy(state.copy_cursor, state.copy_started_at, progress)
            except Invalid:
                # Another version's cursor, or the CRM has forgotten it.
                log.warning("%s does not know how far its copy was: made anew", self.crm)
        return await self._copy(None, self._now(), progress)

    async def _copy(self, cursor: str | None, started_at: datetime, progress: Progress) -> int:
        count, more = 0, True
        while more:
            page = await self._ask(cursor)
            cursor, more = page.cursor, page.more
            # Seen after the copy began, also by a clock that was set back meanwhile.
            at = max(self._now(), started_at)
            await self._apply(page, {"copy_cursor": cursor, "copy_started_at": started_at}, at)
            count += len(page.changed)
            progress(len(page.changed))
        await self._index.drop_unseen(self.crm, since=started_at)
        await self._index.apply(
            self.crm,
            changed=(),
            gone=(),
            at=self._now(),
            state={
                "cursor": cursor,
                "copy_cursor": None,
                "copy_started_at": None,
                "copied_at": self._now(),
                "changed_at": self._now(),
            },
        )
        return count

    async def take_changes(self) -> int:
        """What changed since the last time; returns how many records. Raises CrmError."""
        cursor = (await self.state()).cursor
        count, more = 0, True
        while more:
            try:
                page = await self._ask(cursor)
            except Invalid:
                # Another version's cursor, or the CRM has forgotten it: from the beginning.
                log.warning("%s does not know our cursor: its index is copied anew", self.crm)
                return await self.copy_all()
            cursor, more = page.cursor, page.more
            at = self._now()
            await self._apply(page, {"cursor": cursor, "changed_at": at}, at)
            count += len(page.changed)
        return count

    async def _ask(self, cursor: str | None) -> ChangePage:
        deadline = Deadline.after(PAGE_S)
        page = await self._crm.changes(cursor, limit=self._page, deadline=deadline)
        if page.more and page.cursor == cursor:
            raise Unavailable(f"{self.crm} tells the same page of changes again and again")
        return page

    async def _apply(self, page: ChangePage, state: dict[str, Any], at: datetime) -> None:
        await self._index.apply(self.crm, changed=page.changed, gone=page.gone, at=at, state=state)
        if self._look_up is None:
            return
        for hit in page.changed:
            self._look_up.forget_contact(hit.candidate.ref)
            for text in hit.numbers:
                e164 = phone_numbers.to_e164(text, self._region)
                if e164 is not None:
                    self._look_up.forget_number(e164)
        for ref in page.gone:
            self._look_up.forget_contact(ref)
