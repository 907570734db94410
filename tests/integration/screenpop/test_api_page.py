"""docs/screenpop-api.md, tried: its commands by a shell, its programs by Python, its settings and
its words by what they are about."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.pop_address import ALIASES, FIELDS
from config.pop_settings import PopWebhook
from config.settings_file import load_settings
from screenpop.delivery.tokens import make_token
from storage import migrate
from storage.database import Database
from tests.fakes.desk_server import ANNA, DeskServer, add_agents, desk_server
from tests.fakes.hook_peer import peer
from tests.fakes.printed_examples import (
    DOCS,
    printed_json,
    printed_python,
    printed_shell,
    printed_yaml,
)
from tests.fakes.ringing_call import RingingCall, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

PAGE = "screenpop-api.md"
ROOT = Path(__file__).parents[3]
A = ANNA.interfaces[0]


@pytest.fixture
async def server(database: Database):
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


def around(server: DeskServer, **variables: str) -> dict[str, str]:
    """What the examples find in their environment."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SWITCHBOARD": server.base_url}
    return own | variables


@asynccontextmanager
async def running(*words: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *words, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def frames_in(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    assert process.stdout is not None
    async for line in process.stdout:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key == "data":
            yield json.loads(value)


async def the_next(frames: AsyncIterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    return await anext(frame async for frame in frames if frame["kind"] == kind)


async def test_the_commands_make_a_token_take_the_stream_and_answer(tmp_path: Path) -> None:
    """On a database as the server makes it: the command opens it beside a running server."""
    assert shutil.which("curl"), "curl is missing: it runs the examples"
    async with Database(f"sqlite:///{tmp_path}/own.db") as database:
        await migrate.upgrade(database)
        await add_agents(database, ANNA)
        async with desk_server(database) as server:
            await _by_shell(server, f"sqlite:///{tmp_path}/own.db")


async def _by_shell(server: DeskServer, url: str) -> None:
    shell = f'switchboard() {{ "{sys.executable}" -m switchboard "$@"; }}\n'
    make = shell + printed_shell(PAGE, "## A token") + 'printf %s "$TOKEN"'
    env = around(server, SWITCHBOARD_STORAGE__URL=url)
    async with running("bash", "-ec", make, env=env) as made:
        out, err = await made.communicate()
    assert re.fullmatch(r"swb_[\w-]{43}", out.decode()), err
    env["TOKEN"] = out.decode()
    stream = printed_shell(PAGE, "## Take the stream")
    async with running("bash", "-ec", f"exec {stream}", env=env) as taking:
        frames = frames_in(taking)
        assert (await anext(frames))["kind"] == "hello"
        await server.publish(*RingingCall().until_ringing(victoria(), A))
        offer = await the_next(frames, "pop.offer")
        assert offer["content"]["contact"]["name"] == "Victoria Stone"
        answer = printed_shell(PAGE, "## Answer")
        async with running("bash", "-ec", answer, env=env) as answering:
            assert await answering.wait() == 0
        async for frame in frames:
            if frame["kind"] == "agent.state" and frame["status"]["state"] == "available":
                break


async def test_the_client_prints_acknowledges_and_comes_back(
    server: DeskServer, tmp_path: Path
) -> None:
    program = tmp_path / "client.py"
    program.write_text(printed_python(PAGE, "## A client in Python"), encoding="utf-8")
    token = await make_token(server.database, "anna", "client")
    env = around(server, TOKEN=token)
    async with running(sys.executable, str(program), env=env) as client:
        assert client.stdout is not None
        for calls in (1, 2):
            await wait_until(lambda: server.desk.hub.desktops_of("anna") == 1)
            await server.publish(*RingingCall().until_ringing(victoria(), A))
            assert await client.stdout.readline() == b"+12025550102 rings\n"
            await wait_until(lambda calls=calls: server.metric("pop_frames_acked_total") == calls)
            server.desk.hub.close_all()
        await wait_until(lambda: server.metric("desktop_resumes_total") >= 1)
    async with running(sys.executable, str(program), env=env | {"TOKEN": "wrong"}) as refused:
        _, err = await refused.communicate()
        assert b"401: " in err
        assert b"Traceback" not in err


async def test_a_receiver_knows_what_is_ours(database: Database) -> None:
    tool: dict[str, Any] = {}
    exec(printed_python(PAGE, "## Webhooks"), tool)
    await add_agents(database)
    async with peer() as here:
        hook = PopWebhook(name="here", url=here.url, secret=SecretStr("hush"))
        async with desk_server(database, webhooks=(hook,)) as server:
            await server.publish(*RingingCall().until_ringing(victoria(), A))
            await wait_until(lambda: len(here.bodies) == 1)
    [body], [headers] = here.bodies, here.headers
    assert tool["is_ours"](headers["Switchboard-Signature"], body, b"hush")
    assert not tool["is_ours"](headers["Switchboard-Signature"], body + b" ", b"hush")
    assert not tool["is_ours"](headers["Switchboard-Signature"], body, b"other")
    printed = json.loads(printed_json(PAGE, "## Webhooks"))
    told = json.loads(body)
    assert (printed.keys(), printed["data"].keys()) == (told.keys(), told["data"].keys())


@pytest.mark.parametrize("heading", ["## Webhooks", "## Addresses that the desktop opens"])
def test_the_settings_are_taken(tmp_path: Path, heading: str) -> None:
    path = tmp_path / "switchboard.yaml"
    path.write_text(printed_yaml(PAGE, heading), encoding="utf-8")
    pops = load_settings(path, {}).pops
    assert len(pops.webhooks) + len(pops.addresses) in (1, 3)


def test_every_field_is_told_with_its_other_names() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    table = text[text.index("| field | VICIdial's name") :]
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:] if line.startswith("|")]
    ours = [name for own, _ in rows for name in re.findall(r"`(\w+)`", own)]
    assert ours == list(FIELDS)
    for own, others in rows:
        for name in re.findall(r"`(\w+)`", others):
            assert ALIASES.get(name, name) in own
    assert all(f"`{name}`" in table for name in ALIASES)
