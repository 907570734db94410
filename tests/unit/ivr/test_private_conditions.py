"""A sentence that only some hear tells why they hear it: not to somebody unsure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome, Order
from calls.segments import LifecycleStage, Segments, Tier
from config.rulebook_loader import load_rulebook
from ivr import rules
from tests.fakes.call_channel import A_CALL
from tests.fakes.rulebook_folder import write_rulebook

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MENUS = """
menus:
  main:
    options:
      - intent: late
        when: {caller.open_orders: {gt: 0}}
        say: To hear why it is late
        do: {queue: sales}
      - {intent: sales, say: To order, do: {queue: sales}}
programmes:
  default:
    - {music_s: 10}
    - {say: Your order is late., when: {caller.open_orders: {gt: 0}}}
  sorry: [{say: We are sorry.}, {music_s: 5}]
rules:
  route: [{name: vip, when: {caller.tier: vip}, then: {queue: vips}}]
  hold: [{name: sorry, when: {caller.tier: vip}, then: {programme: sorry}}]
"""


def caller(confidence: float) -> Caller:
    order = Order("O-1", "Lamp", "late", NOON, None, is_open=True)
    contact = Contact(ContactRef("crm", "1"), "Ann", "Lee", orders=(order,))
    segments = Segments(Tier.VIP, LifecycleStage.ACTIVE, 5, 5, 5, 3, 30, 900.0)
    identity = Identity(IdentityOutcome.UNIQUE, "e164", confidence)
    return Caller("+12025550123", identity, contact, segments)


@pytest.mark.parametrize(
    ("confidence", "intents", "programme"),
    [(0.95, ["late", "sales", "agent"], "sorry"), (0.6, ["sales", "agent"], "default")],
)
def test_what_is_heard_hangs_on_what_may_be_said(
    tmp_path: Path, confidence: float, intents: list[str], programme: str
) -> None:
    rulebook = load_rulebook(write_rulebook(tmp_path, menus=MENUS)).or_raise()
    decision = rules.decide(rulebook, A_CALL, caller(confidence), NOON).decision
    assert [option.intent for option in decision.options] == intents
    assert decision.hold_programme == programme
    assert "late" not in " ".join(entry.text or "" for entry in decision.hold).split()
    # Where the call goes says nothing aloud.
    assert decision.route.target == "vips"
