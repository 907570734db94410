"""Agents from a file: every problem by its line, all or nothing, and again without harm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from calls.agents import Agent, Skill
from calls.errors import Misconfigured
from config.problems import ProblemsFound
from screenpop.agents.agent_admin import (
    AgentChange,
    add_agent,
    change_agent,
    list_agents,
    listed_agents,
    remove_agents,
)
from screenpop.agents.agent_file import MAX_BYTES, read_agents
from screenpop.agents.agent_import import ImportPlan, plan_import, write_import
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.passwords import Passwords
from screenpop.agents.softphones import softphone_of
from storage.database import Database

pytestmark = pytest.mark.integration

WORD = "correct horse"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
FILE = """\
login,name,interfaces,softphone,queues,skills,language,role,password
anna,Anna Berg,PJSIP/201;PJSIP/202,no,support;sales,french:8;english,zh,supervisor,correct horse
ben,"Okafor, Ben",,yes,support,,,,
"""


async def take(database: Database, text: str) -> ImportPlan:
    wanted, problems = read_agents(text.encode(), "agents.csv")
    plan = await plan_import(database, wanted, problems, passwords=CHEAP)
    await write_import(database, plan)
    return plan


async def sit_down(database: Database, *logins: str) -> None:
    now = datetime.now(UTC)
    rows = [
        {
            "token_hash": f"of {login}",
            "login": login,
            "created_at": now,
            "expires_at": now + timedelta(hours=1),
        }
        for login in logins
    ]
    await database.writer.write(
        lambda connection: connection.execute(sa.insert(agent_sessions), rows)
    )


async def seated(database: Database) -> list[str]:
    return [one.agent.login for one in await listed_agents(database) if one.logged_in]


async def test_a_file_is_taken_whole_and_again_without_harm(any_database: Database) -> None:
    first = await take(any_database, FILE)
    assert await list_agents(any_database) == [
        Agent(
            "anna",
            "Anna Berg",
            ("PJSIP/201", "PJSIP/202"),
            ("support", "sales"),
            "zh",
            "supervisor",
            skills=(Skill("english", 10), Skill("french", 8)),
        ),
        Agent("ben", "Okafor, Ben", ("PJSIP/ben",), ("support",), softphone=True),
    ]
    assert [agent.login for agent in first.added] == ["anna", "ben"]
    assert list(first.made) == ["ben"]
    phone = await softphone_of(any_database, "ben")
    await sit_down(any_database, "anna", "ben")

    again = await take(any_database, FILE)
    assert (again.changes, again.unchanged, again.made) == ((), 2, {})
    other = FILE.replace("correct horse", "better horse").replace("support,,,,", "sales,,,,")
    third = await take(any_database, other)
    assert {one.agent.login: one.what for one in third.changes} == {
        "anna": ("password",),
        "ben": ("queues",),
    }
    # Only who has a new password logs in anew; Ben's phone goes on with the secret it has.
    assert await seated(any_database) == ["ben"]
    assert await softphone_of(any_database, "ben") == phone
    async with any_database.read() as connection:
        hashes = dict(
            (await connection.execute(sa.select(agents.c.login, agents.c.password_hash))).all()
        )
    assert await CHEAP.check(hashes["anna"], "better horse")
    assert await CHEAP.check(hashes["ben"], first.made["ben"])


async def test_what_a_file_does_not_say_stays(any_database: Database) -> None:
    await take(any_database, FILE)
    plan = await take(any_database, "name,login\nAnna B.,anna\nBen O.,ben\n")
    assert {one.agent.login: one.what for one in plan.changes} == {
        "anna": ("name",),
        "ben": ("name",),
    }
    anna, ben = await list_agents(any_database)
    assert (anna.name, anna.queues, anna.role) == ("Anna B.", ("support", "sales"), "supervisor")
    assert (ben.name, ben.softphone) == ("Ben O.", True)
    # Two may change phones in one file; a softphone that is taken away rings nobody.
    swapped = "login,name,interfaces,softphone\nanna,Anna,PJSIP/9,yes\nben,Ben,PJSIP/201,no\n"
    await take(any_database, swapped)
    anna, ben = await list_agents(any_database)
    assert (anna.interfaces, ben.interfaces) == (("PJSIP/anna", "PJSIP/9"), ("PJSIP/201",))
    assert await softphone_of(any_database, "ben") is None


async def test_every_problem_is_named_and_nothing_is_written(any_database: Database) -> None:
    await add_agent(any_database, Agent("zoe", "Zoe", ("PJSIP/9",)), WORD, passwords=CHEAP)
    text = (
        "login,name,interfaces,softphone,queues,skills,language,role,password\n"
        "good,Good,PJSIP/1,,,,,,\n"
        "An na,,PJSIP/2,,,,,,\n"
        "ben,Ben,PJSIP/9,,su pport,french:11,de,root,\n"
        "cleo,Cleo,,perhaps,,french:much,,,short\n"
        "dora,Dora,,,,,,,\n"
        "good,Twice,PJSIP/3,,,,,,\n"
        "eve,Eve,PJSIP/1,,,,,,\n"
        "fay,Fay\n"
    )
    with pytest.raises(ProblemsFound) as found:
        await take(any_database, text)
    told = [(problem.line, problem.sentence) for problem in found.value.problems]
    assert [line for line, _ in told] == [3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 6, 7, 8, 9]
    sentences = " | ".join(sentence for _, sentence in told)
    for said in (
        "login 'An na'",
        "name: 1 to 120",
        "queue 'su pport'",
        "skill 'french': a level from 1 to 10",
        "language 'de'",
        "role 'root': use one of agent, supervisor, admin, auditor",
        "interface 'PJSIP/9' rings 'zoe' too",
        "softphone 'perhaps': write yes or no",
        "skill 'french:much': write it like french:8",
        "password: at least 8",
        "name what rings them",
        "stands in line 2 already",
        "interface 'PJSIP/1' rings 'good' too",
        "2 cells under 9 columns",
    ):
        assert said in sentences
    assert "short" not in sentences
    assert [agent.login for agent in await list_agents(any_database)] == ["zoe"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "'login' is not among them"),
        (b"login;name\nanna;Anna\n", "divided by commas"),
        (b"login,nmae\nanna,Anna\n", "no column 'nmae'; did you mean 'name'?"),
        (b"login,name,name\nanna,Anna,B\n", "named twice"),
        (b'login,name\nanna,"Anna\n', "unexpected end"),
        (b"login,name\nanna,A\xff\n", "no text in UTF-8"),
        (b"x" * (MAX_BYTES + 1), "more than 5 MB"),
        (b"login,name\n" + b"a,b\n" * 10_001, "more than 10000 lines"),
    ],
)
def test_what_is_no_file_of_agents(raw: bytes, says: str) -> None:
    with pytest.raises(ProblemsFound, match=says.replace("?", r"\?")):
        read_agents(raw, "agents.csv")


async def test_a_change_ends_no_log_in_and_a_removal_does(any_database: Database) -> None:
    await take(any_database, FILE)
    await sit_down(any_database, "anna", "ben")
    change = AgentChange(queues=(), skills=(Skill("spanish", 3),), role="auditor")
    anna = await change_agent(any_database, "anna", change)
    assert (anna.queues, anna.role, anna.language) == ((), "auditor", "zh")
    assert anna == (await list_agents(any_database))[0]
    assert await seated(any_database) == ["anna", "ben"]
    with pytest.raises(Misconfigured, match="rings 'anna' already"):
        await change_agent(any_database, "ben", AgentChange(interfaces=("PJSIP/201",)))
    with pytest.raises(Misconfigured, match="role 'root'"):
        await change_agent(any_database, "ben", AgentChange(role="root"))
    with pytest.raises(Misconfigured, match="nobody was removed"):
        await remove_agents(any_database, ("ben", "nobody"))
    assert await seated(any_database) == ["anna", "ben"]
    await remove_agents(any_database, ("ben",))
    assert await seated(any_database) == ["anna"]
    with pytest.raises(Misconfigured, match="no agent logs in as 'ben'"):
        await change_agent(any_database, "ben", AgentChange(name="Ben"))
