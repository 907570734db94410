"""F28: more calls come than look-ups can be made: a hundred a second, and a CRM that takes 5 s.

Sixteen questions are under way and 64 wait; whoever calls beyond that is not looked up and hears
the menu of strangers at once. Nobody waits longer than a look-up may take, and once the CRM is
known to be slow nobody waits for it at all.

Also shown by `tests/unit/crm_adapter/live/test_guarded.py::
test_too_many_who_wait_are_turned_away_at_once`, `tests/unit/crm_adapter/live/test_guarded.py::
test_who_finds_no_place_in_time_gets_a_timeout`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from calls.call import CallId
from calls.caller import IdentityOutcome
from calls.deadlines import Deadline
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from config.settings import CrmSettings
from crm_adapter.adapter import PhoneHit
from crm_adapter.live.breaker import BreakerLimits
from crm_adapter.live.guarded import GuardedCrm
from tests.fakes import virtual_time
from tests.fakes.call_channel import A_CALL, FakeChannel
from tests.fakes.dialog_house import House, dialog_house
from tests.fakes.directories import directory_over
from tests.fakes.scripted_crm import ScriptedCrm
from tests.unit.ivr.test_inbound import RULEBOOK

pytestmark = pytest.mark.integration

#: The last of them rings before the CRM has answered the first.
CALLS, RATE_PER_S, CRM_S = 450, 100, 5.0
SETTINGS = CrmSettings()
#: As long as a look-up may take, and what all else may add.
WITHIN_S = SETTINGS.lookup_deadline_s + 0.2
MOST_LOOK_UPS = 16 + 64
#: Of the calls before the limit of questions is reached, or the CRM known to be slow.
FIRST = 100


class SlowCrm(ScriptedCrm):
    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        self.asked_for.append(("find_by_phone", key))
        await asyncio.sleep(CRM_S)
        return []


@dataclass
class Told:
    #: Seconds in the dialog, of each call in turn.
    waits: list[float]
    outcomes: Counter[IdentityOutcome]
    questions: int
    turned_away: int


async def call(house: House, number: int) -> float:
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(number / RATE_PER_S)
    rang = clock()
    call = replace(A_CALL, id=CallId("pbx", f"28.{number}"), from_raw=f"+1202555{number:04}")
    channel = FakeChannel(["0"], call=call)
    await house.calls.serve(channel)
    assert channel.queued is not None
    return clock() - rang


async def called(rulebook: Rulebook, limits: BreakerLimits | None) -> Told:
    crm = SlowCrm()
    guarded = GuardedCrm(crm=crm, limits=limits)
    directory = directory_over(guarded, settings=SETTINGS)
    async with dialog_house(rulebook) as house:
        house.calls.crm = SETTINGS
        house.calls.advisers = replace(house.calls.advisers, directory=directory)
        waits = await asyncio.gather(*(call(house, number) for number in range(CALLS)))
        await house.bus.drain()
        await directory.close()
        outcomes = Counter(outcome for outcome, _ in house.outcomes())
    return Told(list(waits), outcomes, len(crm.asked_for), guarded.turned_away)


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    (tmp_path / "all.yaml").write_text(RULEBOOK, encoding="utf-8")
    return load_rulebook(tmp_path).or_raise()


@pytest.mark.parametrize(
    "limits", [BreakerLimits(slow_s=600), None], ids=["the limit alone", "as shipped"]
)
def test_no_caller_waits_longer_than_a_look_up_may_take(
    rulebook: Rulebook, limits: BreakerLimits | None
) -> None:
    """By the loop's clock: what is waited for, whatever the machine does besides."""
    told = virtual_time.run(called(rulebook, limits))
    assert max(told.waits) <= WITHIN_S
    assert min(told.waits[:50]) == pytest.approx(SETTINGS.lookup_deadline_s)
    assert max(told.waits[FIRST:]) <= 0.01
    assert told.questions <= MOST_LOOK_UPS
    assert set(told.outcomes) == {IdentityOutcome.TIMEOUT, IdentityOutcome.ERROR}
    assert told.outcomes[IdentityOutcome.TIMEOUT] <= FIRST
    if limits is not None:
        assert told.turned_away >= CALLS - MOST_LOOK_UPS - 16
