"""Rate limits, tickets and what may be an agent; times are told, never waited for."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest
from argon2 import PasswordHasher

from calls.agents import Agent
from calls.errors import Misconfigured, Unavailable
from screenpop.agents.agent_admin import add_agent, list_agents
from screenpop.agents.agent_rules import password_problem
from screenpop.agents.agent_tables import agents
from screenpop.agents.log_in import (
    MAX_TICKETS,
    TICKET_LIFE_S,
    Seat,
    Tickets,
    counted_as,
    hashed,
)
from screenpop.agents.passwords import Passwords
from screenpop.desk.rate_limit import RateLimit
from storage.database import Database
from tests.waiting import wait_until

pytestmark = pytest.mark.unit

CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_a_bucket_empties_and_fills_again() -> None:
    limit = RateLimit(per_s=1 / 12, burst=5)
    assert [limit.take("anna", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert limit.take("ben", 0.0)
    assert not limit.take("anna", 11.0)
    assert limit.take("anna", 24.0)
    limit.forgive("anna")
    assert limit.take("anna", 24.0)


def test_only_so_many_keys_are_remembered() -> None:
    limit = RateLimit(per_s=0, burst=1, max_keys=3)
    for key in "abcd":
        assert limit.take(key, 0.0)
    assert limit.take("a", 0.0)
    assert not limit.take("d", 0.0)


def test_addresses_of_one_network_of_ipv6_count_together() -> None:
    assert counted_as("2001:db8::1") == counted_as("2001:db8::ffff:2") == "2001:db8::/64"
    assert counted_as("2001:db8:0:1::1") != counted_as("2001:db8::1")
    for as_it_is in ("203.0.113.7", "::ffff:203.0.113.7", "unknown"):
        assert counted_as(as_it_is) == as_it_is


def test_a_ticket_is_good_once_and_for_half_a_minute() -> None:
    time = 100.0
    tickets = Tickets(clock=lambda: time)
    first, second = tickets.issue("anna", "t1"), tickets.issue("ben", "t2")
    assert tickets.redeem(first) == Seat("anna", hashed("t1"))
    assert tickets.redeem(first) is None
    assert tickets.redeem("") is None
    time += TICKET_LIFE_S
    assert tickets.redeem(second) is None


def test_tickets_are_bounded() -> None:
    tickets = Tickets(clock=lambda: 0.0)
    oldest = tickets.issue("anna", "t1")
    for _ in range(MAX_TICKETS):
        tickets.issue("ben", "t2")
    assert tickets.redeem(oldest) is None


async def test_passwords() -> None:
    hashed = await CHEAP.hash("correct horse")
    assert "correct" not in hashed
    assert await CHEAP.check(hashed, "correct horse")
    assert not await CHEAP.check(hashed, "wrong")
    assert not await CHEAP.check(None, "correct horse")
    assert not await CHEAP.check("not a hash", "correct horse")


class Slow(PasswordHasher):
    """Hashes nothing until it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.may = threading.Event()
        self.at_work = itertools.count(1)
        self.begun = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.begun = next(self.at_work)
        assert self.may.wait(30)
        return super().hash(password, salt=salt)


async def test_new_passwords_and_codes_are_hashed_two_at_a_time() -> None:
    slow = Slow()
    passwords = Passwords(slow)
    try:
        hashing = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(4)]
        await wait_until(lambda: slow.begun >= 2)
        # Threads begin in order: were there a third, it would have begun before this one.
        await asyncio.to_thread(lambda: None)
        assert slow.begun == 2
        waiting = [asyncio.create_task(passwords.check(None, "x")) for _ in range(28)]
        await asyncio.to_thread(lambda: None)
        with pytest.raises(Unavailable, match="too many"):
            await passwords.hash("correct horse")
    finally:
        slow.may.set()
    assert len({*await asyncio.gather(*hashing)}) == 4
    assert not any(await asyncio.gather(*waiting))


async def test_agents_are_added_changed_and_listed(database: Database) -> None:
    anna = Agent("anna", "Anna", ("PJSIP/a",), ("support",), "zh", "supervisor")
    await add_agent(database, anna, "correct horse", passwords=CHEAP)
    await add_agent(database, Agent("ben", "Ben", ("PJSIP/b",)), "correct horse", passwords=CHEAP)
    await add_agent(database, Agent("ben", "Benno", ("PJSIP/b",)), "better horse", passwords=CHEAP)
    assert [a.name for a in await list_agents(database)] == ["Anna", "Benno"]
    assert (await list_agents(database))[0] == anna
    async with database.read() as connection:
        rows = (await connection.execute(agents.select())).mappings().all()
    assert all("horse" not in str(dict(row)) for row in rows)


@pytest.mark.parametrize(
    ("agent", "password", "names"),
    [
        (Agent("An na", "x", ()), "long enough", "An na"),
        (Agent("", "x", ()), "long enough", "login"),
        (Agent("a" * 41, "x", ()), "long enough", "login"),
        (Agent("anna", "x", ("agent1",)), "long enough", "agent1"),
        (Agent("anna", "x", ("PJSIP/a\n",)), "long enough", "PJSIP"),
        (Agent("anna", "x", ("PJSIP/1",), role="root"), "long enough", "root"),
        (Agent("anna", "x", ("PJSIP/1",)), "short", "password"),
        (Agent("anna", "x", ("PJSIP/taken",)), "long enough", "PJSIP/taken"),
    ],
)
async def test_what_cannot_be_an_agent(
    database: Database, agent: Agent, password: str, names: str
) -> None:
    taken = Agent("zoe", "Zoe", ("PJSIP/taken",))
    await add_agent(database, taken, "long enough", passwords=CHEAP)
    with pytest.raises(Misconfigured, match=names):
        await add_agent(database, agent, password, passwords=CHEAP)
    assert [a.login for a in await list_agents(database)] == ["zoe"]


@pytest.mark.parametrize("password", ["changeme", "Password1", "12345678"])
def test_a_password_that_everybody_knows_is_none(password: str) -> None:
    assert "choose another" in (password_problem(password) or "")
    assert password_problem("correct horse") is None
