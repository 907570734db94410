"""Each point of a call and each database: a whole server is killed there, call after call."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from calls.call import CallOutcome
from crm_adapter.call_tables import calls, outbox
from crm_adapter.embedded import tables
from screenpop.pops.pop_tables import pops
from storage.database import Database
from tests.kill_matrix.centre import MortalCentre, ServerNursery, Told
from tests.kill_matrix.ledger import Verdict, books_of, facts_of, rows_of
from tests.kill_matrix.matrix import Cell, Databases

#: How often a call comes by, at the least: which of these times is the last, chance says.
TIMES = {"agi.command_due": 4, "agi.command_sent": 4, "ami.event_applied": 3}
KINDS = ("answered", "abandoned", "left")
#: At these nobody comes by who hangs up in the menu, or is not answered.
KINDS_AT = {
    "agi.done_due": ("answered", "abandoned"),
    "agi.done_said": ("answered", "abandoned"),
    "pop.sent": ("answered",),
    "pop.before_commit": ("answered",),
    "pop.stored": ("answered",),
    "pop.acked": ("answered",),
}
CALLS_MOST = 3
SETTLED_S = 60.0


async def run_cell(
    nursery: ServerNursery,
    point: str,
    name: str,
    databases: Databases,
    *,
    prompts: Path,
    crashes: int = 20,
    seed: int = 1,
) -> Cell:
    """Dies in call after call, until it has died `crashes` times; one life is left in peace."""
    chance = random.Random(f"{seed} {point} {name}")
    with TemporaryDirectory(prefix="switchboard-kill-") as folder:
        async with databases(Path(folder)) as url, MortalCentre(
            folder=Path(folder), url=url, nursery=nursery, prompts=prompts,
            seed=f"{seed} {point} {name} callers",
        ) as centre:  # fmt: skip
            while centre.deaths < crashes and len(centre.told) < crashes * CALLS_MOST:
                if not centre.lives:
                    await centre.start()
                await centre.arm(point, chance.randint(1, TIMES.get(point, 1)))
                number = _number(len(centre.told), chance)
                await centre.call(number, chance.choice(KINDS_AT.get(point, KINDS)))
            if not centre.lives:
                await centre.start()
            async with Database(url) as database:
                await _settled(database)
                verdict = await examine(database, centre.told, centre.pops_seen)
    unseen = sum(told.outcome == CallOutcome.LOST_SYNC for told in centre.told)
    return Cell(
        point,
        name,
        centre.deaths,
        verdict.lost,
        verdict.doubled,
        unseen,
        tuple(verdict.problems),
        seed,
        len(centre.told),
    )


def _number(place: int, chance: random.Random) -> str:
    """Mostly somebody new; now and then somebody who has called before."""
    return f"+12025552{chance.randint(0, place) if place % 4 == 3 else place:03}"


async def _settled(database: Database) -> None:
    still_open = select(calls.c.linkedid).where(calls.c.ended_at.is_(None))
    owed = select(outbox.c.seq).where(outbox.c.state.in_(("pending", "claimed")))
    async with asyncio.timeout(SETTLED_S):
        while True:
            async with database.read() as connection:
                if not [*await connection.scalars(still_open), *await connection.scalars(owed)]:
                    return
            await asyncio.sleep(0.1)


async def examine(database: Database, told: list[Told], seen: set[str]) -> Verdict:
    verdict, books = Verdict(), await books_of(database)
    by_id = {each.linkedid: each for each in told}
    verdict.expect("call", by_id, books.calls)
    for linkedid in by_id.keys() & books.calls.keys():
        row, each = books.calls[linkedid], by_id[linkedid]
        each.outcome = row.outcome
        if row.outcome not in _outcomes(each):
            verdict.lost += 1
            verdict.problems.append(f"{linkedid} {each}: {row.outcome}")
        if row.fallback != (each.route == "fallback"):
            verdict.lost += 1
            verdict.problems.append(f"{linkedid} {each}: fallback is {row.fallback}")
    verdict.expect("outbox", ["done"], books.states)
    records = await rows_of(database, tables.call_records)
    verdict.expect("record", by_id, [row.linkedid for row in records])
    for row in records:
        ours = books.calls[row.linkedid]
        theirs = [(leg["agent"], leg["disposition"], leg["note"]) for leg in row.legs]
        wanted = facts_of(ours, books.revisions.get(row.linkedid), books.legs[row.linkedid])
        verdict.expect(f"record of {row.linkedid}", [wanted], [facts_of(row, row.revision, theirs)])
    leads = await rows_of(database, tables.leads)
    verdict.expect("lead", {each.number for each in told}, [row.number for row in leads])
    tasks = await rows_of(database, tables.tasks)
    missed = [row.number for row in tasks if row.kind == "missed" and row.status == "open"]
    verdict.expect("task", set(missed), missed)
    shown = Counter(row.call_id.partition("/")[2] for row in await rows_of(database, pops))
    due = {each.linkedid for each in told if each.pop_due}
    verdict.expect("pop", due, due & seen)
    # It is shown first and kept then: of one that was over by then no row is left.
    verdict.expect("row of a pop", shown.keys(), shown.elements())
    return verdict


def _outcomes(told: Told) -> set[str]:
    """What may be known of it. Its end, or the talk before it, may have come while we were dead."""
    if told.route == "left":
        right = {CallOutcome.ABANDONED_IN_MENU}
    elif told.answered:
        right = {CallOutcome.ANSWERED}
    else:
        right = {CallOutcome.ABANDONED_IN_QUEUE}
    return {str(one) for one in right | ({CallOutcome.LOST_SYNC} if told.died else set())}
