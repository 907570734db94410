"""F11: the manager says what is no message.

It is left out and counted and the next message is read; only what is larger than 64 KiB or has no
end costs the connection. Memory does not grow.

Also shown by `tests/unit/ami_bridge/test_ami_wire.py::
test_any_bytes_are_read_without_an_exception`, `tests/unit/ami_bridge/test_ami_reading.py::
test_no_headers_break_a_reader`.
"""

from __future__ import annotations

import functools
import itertools
import logging
import tracemalloc

import pytest

from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Watched, running

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

ODD = (
    b"no colon at all\r\n\r\n",
    b": no key\r\n\r\n",
    b"Event: Twice\r\nUniqueid: 1\r\nUniqueid: 2\r\nuniqueid: 3\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: Andr\xe9\xff\r\nUniqueid:\r\n\r\n",
    b"Event: Newchannel\r\nPrivilege: call,all\r\nCallerIDName: Response: Success\r\n\r\n",
    b"Response: Success\r\nActionID: of nobody\r\nOutput: Event: Hangup\r\nOutput: a\nb\r\n\r\n",
    b"Response: Follows\r\nPrivilege: Command\r\nnone\n\n--END COMMAND--\r\n\r\n",
    b"Event: " + b"N" * 30_000 + b"\r\n\r\n",
    b"Event: Many\r\nPrivilege: call,all\r\n" + b"K: v\r\n" * 9_000 + b"\r\n",
    b"Event: Hangup\nUniqueid: 1.1\n\nEvent: Hangup\r\n\r\n",
)
MARK = b"Event: Mark\r\nPrivilege: call,all\r\nNumber: %d\r\n\r\n"


async def test_the_next_message_is_read_whatever_came_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeAmi() as fake:
        watched = Watched(fake)

        async with running(watched):
            await watched.until_connected()
            for number, odd in enumerate((*ODD, *map(b"".join, itertools.pairwise(ODD)))):
                # What was not believed casts doubt on the few that follow.
                mark = MARK % number
                fake.raw(odd + mark * 5)
                told = (b"Mark", mark.removesuffix(b"\r\n\r\n"))
                await watched.until(functools.partial(watched.events.__contains__, told))
            assert watched.downs == []
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            for line in (b"x", b"K: v\r\n"):
                downs = len(watched.downs)
                fake.raw(b"Event: Endless\r\n" + line * (2_000_000 // len(line)))
                await watched.until_down(downs + 1)
                await watched.until_connected()
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert after - before < 500_000
            await watched.client.ask("Ping")
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]
