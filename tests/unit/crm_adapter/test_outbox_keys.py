"""Keys and payloads of what the CRM is owed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from calls.call import CallId
from calls.caller import IdentityOutcome
from calls.records import NewLead, NewTask
from crm_adapter.outbox import entry_key
from crm_adapter.payloads import (
    UnreadablePayload,
    lead_from_json,
    lead_to_json,
    record_from_json,
    record_to_json,
    task_to_json,
)
from tests.fakes.call_stories import START, STRANGER, Story, a_call
from tests.unit.crm_adapter.test_call_state import after

pytestmark = pytest.mark.unit

PARTS = {"tenant": "t", "adapter": "a", "operation": "o", "call_id": CallId("pbx", "1")}


def test_a_key_is_the_same_in_every_process() -> None:
    assert entry_key(**PARTS) == "14d676f6-f238-585b-94a5-62215c83bd81"


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "u"},
        {"adapter": "b"},
        {"operation": "p"},
        {"call_id": CallId("pbx", "2")},
        {"leg": "1"},
        {"revision": 2},
        {"tenant": "ta", "adapter": ""},
    ],
)
def test_every_part_makes_another_key(other: dict[str, object]) -> None:
    assert entry_key(**(PARTS | other)) != entry_key(**PARTS)


def test_a_record_comes_back_from_json_as_it_was() -> None:
    story = Story(a_call())
    record = after(story, story.whole(IdentityOutcome.UNIQUE)).record()
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record
    bare = dataclasses.replace(record, contact=None, answered_at=None, legs=(), menu_path=())
    assert record_from_json(json.loads(json.dumps(record_to_json(bare)))) == bare


def test_no_card_number_waits_for_the_crm() -> None:
    story = Story(a_call())
    record = after(story, story.whole(IdentityOutcome.UNIQUE)).record()
    legs = [
        dataclasses.replace(leg, note=f"4111111111111111 {record.number}") for leg in record.legs
    ]
    named = dataclasses.replace(record, legs=tuple(legs), caller_name="4111 1111 1111 1111")
    payload = record_to_json(named)
    assert {leg["note"] for leg in payload["legs"]} == {f"****1111 {record.number}"}
    assert payload["caller_name"] == "****1111"
    lead = NewLead(STRANGER, story.call.id, "+18005550100", "5555 5555 5555 4444", START)
    assert lead_to_json(lead)["network_name"] == "****4444"
    task = NewTask("callback", story.call.id, START, STRANGER, note="card 378282246310005")
    assert task_to_json(task)["note"] == "card ****0005"


def test_a_lead_comes_back_from_json_as_it_was() -> None:
    story = Story(a_call())
    path = after(story, [story.presses("1")]).menu_steps()
    lead = NewLead(STRANGER, story.call.id, "+18005550100", "ACME", START, path, "r1")
    assert lead_from_json(json.loads(json.dumps(lead_to_json(lead)))) == lead


@pytest.mark.parametrize("payload", [{}, {"v": 1, "call_id": "no slash"}])
def test_a_payload_of_another_kind_is_told_apart(payload: dict[str, object]) -> None:
    with pytest.raises(UnreadablePayload):
        record_from_json(payload)
    with pytest.raises(UnreadablePayload):
        lead_from_json(payload)
