"""An agent's own calls over real sockets and databases: theirs alone, all of them, and found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection

from calls.caller import Caller
from screenpop.pops.call_words import sought
from screenpop.pops.past_calls import Cursor, listed
from screenpop.pops.pop_tables import pop_words, pops
from storage.database import Database
from storage.revisions import alembic_config
from tests.acceptance.desktop.hostile import NAMES
from tests.fakes.desk_server import ANNA, BEN, PASSWORD, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import (
    RingingCall,
    household,
    now,
    stranger,
    victoria,
    withheld_caller,
)

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]


@dataclass
class Page:
    """Reads the addresses as a page does, with the cookie of its log-in."""

    http: aiohttp.ClientSession
    url: str

    async def get(self, path: str = "", **asked: str) -> tuple[int, dict[str, Any]]:
        async with self.http.get(self.url + path, params=asked) as answer:
            return answer.status, await answer.json()

    async def found(self, q: str) -> list[str]:
        """The pops that a search finds."""
        status, body = await self.get(q=q)
        assert status == 200, body
        return [call["pop_id"] for call in body["calls"]]


@asynccontextmanager
async def logged_in(server: DeskServer, login: str = "anna") -> AsyncIterator[Page]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        card = {"login": login, "password": PASSWORD}
        async with http.post(f"{server.base_url}/api/v1/session", json=card) as answer:
            assert answer.status == 200
        yield Page(http, f"{server.base_url}/api/v1/agent/calls")


@pytest.fixture
async def server(database: Database):
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


async def taken(
    server: DeskServer,
    caller: Caller,
    code: str = "sale",
    note: str = "",
    *,
    call: RingingCall | None = None,
    transferred: bool = False,
    interface: str = A,
    agent: str = "anna",
) -> str:
    """A call answered and wrapped up; its pop."""
    call = call or RingingCall()
    await server.publish(
        *call.until_ringing(caller, interface),
        call.answered(interface),
        call.released(interface, transferred=transferred),
        call.ended(),
    )
    pop_id = server.desk.pops.snapshot(agent)[-1].pop_id
    assert server.desk.pops.dispose(agent, pop_id, code, note)
    await server.desk.flush()
    return pop_id


async def test_how_each_call_ended_and_one_in_full(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, logged_in(server) as page:
        sold = await taken(server, victoria(), "sale", "Wants two")
        passed = await taken(server, household(), "follow_up", transferred=True)
        for end in ("missed", "elsewhere", "gone"):
            call = RingingCall(number="+12025550150")
            await server.publish(*call.until_ringing(stranger(), A, B))
            await server.publish(
                call.missed(A) if end == "missed"
                else call.answered(B) if end == "elsewhere"
                else call.ended()
            )  # fmt: skip
        hidden = RingingCall()
        await server.publish(hidden.arrived(), hidden.decided(shown=False), hidden.ringing(A))
        on = RingingCall()
        await server.publish(*on.until_ringing(victoria(), A))
        await server.desk.flush()
        status, body = await page.get()
        assert status == 200
        assert (body["next"], body["since"]) == (None, None)
        assert [call["ended"] for call in body["calls"]] == [
            "open", "caller_gone", "answered_elsewhere", "missed", "passed_on", "answered",
        ]  # fmt: skip
        shown = body["calls"][-1]
        assert (shown["pop_id"], shown["name"], shown["company"]) == (
            sold, "Victoria Stone", "Stone & Daughters",
        )  # fmt: skip
        assert (shown["talk_s"], shown["code"], shown["queue"]) == (65.0, "sale", "support")
        assert [call["pop_id"] for call in body["calls"]][-2] == passed
        status, told = await page.get(f"/{sold}")
        assert (status, told["note"], told["call"]) == (200, "Wants two", shown)
        assert told["content"]["contact"]["url"] == "https://crm.example/contacts/102"
        # What the rulebook showed nobody is not in the list, and not to be had by its id.
        async with any_database.read() as connection:
            question = sa.select(pops.c.pop_id).where(pops.c.close_reason == "not_shown")
            unseen = await connection.scalar(question)
        assert (await page.get(f"/{unseen}"))[0] == 404


async def test_nobody_sees_the_calls_of_another(server: DeskServer) -> None:
    bens = await taken(server, victoria(), interface=B, agent="ben", note="only ben's")
    annas = await taken(server, victoria(), note="only anna's")
    async with logged_in(server) as page:
        for asked in ({}, {"q": "victoria"}, {"q": "only"}, {"q": "5550102"}):
            _, body = await page.get(**asked)
            assert [call["pop_id"] for call in body["calls"]] == [annas]
        assert await page.found("ben's") == []
        status, body = await page.get(f"/{bens}")
        assert (status, body["error"]) == (404, "no_call")
        # A cursor says where to go on, not whose calls they are.
        before = str(Cursor(now() + timedelta(days=1), bens))
        _, body = await page.get(before=before)
        assert [call["pop_id"] for call in body["calls"]] == [annas]
    async with aiohttp.ClientSession() as http:
        stranger = Page(http, f"{server.base_url}/api/v1/agent/calls")
        assert (await stranger.get())[0] == 401
        assert (await stranger.get(f"/{annas}"))[0] == 401
        http.headers["Cookie"] = "switchboard_session=guessed"
        assert (await stranger.get(q="victoria"))[0] == 401


async def test_pages_follow_each_other_without_gap_or_repetition(any_database: Database) -> None:
    """Also where several calls have the very same time."""
    await add_agents(any_database)
    at = now()
    async with desk_server(any_database) as server, logged_in(server) as page:
        pop_id = await taken(server, victoria())
        await copies(any_database, pop_id, [at - timedelta(seconds=n // 4) for n in range(24)])
        for asked in ({}, {"q": "stone"}):
            seen: list[str] = []
            before: dict[str, str] = {}
            while True:
                status, body = await page.get(**asked, **before, limit="7")
                assert status == 200
                seen += [call["pop_id"] for call in body["calls"]]
                if body["next"] is None:
                    break
                before = {"before": body["next"]}
            assert len(seen) == len(set(seen)) == 25
            assert seen[0] == pop_id or seen[-1] == pop_id


async def copies(database: Database, pop_id: str, times: list[Any]) -> None:
    """The same call once more at each of the times."""
    async with database.engine.begin() as connection:
        for table in (pops, pop_words):
            question = sa.select(table).where(table.c.pop_id == pop_id)
            row = dict((await connection.execute(question)).mappings().one())
            again = [
                row | {"pop_id": f"copy{n:06d}", "offered_at": at} for n, at in enumerate(times)
            ]
            await connection.execute(sa.insert(table), again)


async def test_calls_are_found_by_all_that_is_known_of_them(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, logged_in(server) as page:
        vip = await taken(
            server, victoria(name="Zoë Müller"), "follow_up", "Order 4711-22: 100%\nsend_it"
        )
        berlin = RingingCall(number="+4930123456", name="BÄCKEREI")
        bakery = await taken(server, stranger("+4930123456"), "callback", call=berlin)
        wang = await taken(server, victoria(name="王小明"), "complaint", "要求退款")
        missed = RingingCall(number="+8613800138000", name="CN")
        await server.publish(*missed.until_ringing(stranger("+8613800138000"), A))
        await server.publish(missed.missed(A))
        await server.desk.flush()
        [lost] = await page.found("13800138000")
        for q in ("+12025550102", "(202) 555-0102", "1-202-555-0102", "2025550102", "0102",
                  "001 202 555 0102", "１２０２５５５０１０２"):  # fmt: skip
            assert await page.found(q) == [wang, vip], q
        for q in ("+49 30 123456", "030 123456", "030/12 34 56", "0049 30 123456", "回电",
                  "+49 (0)30 123456", "3456", "backerei", "Bäckerei", "call back"):  # fmt: skip
            assert await page.found(q) == [bakery], q
        for q in ("zoe müller", "MULLER", "follow_up", "Follow up", "需跟进", "4711-22", "100%",
                  "send_it", "order muller", "  müller\tZOË "):  # fmt: skip
            assert await page.found(q) == [vip], q
        for q in ("王小明", "小明", "退款", "投诉", "complaint"):
            assert await page.found(q) == [wang], q
        assert await page.found("138 0013 8000") == [lost]
        assert await page.found("stone daughters") == [wang, vip]
        assert len(await page.found("support")) == 4
        assert await page.found("müller 退款") == []
        status, body = await page.get(q="bäckerei")
        ninety = timedelta(days=90).total_seconds() * 1000
        assert status == 200
        assert abs(now().timestamp() * 1000 - body["since"] - ninety) < 60_000


async def test_a_search_says_how_far_back_it_looks_and_the_list_goes_on(server: DeskServer) -> None:
    pop_id = await taken(server, victoria())
    await copies(server.database, pop_id, [now() - timedelta(days=91)])
    async with logged_in(server) as page:
        assert await page.found("stone") == [pop_id]
        _, body = await page.get()
        assert len(body["calls"]) == 2


async def test_a_withheld_number_is_not_found_by_it(server: DeskServer) -> None:
    call = RingingCall(number="+12025550177", name="SECRET", withheld=True)
    await taken(server, withheld_caller(), call=call)
    async with logged_in(server) as page:
        assert await page.found("5550177") == []
        assert await page.found("secret") == []
        _, body = await page.get()
        assert (body["calls"][0]["number"], body["calls"][0]["withheld"]) == (None, True)


#: Whatever a search is asked for is text and nothing else.
HOSTILE = (
    "%", "%%", "_", "__", "\\", "\\%", "\\_", "%_%", "'", "''", "' OR '1'='1",
    "'; DROP TABLE pops;--", '"', '" OR ""="', "` OR 1=1", "*", "?", "[a-z]", "[", "]", "^",
    "(", ")", "{}", "$1", ":q", ":agent", "?1", "@p", "%(q)s", "{q}", "--", "/*", "*/", ";",
    "\x00", "a\x00b", "%\x00", "\x01\x02", "\x7f", "\ufffe", "\uffff", "\u202e%",
    "\u2066_\u2069", "\u0000%\u0000", "\U0001f4a5", "e\u0301" * 20, "\u0300" * 100, "%" * 200,
    "_" * 200, "\\" * 200, "a" * 200, "' " * 100, "0" * 200, "9" * 200, "+" * 200,
    "(" * 100 + ")" * 100, " " * 200, "\t\n\r", "ﷺ" * 11, "ß" * 100, "İ" * 100,
)  # fmt: skip


async def test_hostile_questions_are_text(any_database: Database) -> None:
    """None of them is an error, is a wildcard, or brings anything of somebody else's."""
    await add_agents(any_database)
    payloads = [*HOSTILE, *(name[:200] for name in NAMES[:70])]
    assert len(payloads) >= 120
    async with desk_server(any_database) as server:
        await taken(server, victoria(), interface=B, agent="ben")
        pop_id = await taken(server, victoria(), note="fine")
        special = await taken(server, stranger(), note="50% of_a\\b 'quoted' \"twice\"")
        everything = [special, pop_id]
        async with logged_in(server) as page:
            for q in payloads:
                found = await page.found(q)
                wanted = everything if sought(q) is None else [special]
                assert found in (wanted, []), repr(q)
            for q in ("%", "_", "\\", "50%", "of_a", "a\\b", "'quoted'", '"twice"'):
                assert await page.found(q) == [special], q
            for q in ("5%f", "o__a", "f_ne", "\\f"):
                assert await page.found(q) == [], q
            assert (await page.get(q="x" * 201))[0] == 400
            for asked in ({"before": "'"}, {"before": "1-%"}, {"before": "9" * 40 + "-a"},
                          {"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "1e2"},
                          {"limit": "٣"}):  # fmt: skip
                status, body = await page.get(**asked)
                assert (status, body["error"]) == (400, "bad_request"), asked
            for path in ("/' OR 1=1--", "/%25", "/_", "/" + "a" * 400):
                async with page.http.get(page.url + path) as answer:
                    assert answer.status == 404, path


async def test_who_asks_too_fast_is_told_to_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screenpop.desk.call_routes.BURST", 0.9)
    await add_agents(database)
    async with desk_server(database) as server, logged_in(server) as page:
        status, body = await page.get()
        assert (status, body["error"]) == (429, "rate_limited")


async def test_a_database_that_does_not_answer_in_time_is_told(
    server: DeskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screenpop.pops.past_calls.ANSWER_S", 0.0)
    async with logged_in(server) as page:
        assert (await page.get(q="stone"))[0] == 503


@pytest.mark.parametrize("q", [None, "stone"])
async def test_one_agents_calls_are_read_by_an_index(any_database: Database, q: str | None) -> None:
    """However many others there are: no table is gone through."""
    look_for = sought(q) if q else None
    question = listed("anna", look_for, now() - timedelta(days=90), Cursor(now(), "x"), 51)
    dialect = any_database.engine.dialect
    text = str(question.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    how = "EXPLAIN QUERY PLAN " if any_database.is_sqlite else "EXPLAIN "
    async with any_database.engine.connect() as connection:
        if not any_database.is_sqlite:
            # The tables are empty, and going through them costs nothing yet.
            await connection.execute(sa.text("SET enable_seqscan = off"))
        rows = (await connection.execute(sa.text(how + text.replace(":", "\\:")))).all()
    plan = "\n".join(str(row[-1]) for row in rows)
    assert ("ix_pops_agent_offered_at" if q is None else "pop_words") in plan
    assert "SCAN pops" not in plan
    assert "Seq Scan" not in plan
    assert "SCAN pop_words" not in plan, plan


async def test_calls_from_before_are_found_after_the_upgrade(any_empty_url: str) -> None:
    """The revision fills in what a search looks at, of the days that it looks at."""
    rows = [("new", 1, None, 2), ("old", 91, None, 0), ("unseen", 1, "not_shown", 0)]
    async with Database(any_empty_url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(upgrade_to, "0026")
            for name, days, reason, copies_too in rows:
                for n in range(1 + copies_too * 300):
                    await connection.execute(sa.insert(pops), before(f"{name}{n}", days, reason))
            await connection.run_sync(upgrade_to, "0027")
        async with database.read() as connection:
            found = (await connection.execute(sa.select(pop_words))).mappings().all()
    assert len(found) == 601
    assert {row["words"] for row in found} == {
        "+12025550102\n12025550102\nv stone\nvictoria muller\nstone & daughters\n"
        "key_accounts\nkey accounts\nfollow_up\nfollow up\ncalled twice"
    }


def before(pop_id: str, days: int, reason: str | None) -> Mapping[str, Any]:
    """A row as version 0026 kept it; many have the very same time."""
    at = now().replace(second=0, microsecond=0) - timedelta(days=days)
    call = {"number": "+12025550102", "network_name": "V STONE", "queue": "key_accounts"}
    person = {"name": "Victoria Müller", "company": "Stone & Daughters"}
    payload = {"call": call, "match": {"candidates": []}, "contact": person, "lead": None}
    return {
        "pop_id": pop_id, "agent": "anna", "call_id": "pbx/1", "interface": A, "state": "closed",
        "seq": 1, "payload": payload, "offered_at": at, "close_reason": reason,
        "disposition": "follow_up", "note": "Called twice",
    }  # fmt: skip


def upgrade_to(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url
