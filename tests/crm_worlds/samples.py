"""One call with its lead, record and task, as the conformance kit writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from calls.call import CallId, CallOutcome, KeyPress
from calls.records import FOLLOW_UP, CallRecord, Leg, NewLead, NewTask

ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LONDON = "+442079460018"
STRANGER = "+12025550150"
CALL = CallId("pbx", "1700000000.1")
LEAD = NewLead(
    number=STRANGER,
    call_id=CALL,
    dialled="+18005550100",
    network_name="'; DROP TABLE crm_leads; --",
    created_at=ARRIVED,
    menu_path=(KeyPress("main", "2", "match", "sales"),),
)
RECORD = CallRecord(
    call_id=CALL,
    arrived_at=ARRIVED,
    number=STRANGER,
    dialled="+18005550100",
    contact=None,
    identity_outcome="none",
    outcome=CallOutcome.ANSWERED,
    queue="sales",
    answered_at=ARRIVED + timedelta(seconds=20),
    ended_at=ARRIVED + timedelta(seconds=83),
    legs=(Leg("anna", "PJSIP/agent1", ARRIVED + timedelta(seconds=15)),),
)
TASK = NewTask(
    kind="callback",
    call_id=CALL,
    created_at=ARRIVED,
    number=STRANGER,
    queue="sales",
)
PLANNED = NewTask(
    kind=FOLLOW_UP,
    call_id=CALL,
    created_at=ARRIVED,
    number=STRANGER,
    owner="anna",
    # Another day than in UTC.
    due=datetime(2026, 3, 10, 6, 30, tzinfo=timezone(timedelta(hours=8))),
    note="Ask for the invoice\nand <b>王 'x' \\ %",
)
