"""F50: a desktop's connection drops and comes back: cut, reset, or dead without a word.

It resumes where it was: no pop is missed and none comes twice, also of what happened meanwhile. A
connection that is dead without a word is noticed within 30 s (a ping each 20 s, 10 s to answer).

Also shown by `tests/integration/screenpop/test_desk.py::test_twenty_cuts_in_a_storm_of_calls`,
`tests/integration/screenpop/test_desk.py::
test_a_desktop_from_before_the_kept_frames_gets_a_snapshot`,
`tests/integration/screenpop/test_desk.py::test_after_a_restart_the_open_call_is_still_there`,
`tests/integration/screenpop/test_event_stream.py::test_it_resumes_after_the_last_event_id`, in the
browser `tests/acceptance/desktop/test_agent_desktop.py::
test_the_banner_while_the_line_is_lost_and_what_was_missed`,
`tests/acceptance/desktop/test_ringing_desks.py::
test_a_line_cut_while_it_rings_and_a_browser_killed_in_the_call`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from screenpop.desk import session
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, PASSWORD, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, victoria
from tests.faults.proxy import FaultProxy
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A = ANNA.interfaces[0]
DROPS = 12


@pytest.fixture
async def server(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeskServer]:
    """Its pings are quicker, so that the test is."""
    assert session.PING_EVERY_S == 20.0
    monkeypatch.setattr(session, "PING_EVERY_S", 0.4)
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


async def test_no_pop_is_missed_and_none_comes_twice(server: DeskServer) -> None:
    place = urlsplit(server.base_url)
    async with (
        FaultProxy((place.hostname or "", place.port or 0)) as network,
        DesktopClient(f"http://127.0.0.1:{network.port}", ANNA.login, PASSWORD) as anna,
    ):
        for drop in range(DROPS):
            dead = RingingCall()
            await server.publish(*dead.until_ringing(victoria(), A))
            if drop % 3 == 2:
                # As a laptop that sleeps, or a router that forgot: neither side hears of it.
                network.blackhole()
                await wait_until(lambda: server.desk.hub.desktops_of(ANNA.login) == 0)
            else:
                network.close_all()
                network.cut(rst=drop % 3 == 1)
                await wait_until(lambda: server.desk.hub.desktops_of(ANNA.login) == 0)
            missed = RingingCall()
            await server.publish(
                dead.answered(A), dead.released(A), *missed.until_ringing(victoria(), A)
            )
            network.let_pass()
            network.cut()
            await anna.wait_for(lambda told=2 * (drop + 1): anna.counters.offers == told)  # type: ignore[misc]  # mypy cannot infer a default's type in a lambda
            await server.publish(missed.missed(A), missed.ended(), dead.ended())
        await anna.wait_for(lambda: anna.counters.closes.total() >= DROPS)
    numbered = [frame["seq"] for frame in anna.frames if "seq" in frame and "pop_id" in frame]
    assert numbered == list(range(1, len(numbered) + 1))
    assert (anna.counters.gaps, anna.counters.offers) == (0, 2 * DROPS)
    assert anna.counters.resumes >= DROPS
    assert anna.counters.wrapups == DROPS
