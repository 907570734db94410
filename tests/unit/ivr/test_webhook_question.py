"""What a webhook hears of a call."""

from __future__ import annotations

import pytest

from ivr.webhook_question import question
from tests.unit.ivr.test_facts import CALL, MARIA, STRANGER, UNSURE

pytestmark = pytest.mark.unit


def test_a_contact_is_named_only_where_it_is_sure_who_calls() -> None:
    """The answer may be spoken."""
    typed = {"order_number": "47"}
    assert question(CALL, MARIA, typed) == {
        "call": "pbx/1",
        "dialled": "18005550100",
        "number": "+12025550101",
        "typed": typed,
        "contact": "demo:1",
    }
    assert question(CALL, UNSURE, {})["contact"] is None
    assert question(CALL, STRANGER, {})["contact"] is None
