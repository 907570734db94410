"""A waiting caller hears the programme of the process that talked with them, whichever Asterisk
asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from storage.database import Database
from storage.leases import Lease, forget_old, held
from switchboard.nodes import hold_elsewhere
from switchboard.nodes.hold_elsewhere import HoldElsewhere
from switchboard.nodes.node_addresses import NodeAddresses
from tests.faults.parts import house
from tests.integration.nodes.test_desk_relay import serving

pytestmark = pytest.mark.integration


async def rows(url: str, name: str) -> list[dict[str, list[str]]]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data={"name": name}) as answer,
    ):
        assert answer.status == 200
        return [parse_qs(line) for line in (await answer.text()).splitlines()]


async def test_any_process_answers_for_the_one_that_has_the_programme(
    tmp_path: Path, empty_postgres_url: str, redis_url: str
) -> None:
    async with house(tmp_path, empty_postgres_url, redis_url) as centre:
        first, second = await centre.start_calls(), await centre.start_calls()
        line = await centre.into_the_queue("1.1", centre.number())
        name = line.variables["CHANNEL(musicclass)"]
        base = centre.web_url(1)
        [row] = await rows(f"{base}/pbx/musiconhold/single", name)
        assert row == {"name": [name], "mode": ["playlist"]}
        entries = await rows(f"{base}/pbx/musiconhold_entry/multi", name)
        assert entries == await rows(f"{centre.web_url()}/pbx/musiconhold_entry/multi", name)
        url = entries[0]["entry"][0]
        assert url.startswith(centre.web_url())
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            assert (await answer.read()).startswith(b"RIFF")

        # Of a caller who has gone, of one nobody had, and of who is no class at all: the queue's
        # own music.
        strange = [name[:-1] + ("0" if name[-1] != "0" else "1"), "hold-x", ""]
        for other in strange:
            assert await rows(f"{base}/pbx/musiconhold/single", other) == []
        assert second.settings.web.port != first.settings.web.port


async def test_a_process_that_is_gone_is_not_asked(database: Database) -> None:
    async with (
        NodeAddresses(database=database, address="http://127.0.0.1:9", holder="one") as one,
        NodeAddresses(database=database, address="http://127.0.0.1:9", holder="two") as two,
        HoldElsewhere(two) as elsewhere,
    ):
        assert await two.of(one.node) == "http://127.0.0.1:9"
        assert await two.of("0" * 12) is None
        # Nobody listens there any more.
        name = f"hold-{one.node}-{'0' * 32}"
        assert await elsewhere.hold_rows("/pbx/musiconhold/single", name) is None
    async with NodeAddresses(
        database=database, address="http://127.0.0.1:9", holder="three"
    ) as three:
        assert await three.of(one.node) is None


async def test_addresses_of_long_ago_are_forgotten(any_database: Database) -> None:
    for name in ("calls:old", "call_:old", "desk:pbx"):
        lease = Lease(database=any_database, name=name, holder="x", ttl_s=60)
        assert await lease.take()
        await lease.give_back()
    await forget_old(any_database, "calls:", after_s=-1)
    found = [await held(any_database, name) for name in ("calls:old", "call_:old", "desk:pbx")]
    assert [one is None for one in found] == [True, False, False]


async def asked(database: Database, pieces: Sequence[bytes]) -> str | None:
    """Of a process that says its rows in these pieces."""

    async def say(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for piece in pieces:
            await answer.write(piece)
            # Whoever reads has its turn between two of them.
            await asyncio.sleep(0)
        return answer

    app = web.Application()
    app.router.add_post("/rows", say)
    async with (
        serving(app) as url,
        NodeAddresses(database=database, address=url, holder="one") as one,
        NodeAddresses(database=database, address=url, holder="two") as two,
        HoldElsewhere(two) as elsewhere,
    ):
        return await elsewhere.hold_rows("/rows", f"hold-{one.node}-{'0' * 32}")


async def test_rows_that_come_in_pieces_are_whole_or_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [b"entry=%d&" % number for number in range(50)]
    assert await asked(database, pieces) == b"".join(pieces).decode()
    monkeypatch.setattr(hold_elsewhere, "LIMIT_BYTES", 100)
    assert await asked(database, pieces) is None
