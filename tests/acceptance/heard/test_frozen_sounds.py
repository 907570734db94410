"""A hold message that a frozen web side never hands over keeps nobody long from an agent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from calls import events
from calls.doors import Asker, Door, hang
from calls.ports import QueueRequest
from switchboard.demo import free_ports
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance import queue_house
from tests.acceptance.queue_house import to
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

RING_S = 0.7
#: Two tries of two seconds (switchboard_media_cache.conf), and some for the machine.
AT_MOST_S = 4.0 + 1.0


async def test_an_agent_is_connected_though_a_hold_message_never_comes(
    pbx: PrivatePbx, phones: PhonesFor, tmp_path: Path
) -> None:
    black_hole = free_ports.tcp()
    asked: list[asyncio.StreamWriter] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)

    async def one_class(request: web.Request) -> web.Response:
        name = str((await request.post()).get("name", ""))
        return web.Response(text=urlencode({"name": name, "mode": "playlist"}) + "\n")

    async def one_entry(request: web.Request) -> web.Response:
        name = str((await request.post()).get("name", ""))
        url = f"http://127.0.0.1:{black_hole}/a-path-that-is-long-enough-for-the-media-cache/1.wav"
        return web.Response(text=urlencode({"name": name, "position": "0", "entry": url}) + "\n")

    async def hold_music(app: web.Application, house: queue_house.House) -> None:
        for path, handler in (
            ("/pbx/musiconhold/single", one_class),
            ("/pbx/musiconhold_entry/multi", one_entry),
        ):
            hang(app.router, Door("POST", path, frozenset({Asker.PBX}), "Hold music."), handler)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", black_hole)
    async with queue_house.opened(pbx, tmp_path, more=hold_music) as house:
        house.dialog = to(QueueRequest("support", prefer="anna", prefer_s=10, hold_class="hold-x"))
        async with phones({"agent1": PhoneShape(ring_ms=round(RING_S * 1000), talk_ms=300)}):
            work = house.ring(CallerShape())
            (rings,) = await house.some(events.AgentRinging)
            (answered,) = await house.some(events.AgentAnswered)
            await house.outcome()
            await work.stop()
    assert asked
    waited_s = (answered.at - rings.at).total_seconds()
    assert RING_S <= waited_s < RING_S + AT_MOST_S
    server.close()
    for writer in asked:
        writer.close()
