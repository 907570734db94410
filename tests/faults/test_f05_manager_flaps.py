"""F05: the manager's connection comes and goes, two hundred times.

One session at a time and no task or file too many; the delays between tries grow to 5 seconds.

Also shown by `tests/integration/test_ami_client.py::test_the_network_is_tried_again_ever_slower`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Pauses, Watched, running
from tests.faults.proxy import FaultProxy
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

FLAPS = 200


def held() -> tuple[int, int]:
    """Tasks, and open files."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def test_two_hundred_flaps_leave_one_session_and_nothing_else() -> None:
    async with FakeAmi() as fake, FaultProxy(("127.0.0.1", fake.port)) as proxy:
        watched = Watched(fake, port=proxy.port, pause=Pauses(stop_at=-1))
        async with running(watched):
            await watched.until_connected()
            await watched.client.ask("Ping")
            before = held()
            for flap in range(FLAPS):
                # FIN and RST by turns, and every tenth time nobody listens for a while.
                proxy.cut(rst=bool(flap % 2))
                if flap % 10 == 0:
                    tries = len(watched.downs)
                    await proxy.refuse()
                    await watched.until_down(tries + 2)
                    await proxy.listen()
                await watched.until_logged_in(flap + 2)
            assert "Pong" in str(await watched.client.ask("Ping"))
            await wait_until(lambda: len(fake._sessions) == proxy.open_connections == 1)
            await wait_until(lambda: held() <= before)
            assert watched.client.counters.lost == FLAPS
            assert len(fake.sent("Login")) == FLAPS + 1
