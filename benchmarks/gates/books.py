"""Five books of the same calls, kept by five who do not know of each other: the callers' sipp,
Asterisk (CEL, queue_log), ours, the CRM's own, and what agents' desktops acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import select

from benchmarks.gates.numbers import is_known
from benchmarks.gates.slow_crm import Told, key_of
from benchmarks.measuring import quantile
from crm_adapter.call_tables import calls, leads, outbox
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from switchboard.demo.centre import DemoCentre

_TRUNK = "PJSIP/trunk-"


@dataclass(frozen=True, slots=True)
class Lost:
    """All of them are to be 0."""

    #: Callers whose script did not come to its end.
    failed: int
    #: Asterisk had the call, or somebody called, and we have no row of it; and rows of nobody.
    calls_missing: int
    calls_invented: int
    calls_open: int
    #: Served by the dialplan alone.
    by_fallback: int
    crm_calls_missing: int
    crm_calls_doubled: int
    #: Strangers with more than one lead, in our books or the CRM's; leads of known numbers.
    leads_doubled: int
    leads_of_known: int
    #: Leads that we have and the CRM has not.
    leads_missing: int
    #: An agent's phone rang to its end, and the desktop never showed the call.
    pops_missing: int
    #: The CRM is still owed them.
    owed: int

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    def words(self) -> str:
        found = {name: count for name, count in asdict(self).items() if count}
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items())


@dataclass(frozen=True, slots=True)
class Books:
    lost: Lost
    phones_rung: int
    leads: int
    #: Seconds from what is to be told until the CRM has it.
    write_lag_p95_s: float
    write_lag_worst_s: float
    #: Milliseconds from the event to the desktop, of every pop.
    pop_p95_ms: float
    pop_p99_ms: float


async def compared(
    url: str, *, offered: Counter[str], failed: int, asterisk: Asterisk, crm: Told
) -> Books:
    async with Database(url) as database, database.read() as link:
        ours = list(await link.execute(select(calls)))
        our_leads = Counter(await link.scalars(select(leads.c.number)))
        writes = list(
            await link.execute(select(outbox.c.state, outbox.c.created_at, outbox.c.finished_at))
        )
        # Of offers alone, each agent's first sight of a call.
        offers = pop_deliveries.c.kind == "pop.offer"
        acked = pop_deliveries.c.acked_at.is_not(None)
        shown = select(pops.c.call_id, pops.c.agent).join(
            pop_deliveries, pop_deliveries.c.pop_id == pops.c.pop_id
        )
        seen = {
            (row.call_id.partition("/")[2], row.agent)
            for row in await link.execute(shown.where(offers, acked))
        }
        rendered = list(
            await link.scalars(
                select(pop_deliveries.c.rendered_ms).where(
                    offers, pop_deliveries.c.rendered_ms.is_not(None)
                )
            )
        )
    ids = {row.linkedid for row in ours}
    numbers = Counter(row.from_raw for row in ours)
    keys = {key_of(f"{row.system}/{row.linkedid}") for row in ours}
    lags = [(row.finished_at - row.created_at).total_seconds() for row in writes if row.finished_at]
    lost = Lost(
        failed=failed,
        calls_missing=max(len(asterisk.calls - ids), (offered - numbers).total()),
        calls_invented=max(len(ids - asterisk.calls), (numbers - offered).total()),
        calls_open=sum(row.ended_at is None for row in ours),
        by_fallback=sum(row.fallback for row in ours),
        crm_calls_missing=len(keys - set(crm.calls)),
        crm_calls_doubled=_doubled(crm.calls.values()) + len(set(crm.calls) - keys),
        leads_doubled=_doubled(crm.leads.values()) + _doubled(our_leads.values()),
        leads_of_known=sum(map(is_known, {*crm.leads, *our_leads})),
        leads_missing=len(set(our_leads) - set(crm.leads)),
        pops_missing=len(asterisk.rung - seen),
        owed=sum(row.state != "done" for row in writes),
    )
    return Books(
        lost=lost,
        phones_rung=len(asterisk.rung),
        leads=our_leads.total(),
        write_lag_p95_s=quantile(lags, 0.95),
        write_lag_worst_s=max(lags, default=0.0),
        pop_p95_ms=quantile(rendered, 0.95),
        pop_p99_ms=quantile(rendered, 0.99),
    )


def _doubled(counts: Iterable[int]) -> int:
    return sum(count - 1 for count in counts)


@dataclass(frozen=True, slots=True)
class Asterisk:
    """By linked id: the callers' calls, and (call, login) of each phone that rang to an end."""

    calls: frozenset[str]
    rung: frozenset[tuple[str, str]]


def asterisks(centre: DemoCentre) -> Asterisk:
    login_of = {agent.name: agent.login for agent in centre.agents}
    rows = centre.pbx.cel()
    return Asterisk(
        calls=frozenset(
            row[2] for row in rows if row[0] == "CHAN_START" and row[4].startswith(_TRUNK)
        ),
        rung=frozenset(
            (row[1], login_of[row[3]])
            for row in centre.pbx.queue_log()
            if row[4] in ("CONNECT", "RINGNOANSWER")
        ),
    )
