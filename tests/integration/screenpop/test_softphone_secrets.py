"""Who has a phone in the browser, and what becomes of its secret when an agent is changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from calls.agents import Agent
from calls.errors import Misconfigured
from screenpop.agents.agent_admin import add_agent, list_agents, reset_agent
from screenpop.agents.passwords import Passwords
from screenpop.agents.softphones import softphone_of, softphones
from storage.database import Database

pytestmark = pytest.mark.integration

WORD = "correct horse"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
WANDA = Agent("wanda", "Wanda Web", (), softphone=True)


async def secret_of(database: Database) -> str:
    phone = await softphone_of(database, "wanda")
    assert phone is not None
    return phone.secret


async def test_a_secret_lives_as_long_as_its_phone(any_database: Database) -> None:
    await add_agent(any_database, Agent("anna", "Anna", ("PJSIP/201",)), WORD, passwords=CHEAP)
    await add_agent(any_database, WANDA, WORD, passwords=CHEAP)
    first = await secret_of(any_database)
    assert len(first) == 48
    assert [phone.login for phone in await softphones(any_database)] == ["wanda"]
    assert await softphone_of(any_database, "anna") is None
    # A desk phone rings her too now; the browser goes on with the secret it has.
    await add_agent(any_database, replace(WANDA, interfaces=("PJSIP/202",)), WORD, passwords=CHEAP)
    assert await secret_of(any_database) == first
    wanda = (await list_agents(any_database))[1]
    assert (wanda.interfaces, wanda.softphone) == (("PJSIP/wanda", "PJSIP/202"), True)
    await add_agent(any_database, Agent("wanda", "Wanda", ("PJSIP/202",)), WORD, passwords=CHEAP)
    assert await softphones(any_database) == []
    assert not (await list_agents(any_database))[1].softphone


async def test_a_reset_gives_new_secrets_to_nobody_but_this_one(any_database: Database) -> None:
    await add_agent(any_database, Agent("anna", "Anna", ("PJSIP/201",)), WORD, passwords=CHEAP)
    await add_agent(any_database, WANDA, WORD, passwords=CHEAP)
    first = await secret_of(any_database)
    assert (await reset_agent(any_database, "wanda", "better horse", passwords=CHEAP)).softphone
    second = await secret_of(any_database)
    assert second != first
    assert not (await reset_agent(any_database, "anna", WORD, passwords=CHEAP)).softphone
    assert await secret_of(any_database) == second
    with pytest.raises(Misconfigured, match="nobody"):
        await reset_agent(any_database, "nobody", WORD, passwords=CHEAP)


async def test_the_phone_of_another_cannot_be_taken(any_database: Database) -> None:
    taken = Agent("anna", "Anna", ("PJSIP/wanda",))
    await add_agent(any_database, taken, WORD, passwords=CHEAP)
    with pytest.raises(Misconfigured, match="rings 'anna' already"):
        await add_agent(any_database, WANDA, WORD, passwords=CHEAP)
