"""How long callers wait, and how long nobody is served, when the server freezes or dies. Writes the
line into docs/operations.md; exits 1 where a goal was missed.

    python -m benchmarks.frozen_or_dead [--rounds N] [--callers N]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from calls.errors import Unavailable
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.load import not_queued, numbers
from tests.acceptance.waiting import until

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
_BETWEEN = re.compile(
    r"(<!-- frozen-or-dead: [^\n]* -->\n).*?(<!-- /frozen-or-dead -->)", re.DOTALL
)
#: In seconds: the last caller in a queue, and the new server serving after the old one ended.
QUEUED = {"frozen": 8.0, "dead": 2.0}
SERVING = 3.0
_LISTENER = CallerShape(hang_up_after_ms=20_000, audio=False)


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds since it froze or died. `standby`: the next server was waiting already."""

    how: str
    standby: bool
    queued_s: float
    serving_s: float


async def measure(rounds: int, callers: int) -> list[Round]:
    with tempfile.TemporaryDirectory() as folder:
        async with DemoCentre(
            folder=Path(folder),
            agents=1,
            phone=PhoneShape(audio=False),
            desktops=False,
            watchdog=True,
            # All rounds are within a minute or two.
            overrides={"watchdog": {"restarts": 100}},
        ) as centre:
            every = iter(numbers(2 * rounds * callers))
            return [
                await one_round(centre, how, [next(every) for _ in range(callers)])
                for _ in range(rounds)
                for how in QUEUED
            ]


async def one_round(centre: DemoCentre, how: str, theirs: list[str]) -> Round:
    server = centre.server
    calls = [ScriptedCall(number, cast.SHOP, shape=_LISTENER) for number in theirs]
    at_work = centre.callers.start(calls, rate_per_s=20)

    async def all_in_a_menu() -> bool:
        return (await server.metrics())["agi_live"] == len(theirs)

    async def all_queued() -> bool:
        return not not_queued(centre.pbx, theirs)

    async def served_again() -> bool:
        try:
            return server.pid != before and bool((await server.readyz())["ready"])
        except (Unavailable, aiohttp.ClientError, OSError, ValueError):
            return False

    await until(all_in_a_menu, "every caller in a menu")
    standby, before, began = server.has_standby, server.pid, time.monotonic()
    os.kill(before, signal.SIGSTOP if how == "frozen" else signal.SIGKILL)
    await until(all_queued, "every caller in a queue", every_s=0.02)
    queued_s = time.monotonic() - began
    await until(served_again, "a new server serves", every_s=0.02)
    done = Round(how, standby, queued_s, time.monotonic() - began)
    print(done, file=sys.stderr, flush=True)
    await at_work.wait()
    return done


def misses(rounds: list[Round]) -> Iterator[str]:
    for how, goal_s in QUEUED.items():
        worst = max(one.queued_s for one in rounds if one.how == how)
        if worst > goal_s:
            yield f"{how}: the last caller waited {worst:.1f} s instead of {goal_s:g} s"
    worst = max(_restart_s(one) for one in rounds)
    if worst > SERVING:
        yield f"the new server served after {worst:.1f} s instead of {SERVING:g} s"


def _restart_s(one: Round) -> float:
    """A frozen server is ended when its callers are safe."""
    return one.serving_s - (one.queued_s if one.how == "frozen" else 0.0)


def sentence(rounds: list[Round], callers: int) -> str:
    told = [f"Measured {datetime.now(UTC):%Y-%m-%d}, {callers} callers in menus each time:"]
    for how, goal_s in QUEUED.items():
        some = [one for one in rounds if one.how == how]
        waits = ", ".join(f"{one.queued_s:.1f}" for one in some)
        told.append(f"{how}, the last caller was in the queue after {waits} s (goal {goal_s:g});")
    starts = ", ".join(
        f"{_restart_s(one):.1f}{'' if one.standby else ' (no standby yet)'}" for one in rounds
    )
    told.append(f"the new server served {starts} s after the old one's end (goal {SERVING:g}).")
    busy = os.getloadavg()[1] / (os.cpu_count() or 1)
    told.append(f"Of each processor {busy:.1f} processes wanted to have it meanwhile.")
    missed = [f"**Missed**: {miss}." for miss in misses(rounds)]
    return " ".join([*told, *missed])


def written(page: str, line: str) -> str:
    if not _BETWEEN.search(page):
        raise ValueError(f"{PAGE.name} has no markers for frozen-or-dead")
    return _BETWEEN.sub(lambda found: f"{found[1]}{line}\n{found[2]}", page)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each, on one Asterisk")
    parser.add_argument("--callers", type=int, default=50, help="in menus at that moment")
    options = parser.parse_args()
    rounds = asyncio.run(measure(options.rounds, options.callers))
    line = sentence(rounds, options.callers)
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), line), encoding="utf-8")
    print(line)
    return 1 if any(misses(rounds)) else 0


if __name__ == "__main__":
    sys.exit(main())
