"""A second factor over real HTTP: when it is asked for, what is good once, what is never told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import aiohttp
import pyotp
import pytest
import segno
import sqlalchemy as sa

from calls.agents import Agent
from calls.errors import SwitchboardError, Unavailable
from config.settings import WebSettings
from screenpop.agents.log_in import LogInRefused, LogIns, TooManyLogIns, hashed
from screenpop.agents.notes_of_nobody import MOST
from screenpop.agents.one_time_codes import STEP_S, address_of
from screenpop.agents.second_factors import (
    ENROLMENT_LIFE_S,
    SecondFactors,
    add_second_factor,
    remove_second_factor,
    second_factor_of,
)
from screenpop.counters import DeskCounters
from storage.audit_chain import AuditKey
from storage.audit_tables import audit_entries
from storage.database import Database
from tests.fakes.desk_server import (
    ANNA,
    BEN,
    PASSWORD,
    DeskServer,
    add_agents,
    cheap,
    desk_server,
)
from tests.fakes.ringing_call import now

pytestmark = pytest.mark.integration

INES = replace(BEN, login="ines", name="Ines Roth", interfaces=(), role="admin")


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = now()

    def __call__(self):
        return self.now


class Asker:
    """Asks to log in; says the status and what the answer says."""

    def __init__(self, server: DeskServer, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http

    async def __call__(self, agent: Agent = ANNA, password: str = PASSWORD, **more: str):
        body = {"login": agent.login, "password": password, **more}
        async with self.http.post(f"{self.server.base_url}/api/v1/session", json=body) as answer:
            told = await answer.json()
            assert ("Set-Cookie" in answer.headers) == (answer.status == 200)
            return answer.status, told.get("error", told)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def asks(database: Database, clock: Clock) -> AsyncIterator[Asker]:
    await add_agents(database, ANNA, BEN, INES)
    settings = WebSettings(second_factor="admins")
    async with (
        desk_server(database, web_settings=settings, clock=clock) as server,
        aiohttp.ClientSession() as http,
    ):
        yield Asker(server, http)


async def enrolled(database: Database, agent: Agent = ANNA) -> tuple[pyotp.TOTP, list[str]]:
    uri, codes = await add_second_factor(database, agent.login, passwords=cheap())
    totp = pyotp.parse_uri(uri)
    assert isinstance(totp, pyotp.TOTP)
    return totp, list(codes)


def log_ins_of(database: Database, **more: Any) -> LogIns:
    """As they are where the settings ask nobody for a second factor."""
    told = {"counters": DeskCounters(), "settings": WebSettings(), "passwords": cheap()}
    return LogIns(database=database, **(told | more))


async def test_a_code_is_asked_for_after_the_right_password_only(
    asks: Asker, database: Database, clock: Clock
) -> None:
    totp, _ = await enrolled(database)
    code = totp.at(clock.now)
    assert await asks(password="wrong wrong") == (401, "wrong_credentials")
    assert await asks(password="wrong wrong", code=code) == (401, "wrong_credentials")
    assert await asks() == (401, "code_wanted")
    assert await asks(code="000000" if code != "000000" else "000001") == (401, "wrong_code")
    status, card = await asks(code=code)
    assert (status, card["name"]) == (200, ANNA.name)
    assert "recovery_codes" not in card
    # It was good once; the next one is good, however it is spaced.
    assert await asks(code=code) == (401, "wrong_code")
    clock.now += timedelta(seconds=STEP_S)
    later = totp.at(clock.now)
    assert (await asks(code=f"{later[:3]} {later[3:]}"))[0] == 200
    assert (await asks(BEN))[0] == 200


async def test_one_code_lets_one_in(any_database: Database, clock: Clock) -> None:
    await add_agents(any_database)
    totp, recovery = await enrolled(any_database)
    async with (
        desk_server(any_database, clock=clock) as server,
        aiohttp.ClientSession() as http,
    ):
        asks = Asker(server, http)
        for code in (totp.at(clock.now), recovery[3]):
            answers = await asyncio.gather(*(asks(code=code) for _ in range(3)))
            assert sorted(status for status, _ in answers) == [200, 401, 401]


async def test_a_recovery_code_is_good_once(
    asks: Asker, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _, codes = await enrolled(database)
    with caplog.at_level(logging.DEBUG):
        assert (await asks(code=codes[0].upper()))[0] == 200
        assert await asks(code=codes[0]) == (401, "wrong_code")
        assert await asks(code=codes[1][:-1] + "#") == (401, "wrong_code")
    assert "log-in of anna by a recovery code" in caplog.text
    assert codes[0] not in caplog.text
    state = await second_factor_of(database, "anna")
    assert state is not None
    assert state.recovery_left == 9


async def test_wrong_codes_are_slowed_down_and_the_password_alone_forgives_none(
    asks: Asker, database: Database
) -> None:
    await enrolled(database)
    answers = []
    for _ in range(6):
        assert (await asks())[1] in ("code_wanted", "rate_limited")
        answers.append(await asks(code="nonsense"))
    assert answers[:5] == [(401, "wrong_code")] * 5
    assert answers[5][0] == 429
    assert (await asks(BEN))[0] == 200


async def test_codes_are_slowed_down_more_than_passwords(database: Database) -> None:
    """A minute later a password may be tried again, a code may not."""
    await add_agents(database, ANNA)
    totp, _ = await enrolled(database)
    time = 0.0
    log_ins = log_ins_of(database, clock=lambda: time)
    for _ in range(5):
        assert await told(log_ins, "nonsense") == "WrongCode"
    assert await told(log_ins, "nonsense") == "TooManyLogIns"
    time += 60
    assert await told(log_ins, totp.at(now())) == "TooManyCodes"
    time += 300
    assert await told(log_ins, totp.at(now())) == "Opened"


async def test_a_database_that_is_away_costs_no_tries(database: Database) -> None:
    """Neither of the login and its codes, five, nor of the address, thirty."""
    await add_agents(database, ANNA)
    totp, recovery = await enrolled(database)
    moment = now()
    log_ins = log_ins_of(database, clock=lambda: 0.0, now=lambda: moment)
    await database.writer.stop()
    for _ in range(16):
        for code in (totp.at(moment), recovery[0]):
            assert await told(log_ins, code) == "Unavailable"
    await database.writer.start()
    assert await told(log_ins, totp.at(moment)) == "Opened"


async def told(log_ins: LogIns, code: str) -> str:
    try:
        return type(await log_ins.log_in("anna", PASSWORD, "test", code=code)).__name__
    except SwitchboardError as refused:
        return type(refused).__name__


async def test_whoever_must_have_one_sets_it_up_at_log_in(
    asks: Asker, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert (await asks(ANNA))[0] == 200
        assert await asks(INES, "wrong wrong") == (401, "wrong_credentials")
        offered = await offer_to(asks, INES)
        secret, token = offered["secret"], offered["enrolment"]
        totp = pyotp.TOTP(secret)
        picture = segno.make(address_of(secret, "ines", None), error="m", micro=False)
        assert offered["qr"] == ["".join(str(int(d)) for d in row) for row in picture.matrix]
        # Nothing counts yet, and a slip of the pen does not begin it anew.
        assert await second_factor_of(database, "ines") is None
        assert await asks(INES, enrolment=token, code="nonsense") == (401, "wrong_code")
        code = totp.at(clock.now)
        status, card = await asks(INES, enrolment=token, code=code)
        assert status == 200
        assert len(card["recovery_codes"]) == 10
        assert await asks(INES) == (401, "code_wanted")
        assert await asks(INES, code=code) == (401, "wrong_code")
        assert (await asks(INES, code=card["recovery_codes"][0]))[0] == 200
    assert secret not in caplog.text


async def test_recovery_codes_are_told_though_nothing_can_be_read_any_more(
    asks: Asker, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored, and told this once."""
    offered = await offer_to(asks, INES)
    write = database.writer.write

    def away() -> NoReturn:
        raise Unavailable("gone")

    async def write_and_go(work: Any) -> Any:
        done = await write(work)
        monkeypatch.setattr(database, "read", away)
        return done

    monkeypatch.setattr(database.writer, "write", write_and_go)
    code = code_of(offered, clock)
    status, card = await asks(INES, enrolment=offered["enrolment"], code=code)
    assert status == 200, card
    assert len(card["recovery_codes"]) == 10


