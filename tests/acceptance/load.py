"""Many callers, each with a number of their own, and what Asterisk itself says became of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from crm_adapter.embedded import demo_cast
from switchboard.demo import cast
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import CallersResult, ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape

#: Area codes where the demo's CRM knows nobody but its cast: each has one hundred numbers that
#: never ring anybody, 555-0100 to 555-0199.
_AREAS = (212, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515, 516)


def numbers(count: int) -> list[str]:
    """Of nobody whom the demo's CRM knows: they all hear the strangers' menu."""
    known = {number for member in demo_cast.MEMBERS for number, _ in member.numbers}
    every = (f"+1{area}55501{last:02d}" for area in _AREAS for last in range(100))
    return list(itertools.islice((number for number in every if number not in known), count))


def strangers(shape: CallerShape, count: int) -> list[ScriptedCall]:
    return [ScriptedCall(number, cast.SHOP, shape=shape) for number in numbers(count)]


def assert_all_served(result: CallersResult, count: int) -> None:
    told = (result.offered, result.successful, result.failed)
    assert told == (count, count, 0), result.errors[-2000:]


@dataclass(frozen=True, slots=True)
class QueueVisit:
    number: str
    queue: str


def queue_visits(pbx: PrivatePbx) -> list[QueueVisit]:
    """By queue_log, in which nobody but app_queue writes."""
    return [QueueVisit(row[6], row[2]) for row in pbx.queue_log() if row[4] == "ENTERQUEUE"]


def not_queued(pbx: PrivatePbx, wanted: Iterable[str]) -> set[str]:
    """Numbers that never reached a queue."""
    return set(wanted) - {visit.number for visit in queue_visits(pbx)}


def queues_of(pbx: PrivatePbx, wanted: Iterable[str]) -> set[str]:
    """All that these numbers ever waited in."""
    numbers = set(wanted)
    return {visit.queue for visit in queue_visits(pbx) if visit.number in numbers}


async def traced(pbx: PrivatePbx, family: str) -> dict[str, list[str]]:
    """AstDB's entries of a family by linked id, their fields without the version."""
    shown = await pbx.rx(f"database show {family}")
    found = re.findall(rf"(?m)^/{family}/(\S+)\s*: v1\|(.*?)\s*$", shown)
    return {key: fields.split("|") for key, fields in found}


async def no_channels(pbx: PrivatePbx) -> bool:
    return (await pbx.rx("core show channels count")).startswith("0 active channels")
