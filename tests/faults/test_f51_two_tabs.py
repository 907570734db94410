"""F51: an agent has two tabs or two devices open, and one of them is stale.

All show the same; whichever acknowledges first has acknowledged, once, and what is said in one is
seen in the others. A tab that shows what is over is told so and changes nothing.

Also shown by
`tests/integration/screenpop/test_desk.py::test_two_tabs_show_the_same_and_one_ack_is_enough`,
`tests/integration/screenpop/test_desk.py::test_no_more_than_eight_desktops_of_one_agent`, in the
browser `tests/acceptance/desktop/test_ringing_desks.py::
test_who_lets_it_ring_is_passed_over_for_one_with_two_tabs`,
`tests/acceptance/desktop/test_opened_address.py::
test_an_answered_call_opens_its_page_once_in_two_tabs_and_a_reload`,
`tests/acceptance/desktop/test_softphone.py::test_one_tab_has_the_phone`.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from calls import events
from screenpop.pops.pop_tables import pop_deliveries
from storage.database import Database
from tests.fakes.desk_server import ANNA, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, victoria
from tests.integration.screenpop.test_desk import raw_desktop

pytestmark = pytest.mark.integration

A = ANNA.interfaces[0]


async def test_one_acknowledgement_and_one_wrap_up_of_three_desktops(
    any_database: Database,
) -> None:
    await add_agents(any_database)
    call = RingingCall()
    done: list[events.WrapUpDone] = []

    async def keep(event: events.WrapUpDone) -> None:
        done.append(event)

    async with (
        desk_server(any_database) as server,
        server.client() as tab,
        server.client() as phone,
        raw_desktop(server) as stale,
    ):
        server.bus.subscribe("test", keep, events.WrapUpDone)
        await stale.receive_json()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        offer = await stale.receive_json()
        assert offer == await tab.wait_frame("pop.offer") == await phone.wait_frame("pop.offer")
        await server.publish(call.released(A), call.ended())
        for one in (tab, phone):
            await one.wait_frame("pop.wrapup")
        await phone.dispose(offer["pop_id"], "sale", "from the phone")
        for one in (tab, phone):
            assert (await one.wait_frame("pop.close"))["reason"] == "done"

        # It still shows the call as ringing: what it says of it now comes too late, or again.
        ack = {"kind": "ack", "pop_id": offer["pop_id"], "seq": offer["seq"], "rendered_ms": 9_999}
        await stale.send_json(ack)
        await stale.send_json(
            {"kind": "disposition", "pop_id": offer["pop_id"], "code": "resolved", "note": "stale"}
        )
        while (told := await stale.receive_json())["kind"] != "notice":
            pass
        assert told["code"] == "disposition_refused"
        await server.desk.flush()
        assert server.metric("pop_frames_acked_total") == 4
        assert [(each.disposition, each.note) for each in done] == [("sale", "from the phone")]
    async with any_database.read() as connection:
        rows = (await connection.execute(sa.select(pop_deliveries))).all()
    assert sorted(row.kind for row in rows) == ["pop.claim", "pop.close", "pop.offer", "pop.wrapup"]
    assert all(row.acked_at is not None and row.sockets == 3 for row in rows)
    assert next(row for row in rows if row.kind == "pop.offer").rendered_ms != 9_999
