"""F18: what answers is another version of Asterisk, or no Asterisk at all.

Before Asterisk 18 it is followed with a warning in the log and in `/readyz`; before 12 it is not,
nor is what speaks something else. Calls are served by AGI in any case.
"""

from __future__ import annotations

import logging

import pytest

from ami_bridge.ami_client import LinkState
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Watched, running

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("version", ["2.8.0", "5.0.2", "6", "7.0.3", "11.0.0", "23.1"])
async def test_an_old_version_is_told_and_followed(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeAmi(greeting=f"Asterisk Call Manager/{version}\r\n".encode()) as fake:
        watched = Watched(fake)
        async with running(watched):
            await watched.until_connected()
            fake.cut()
            await watched.until(lambda: watched.client.counters.logins == 2)
            assert watched.client.version == version
            is_old = int(version.partition(".")[0]) < 7
            assert ("Asterisk before 18: use 20 or later" in watched.client.doubt) is is_old
    warned = [line for line in caplog.records if "before 18" in line.message]
    assert len(warned) == (1 if is_old else 0), "once, not at every login"


@pytest.mark.parametrize(
    ("greeting", "because"),
    [
        ("Asterisk Call Manager/1.3\r\n", "before 18"),
        ("Asterisk Call Manager/\r\n", "of no version"),
        ("Asterisk Call Manager/eleven\r\n", "of no version"),
        ("Asterisk Call Manager/" + "1" * 5_000 + "\r\n", "does not greet"),
        ("Asterisk Call Manager Proxy/1.0\r\n", "does not greet"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not greet"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "does not greet"),
        ("\r\n", "does not greet"),
        ("\x16\x03\x01\x02\r\n", "does not greet"),
    ],
)
async def test_what_is_not_known_is_left_alone(
    greeting: str, because: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeAmi(greeting=greeting.encode()) as fake:
        watched = Watched(fake)
        async with running(watched):
            await watched.until(lambda: len(watched.downs) >= 3)
            assert all(because in reason for reason in watched.downs)
            assert watched.client.state is LinkState.AWAY
            # And once it is an Asterisk, it is followed.
            fake.greeting = b"Asterisk Call Manager/11.0.0\r\n"
            await watched.until_connected()
            assert watched.client.doubt == ""
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]
