"""F26: the dialplan asks for a script that is none of ours, or a hostile one.

The line closes without a word and nothing of the call is kept: the dialplan takes the caller to the
default queue, like whoever we have not served to the end.

Also shown by `tests/unit/ami_bridge/test_agi_request.py::test_malformed`.
"""

from __future__ import annotations

import pytest

from tests.integration.test_agi_server import loop_lag, serving

pytestmark = pytest.mark.integration

SCRIPTS = (
    "other",
    "../../x",
    "inbound/../../etc/passwd",
    "inbound\\..\\x",
    "%69nbound",
    "INBOUND",
    "inbound;withdrawn",
    "${SHELL(id)}",
    b"inbound\xff",
    "x" * 4096,
    "inbound?" + "&".join(["q=1"] * 50),
    "inbound?" + "x" * 4096 + "&" + "/" * 3000 + "x" * 2000,
)


async def test_they_are_left_to_the_fallback() -> None:
    async with serving() as world, loop_lag():
        for script in SCRIPTS:
            line = await world.asterisk.call(overrides={"agi_network_script": script})
            assert (line.route, line.commands) == ("fallback", []), script
        assert world.server.counters.bad == len(SCRIPTS)
        await world.idle()
        assert world.news == []
        await world.served()