async def test_one_set_up_at_log_in_ends_log_ins_without_it(
    asks: Asker, database: Database, clock: Clock
) -> None:
    async def opened(agent: Agent, **more: str) -> str:
        log_ins = asks.server.desk.log_ins
        return (await log_ins.log_in(agent.login, PASSWORD, "test", **more)).token

    before_it_was_asked = log_ins_of(database)
    old = (await before_it_was_asked.log_in("ines", PASSWORD, "test")).token
    bens = await opened(BEN)
    offered = await offer_to(asks, INES)
    new = await opened(INES, enrolment=offered["enrolment"], code=code_of(offered, clock))
    living = await asks.server.desk.log_ins.living({hashed(one) for one in (old, bens, new)})
    assert living == {hashed(bens): "ben", hashed(new): "ines"}


async def test_an_offered_secret_is_its_agents_own(
    asks: Asker, database: Database, clock: Clock
) -> None:
    """Two who have the password see two secrets, and the first to prove theirs has the factor."""
    await add_agents(database, replace(BEN, role="admin"))
    offers = [await offer_to(asks, INES), await offer_to(asks, INES), await offer_to(asks, BEN)]
    first, second, bens = ((one["enrolment"], code_of(one, clock)) for one in offers)
    assert offers[0]["secret"] != offers[1]["secret"]
    assert (await asks(INES, enrolment=bens[0], code=bens[1]))[1] == "enrolment_wanted"
    assert (await asks(INES, enrolment=first[0], code=first[1]))[0] == 200
    assert await asks(INES, enrolment=second[0], code=second[1]) == (401, "wrong_code")


