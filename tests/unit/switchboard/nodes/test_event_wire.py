"""An event told to another process is the same event there; what is none raises one error."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.decision import Decision
from calls.events import AmiLost, CallEvent
from switchboard.nodes import event_wire
from switchboard.nodes.event_wire import DialogEnded, DialogStarted, NotAnEvent, decode, encode

pytestmark = pytest.mark.unit

KINDS = sorted(event_wire.KINDS.values(), key=lambda kind: kind.__name__)

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2))
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
st.register_type_strategy(str, _TEXT)
_FACTS = st.dictionaries(_TEXT, st.none() | _TEXT | st.integers(-9, 9) | st.booleans(), max_size=3)
st.register_type_strategy(
    Decision,
    st.builds(
        Decision,
        facts=_FACTS,
        # As scoring makes them.
        models=st.dictionaries(_TEXT, _TEXT, max_size=2).map(MappingProxyType),
    ),
)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_is_the_same_event_there(kind: type[CallEvent]) -> None:
    @settings(max_examples=10)
    @given(st.from_type(kind))
    def same(event: CallEvent) -> None:
        assert decode(encode(event)) == event

    same()


def test_every_event_of_a_call_has_its_place() -> None:
    names = {kind.__name__ for kind in KINDS}
    assert {"CallArrived", "DecisionMade", "CallEnded", "WrapUpDone"} < names
    assert {DialogStarted.__name__, DialogEnded.__name__} < names
    assert AmiLost.__name__ not in names


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'["CallArrived"]',
        b'["CallArrived", {}]',
        b'["CallArrived", null, 1]',
        b'["AmiLost", {"at": "2026-01-01T00:00:00Z", "reason": "x"}]',
        b'["__class__", {}]',
        b'["CallEnded", {"call_id": 1, "at": "never", "outcome": "x"}]',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_said(data: bytes) -> None:
    with pytest.raises(NotAnEvent):
        decode(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with suppress(NotAnEvent):
        decode(data)
