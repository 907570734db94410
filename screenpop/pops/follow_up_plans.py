"""What agents plan on their cards: taken down, shown, and how far the CRM has it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from calls import events
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import FollowUps, FollowUpTold, PlannedFollowUp
from screenpop.desk.protocol import CallbackCancel, CallbackCreate
from screenpop.pops.call_story import epoch_ms, from_epoch_ms
from screenpop.pops.content import FollowUpShown, clean_lines, safe_url
from screenpop.pops.pops import FollowUpsShown, Pops

log = logging.getLogger(__name__)

#: Of one call, all its agents together.
MOST = 10
FURTHEST = timedelta(days=366)
#: What was planned while the connection was away may be due by now.
LATEST = timedelta(days=1)
#: As much of a note as a card shows.
LONGEST_SHOWN = 300
DEADLINE_S = 5.0


class Refused(Exception):
    """`code` is the notice's, the message its English text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class FollowUpPlans:
    """`publish` is told of what is stored and shown. `url` is the address of a task's page, with
    `{id}` in it."""

    def __init__(
        self,
        *,
        pops: Pops,
        book: FollowUps,
        publish: Callable[[events.FollowUpPlanned], None],
        now: Callable[[], datetime],
        url: str | None = None,
    ) -> None:
        self._pops = pops
        self._book = book
        self._publish = publish
        self._now = now
        self._url = url
        #: On the way to the disk.
        self._under_way: set[PlannedFollowUp] = set()

    async def receive(self, login: str, frame: CallbackCreate | CallbackCancel) -> None:
        """Raises Refused."""
        if isinstance(frame, CallbackCancel):
            await self._cancel(login, frame)
        else:
            await self._create(login, frame)

    async def _create(self, login: str, frame: CallbackCreate) -> None:
        due = from_epoch_ms(frame.at).astimezone() if frame.at is not None else None
        now = self._now()
        if due is not None and not now - LATEST <= due <= now + FURTHEST:
            raise Refused("follow_up_time", "Choose a time within the next year.")
        planned = self._pops.planned(login, frame.pop_id, frame.id, due, frame.note)
        if planned is None:
            raise Refused("follow_up_refused", "This call is closed: nothing was planned.")
        which = PlannedFollowUp(planned.call_id, login, frame.id)
        if self._has_no_room(which):
            raise Refused("follow_up_limit", f"There are {MOST} follow-ups of this call already.")
        self._under_way.add(which)
        try:
            await self._book.plan(planned, deadline=Deadline.after(DEADLINE_S))
        except Unavailable as away:
            text = "The follow-up could not be stored. Save it again in a moment."
            raise Refused("follow_up_not_stored", text) from away
        finally:
            self._under_way.discard(which)
        self._pops.show_follow_ups(planned.call_id, lambda known: _with(known, _shown(planned)))
        self._publish(planned)

    def _has_no_room(self, which: PlannedFollowUp) -> bool:
        shown = {
            PlannedFollowUp(call_id, one.agent, one.id)
            for call_id, one in self._pops.follow_ups()
            if call_id == which.call_id
        }
        taken = shown | {one for one in self._under_way if one.call_id == which.call_id}
        return which not in taken and len(taken) >= MOST

    async def _cancel(self, login: str, frame: CallbackCancel) -> None:
        call_id = self._pops.call_of(login, frame.pop_id)
        which = PlannedFollowUp(call_id, login, frame.id) if call_id is not None else None
        late = "The CRM has been told already: cancel it there."
        if which is None:
            raise Refused("follow_up_too_late", late)
        try:
            done = await self._book.cancel(which, deadline=Deadline.after(DEADLINE_S))
        except Unavailable as away:
            text = "It could not be cancelled. Try again in a moment."
            raise Refused("follow_up_not_cancelled", text) from away
        if not done:
            raise Refused("follow_up_too_late", late)
        self._show(which, None)

    async def on_created(self, event: events.TaskCreated) -> None:
        """The bus's handler."""
        if event.plan is not None and event.owner is not None:
            which = PlannedFollowUp(event.call_id, event.owner, event.plan)
            self._show(which, FollowUpTold(event.task_id))

    async def refresh(self) -> None:
        """Asks after those that still wait: another node may have told the CRM, or a process that
        died since."""
        waiting = [
            PlannedFollowUp(call_id, one.agent, one.id)
            for call_id, one in self._pops.follow_ups()
            if one.state != "in_crm"
        ]
        if not waiting:
            return
        try:
            told = await self._book.told(waiting, deadline=Deadline.after(DEADLINE_S))
        except Unavailable:
            log.warning("follow-ups: the database is away")
            return
        for which, what in told.items():
            self._show(which, what)

    def _show(self, which: PlannedFollowUp, told: FollowUpTold | None) -> None:
        """None: it was taken back."""

        def change(known: FollowUpsShown) -> FollowUpsShown:
            changed = (
                one if not _is(one, which) else self._as_told(one, told)
                for one in known
                if told is not None or not _is(one, which)
            )
            return tuple(changed)

        self._pops.show_follow_ups(which.call_id, change)

    def _as_told(self, one: FollowUpShown, told: FollowUpTold | None) -> FollowUpShown:
        if told is None or told.task_id is None:
            return one.model_copy(update={"state": "refused"})
        url = self._url.replace("{id}", quote(told.task_id, safe="")) if self._url else None
        return one.model_copy(update={"state": "in_crm", "url": safe_url(url)})


def _is(one: FollowUpShown, which: PlannedFollowUp) -> bool:
    return (one.agent, one.id) == (which.agent, which.plan)


def _shown(planned: events.FollowUpPlanned) -> FollowUpShown:
    return FollowUpShown(
        id=planned.plan,
        at=epoch_ms(planned.due) if planned.due else None,
        note=clean_lines(planned.note, LONGEST_SHOWN),
        agent=planned.agent,
        state="waiting",
    )


def _with(known: FollowUpsShown, one: FollowUpShown) -> FollowUpsShown:
    """Told again it changes nothing."""
    if any((other.agent, other.id) == (one.agent, one.id) for other in known):
        return known
    return (*known, one)
