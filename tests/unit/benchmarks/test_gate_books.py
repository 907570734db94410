"""Five books of the same calls: whatever one of them lacks, or has twice, is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.gates.books import Asterisk, compared
from benchmarks.gates.numbers import known, stranger
from benchmarks.gates.slow_crm import SlowCrm, Told, key_of
from calls.call import CallId, CallOutcome
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead
from crm_adapter.call_tables import calls, leads, outbox
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage import migrate
from storage.database import Database

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OFFERED = Counter({known(1): 2, stranger(1): 1})
ASTERISK = Asterisk(frozenset({"1", "2", "3"}), frozenset({("1", "anna"), ("3", "anna")}))
TOLD = Told({key_of(f"pbx/{one}"): 1 for one in ("1", "2", "3")}, {stranger(1): 1})


async def kept_books(url: str) -> None:
    numbers = {"1": known(1), "2": known(1), "3": stranger(1)}
    call_rows = [
        {"system": "pbx", "linkedid": one, "channel": "c", "from_raw": number, "from_name": ""}
        | {"withheld": False, "dialled": "+1800", "language": "en", "arrived_at": AT}
        | {"fallback": False, "end_estimated": False, "ended_at": AT}
        for one, number in numbers.items()
    ]
    lead = {"key": "k", "tenant": "t", "number": stranger(1), "system": "pbx", "linkedid": "3"}
    write = {"key": "w", "operation": "log_call", "entity": "call/pbx/1", "payload": {}}
    write |= {"state": "done", "attempts": 1, "created_at": AT, "not_before": AT}
    write |= {"finished_at": AT + timedelta(seconds=3)}
    async with Database(url) as database:
        await migrate.upgrade(database)

        async def fill(link: AsyncConnection) -> None:
            execute = link.execute
            await execute(insert(calls), call_rows)
            await execute(insert(leads), [lead | {"created_at": AT}])
            await execute(insert(outbox), [write])
            for seq, one in enumerate(("1", "3"), 1):
                pop = {"pop_id": f"p{one}", "agent": "anna", "call_id": f"pbx/{one}"}
                shown = {"interface": "PJSIP/agent1", "state": "closed", "seq": seq}
                await execute(insert(pops), [pop | shown | {"payload": {}, "offered_at": AT}])
                sent = {"seq": seq, "kind": "pop.offer", "payload": {}, "event_at": AT}
                sent |= {"sent_at": AT, "sockets": 1, "acked_at": AT, "rendered_ms": 10.0 * seq}
                await execute(insert(pop_deliveries), [pop | sent])

        await database.writer.write(fill)


@pytest.fixture
async def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'books.db'}"
    await kept_books(made)
    return made


async def test_books_in_order(url: str) -> None:
    books = await compared(url, offered=OFFERED, failed=0, asterisk=ASTERISK, crm=TOLD)
    assert books.lost.total == 0, books.lost.words()
    assert (books.phones_rung, books.leads, books.write_lag_p95_s) == (2, 1, 3.0)
    assert (books.pop_p95_ms, books.pop_p99_ms) == (20.0, 20.0)


Spoil = Callable[[Counter[str], Asterisk, Told], tuple[Counter[str], Asterisk, Told]]


SPOILT: tuple[tuple[Spoil, str], ...] = (
    (lambda o, a, c: (o, replace(a, calls=a.calls | {"4"}), c), "calls_missing"),
    (lambda o, a, c: (o + Counter({stranger(1): 1}), a, c), "calls_missing"),
    (lambda o, a, c: (o, replace(a, calls=frozenset({"1", "2"})), c), "calls_invented"),
    (lambda o, a, c: (o - Counter({known(1): 1}), a, c), "calls_invented"),
    (lambda o, a, c: (o, replace(a, rung=a.rung | {("2", "anna")}), c), "pops_missing"),
    (lambda o, a, c: (o, a, replace(c, calls={})), "crm_calls_missing"),
    (lambda o, a, c: (o, a, replace(c, calls=c.calls | {key_of("pbx/2"): 2})), "crm_calls_doubled"),
    (lambda o, a, c: (o, a, replace(c, calls=c.calls | {"x": 1})), "crm_calls_doubled"),
    (lambda o, a, c: (o, a, replace(c, leads={})), "leads_missing"),
    (lambda o, a, c: (o, a, replace(c, leads={stranger(1): 2})), "leads_doubled"),
    (lambda o, a, c: (o, a, replace(c, leads=c.leads | {known(1): 1})), "leads_of_known"),
)


async def test_what_one_book_lacks_or_has_twice_is_named(url: str) -> None:
    for spoilt, seen in SPOILT:
        offered, asterisk, crm = spoilt(OFFERED, ASTERISK, TOLD)
        books = await compared(url, offered=offered, failed=0, asterisk=asterisk, crm=crm)
        assert {name for name, count in asdict(books.lost).items() if count} == {seen}


async def test_the_slow_crm_knows_whom_it_should_and_keeps_each_record_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.gates.slow_crm.ANSWERS_S", (0.0, 0.0))
    async with SlowCrm() as server:
        adapter = server.adapter()
        await adapter.open()
        hits = await adapter.find_by_phone(known(7), limit=5, deadline=Deadline.after(20))
        assert [hit.candidate.name for hit in hits] == ["Kim Number 7"]
        assert not await adapter.find_by_phone(stranger(7), limit=5, deadline=Deadline.after(20))
        call_id = CallId("pbx", "9")
        lead = NewLead(stranger(7), call_id, "+1800", None, AT)
        record = CallRecord(
            call_id=call_id, arrived_at=AT, number=stranger(7), dialled="+1800", contact=None,
            identity_outcome="none", outcome=CallOutcome.ANSWERED, ended_at=AT, revision=1,
        )  # fmt: skip
        for revision in (1, 2):
            assert await adapter.create_lead(lead, "lead-1")
            assert await adapter.log_call(replace(record, revision=revision), f"call-{revision}")
        [found] = await adapter.find_by_phone(stranger(7), limit=5, deadline=Deadline.after(20))
        assert stranger(7) in found.numbers
        assert [row["phoneNumber"] for row in server.rows["Lead"].values()] == [stranger(7)]
        assert [row["switchboardKey"] for row in server.rows["Call"].values()] == [
            key_of(str(call_id))
        ]
        await adapter.close()
