"""Names and numbers that mean something to somebody else: each is one call and one record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, no_channels

pytestmark = pytest.mark.acceptance

CALLER = CallerShape(presses=(Press(1500, "0"),), hang_up_after_ms=1500, audio=False)
#: Number and name, as they stand in From. Asterisk itself turns %0d%0a into a line end.
BROKEN = "+12025550144%0d%0aAction:%20Logoff"
HOSTILE = (
    ("+12025550141", '<img src=x onerror=alert(1)> "quoted" \\'),
    ("+12025550142", "${SHELL(id)},1,Hangup()"),
    ("100&PJSIP/agent1", "HANGUP"),
    (BROKEN, "Robert') OR 1=1 --"),
    ("%00%01%ff", "王小明 \u202e\u0007"),
    ("+" + "9" * 120, "x" * 200),
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path, agents=1, phone=PhoneShape(ring_ms=None), desktops=False
    ) as centre:
        yield centre


async def test_each_is_served_and_ends_as_exactly_one_record(centre: DemoCentre) -> None:
    calls = [ScriptedCall(number, cast.SHOP, name, CALLER) for number, name in HOSTILE]
    assert_all_served(await centre.callers.run(calls, rate_per_s=5), len(calls))
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.settled(deadline_s=20)
    assert {(len(entry.calls), len(entry.records)) for entry in entries.values()} == {(1, 1)}
    assert len(entries) == len(HOSTILE)
    # Its line end is one in the FastAGI request too, which is then not believed: the dialplan
    # puts the caller into the default queue, and tells us afterwards.
    by_dialplan = {entry.call.from_raw for entry in entries.values() if entry.call.fallback}
    assert by_dialplan == {BROKEN.partition("%")[0]}
    assert await no_channels(centre.pbx)
    ready = await centre.server.readyz()
    assert ready["parts"]["ami"]["ok"], "nobody logged us off"