def code_of(offered: dict[str, str], clock: Clock) -> str:
    return pyotp.TOTP(offered["secret"]).at(clock.now)


async def offer_to(asks: Asker, agent: Agent):
    url = f"{asks.server.base_url}/api/v1/session"
    async with asks.http.post(url, json={"login": agent.login, "password": PASSWORD}) as answer:
        offered = await answer.json()
    assert (answer.status, offered["error"]) == (401, "enrolment_wanted")
    return offered


async def test_an_offered_secret_does_not_last(database: Database) -> None:
    time = 100.0
    factors = SecondFactors(database=database, passwords=cheap(), clock=lambda: time)
    offered = factors.offer("ines")
    assert factors.offered(offered.token, "ines") == offered
    assert factors.offered("", "ines") is None
    time += ENROLMENT_LIFE_S
    assert factors.offered(offered.token, "ines") is None


async def test_a_change_ends_log_ins_and_a_removed_one_is_not_asked_for(
    asks: Asker, database: Database, clock: Clock
) -> None:
    async def is_in(token: str) -> bool:
        return await asks.server.desk.log_ins.login_of(token) == "anna"

    log_ins = asks.server.desk.log_ins
    before = (await log_ins.log_in("anna", PASSWORD, "test")).token
    assert await is_in(before)
    old, _ = await enrolled(database)
    assert not await is_in(before)
    new, _ = await enrolled(database)
    assert await asks(code=old.at(clock.now)) == (401, "wrong_code")
    assert (await asks(code=new.at(clock.now)))[0] == 200
    assert await remove_second_factor(database, "anna")
    assert (await asks())[0] == 200
    assert not await remove_second_factor(database, "anna")


async def test_the_audit_log_has_the_address_and_the_limits_its_network(sqlite_url: str) -> None:
    key = AuditKey.new()
    async with Database(sqlite_url, audit_key=lambda: key) as database:
        await add_agents(database, ANNA)
        log_ins = log_ins_of(database, clock=lambda: 0.0)
        for n in range(1, 31):
            with pytest.raises(LogInRefused):
                await log_ins.log_in(f"nobody{n}", "wrong wrong", f"2001:db8::{n:x}")
        with pytest.raises(TooManyLogIns):
            await log_ins.log_in("anna", PASSWORD, "2001:db8::1f")
        await log_ins.log_in("anna", PASSWORD, "2001:db8:0:1::7")
        await database.audit.stop()
        origins = sa.select(audit_entries.c.origin).where(audit_entries.c.action == "log_in")
        async with database.read() as connection:
            told = (await connection.scalars(origins.order_by(audit_entries.c.seq))).all()
    assert told == [*(f"2001:db8::{n:x}" for n in range(1, MOST + 1)), "2001:db8:0:1::7"]


async def test_the_audit_log_tells_of_it(sqlite_url: str, clock: Clock) -> None:
    key = AuditKey.new()
    async with Database(sqlite_url, audit_key=lambda: key) as database:
        await add_agents(database, ANNA, INES)
        settings = WebSettings(second_factor="admins")
        async with (
            desk_server(database, web_settings=settings, clock=clock) as server,
            aiohttp.ClientSession() as http,
        ):
            asks = Asker(server, http)
            offered = await offer_to(asks, INES)
            code = code_of(offered, clock)
            assert (await asks(INES, enrolment=offered["enrolment"], code=code))[0] == 200
            _, codes = await enrolled(database)
            assert (await asks(code=codes[0]))[0] == 200
        await remove_second_factor(database, "anna")
        of = audit_entries.c
        question = sa.select(of.action, of.actor, of.subject).order_by(of.seq)
        async with database.read() as connection:
            rows = [tuple(row) for row in await connection.execute(question)]
    assert [row for row in rows if "factor" in row[0] or "recovery" in row[0]] == [
        ("agent.second_factor_set_up", "ines", "ines"),
        ("agent.second_factor_added", "server", "anna"),
        ("agent.recovery_code_used", "anna", ""),
        ("agent.second_factor_removed", "server", "anna"),
    ]
