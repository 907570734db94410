"""What people are to do because of a call: call back, listen to a message, do what they planned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from calls.events import FollowUpPlanned
from calls.ports import PlannedFollowUp
from calls.records import FOLLOW_UP, NewTask
from crm_adapter import outbox
from crm_adapter.call_state import CallState
from crm_adapter.payloads import task_to_json


def owed_tasks(call: CallState, *, tenant: str, adapter: str) -> list[outbox.NewEntry]:
    """All of the call's tasks as entries; those enqueued before change nothing. A callback is
    wanted once in a call, a message is listened to once for each recording."""
    entries = []
    for part, task in _tasks(call):
        key = outbox.entry_key(
            tenant=tenant,
            adapter=adapter,
            operation=outbox.CREATE_TASK,
            call_id=call.id,
            leg=part,
        )
        entry = outbox.NewEntry(
            key=key,
            operation=outbox.CREATE_TASK,
            entity=f"task/{key}",
            payload=task_to_json(task),
            depends_on=call.lead_key,
        )
        entries.append(entry)
    return entries


def follow_up_key(which: PlannedFollowUp, *, tenant: str, adapter: str) -> str:
    return outbox.entry_key(
        tenant=tenant,
        adapter=adapter,
        operation=outbox.CREATE_TASK,
        call_id=which.call_id,
        leg=f"{FOLLOW_UP}:{which.agent}:{which.plan}",
    )


def owed_follow_up(
    planned: FollowUpPlanned, *, tenant: str, adapter: str, lead_key: str | None
) -> outbox.NewEntry:
    """`lead_key` is of the lead that the call made, which the CRM is to have first."""
    which = PlannedFollowUp(planned.call_id, planned.agent, planned.plan)
    key = follow_up_key(which, tenant=tenant, adapter=adapter)
    task = NewTask(
        kind=FOLLOW_UP,
        call_id=planned.call_id,
        created_at=planned.at,
        number=planned.number,
        contact=planned.contact,
        queue=planned.queue,
        owner=planned.agent,
        name=planned.name,
        due=planned.due,
        note=planned.note,
        plan=planned.plan,
    )
    return outbox.NewEntry(key, outbox.CREATE_TASK, f"task/{key}", task_to_json(task), lead_key)


def _tasks(call: CallState) -> Iterator[tuple[str, NewTask]]:
    if call.callback is not None:
        yield (
            "callback",
            NewTask(
                kind="callback",
                call_id=call.id,
                created_at=datetime.fromisoformat(call.callback["at"]),
                number=call.callback["number"],
                contact=call.contact,
                queue=call.callback["queue"],
            ),
        )
    for recording in call.recordings or ():
        if recording["what"] == "message":
            yield (
                f"message:{recording['name']}",
                NewTask(
                    kind="message",
                    call_id=call.id,
                    created_at=datetime.fromisoformat(recording["at"]),
                    number=call.number_shown,
                    contact=call.contact,
                    queue=recording["queue"] or call.queue,
                    recording=recording["name"],
                ),
            )
