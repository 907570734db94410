"""What the server says of the Asterisk it logs in to: in the log once, and in /readyz."""

from __future__ import annotations

import asyncio
import logging

import pytest
from pydantic import SecretStr

from ami_bridge import self_check
from config.settings import AmiSettings
from switchboard import ami_doctor
from switchboard.findings import Finding
from tests.fakes.ami_house import House
from tests.fakes.asterisk_ami import FakeAmi
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

#: As 22.10.1 says them.
TOO_MANY = [
    ("Originate", "Originate a call.  (Priv: originate,all)"),
    ("Command", "Execute Asterisk CLI Command.  (Priv: command,all)"),
    ("Reload", "Send a reload event.  (Priv: system,config,all)"),
    ("Hangup", "Hangup channel.  (Priv: system,call,all)"),
    ("QueueAdd", "Add interface to queue.  (Priv: agent,all)"),
]


def test_a_right_is_sure_where_it_alone_allows_something() -> None:
    assert self_check.dangerous_rights(text for _, text in TOO_MANY) == ["command", "originate"]
    assert self_check.dangerous_rights(["originate,all", "", "(Priv: <none>)"]) == []


async def test_it_is_told_once_and_taken_back_when_mended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeAmi(release="20.9.1", commands=TOO_MANY) as fake:
        house = House(fake)
        async with house.bus, house.bridge:
            bridge = house.bridge
            await wait_until(lambda: len(bridge.doubts) == 2)
            assert "Asterisk 20.9.1 has known holes" in bridge.doubts[0]
            assert "may command, originate" in bridge.doubts[1]
            fake.cut()
            await wait_until(lambda: len(fake.sent("ListCommands")) == 2)
            fake.commands, fake.release = [], "22.10.1"
            fake.cut()
            await wait_until(lambda: not bridge.doubts)
    warned = [line.message for line in caplog.records if line.message.startswith("AMI: ")]
    assert len(warned) == 2
    assert {line.levelno for line in caplog.records if "AMI: " in line.message} == {logging.WARNING}


async def test_it_is_asked_once_for_each_login() -> None:
    async with FakeAmi() as fake:
        house = House(fake, resync_every_s=0.02)
        async with house.bus, house.bridge:
            await wait_until(lambda: house.bridge.figures().resyncs >= 4)
        assert len(fake.sent("ListCommands")) == 1


@pytest.mark.parametrize("how", ["denied", "unloaded"])
async def test_where_it_may_not_be_asked_calls_are_followed(how: str) -> None:
    async with FakeAmi(**{how: {"CoreSettings", "ListCommands"}}) as fake:  # type: ignore[arg-type]
        house = House(fake)
        async with house.bus, house.bridge:
            await wait_until(lambda: bool(fake.sent("ListCommands")))
            assert house.bridge.is_connected
            assert house.bridge.doubts == ()


async def found_by_the_doctor(fake: FakeAmi, secret: str = "s3cret") -> list[Finding]:
    settings = AmiSettings(port=fake.port, secret=SecretStr(secret))
    return await asyncio.to_thread(lambda: list(ami_doctor.logged_in(settings)))


async def test_the_doctor_logs_in_and_looks_too() -> None:
    async with FakeAmi(commands=TOO_MANY) as fake:
        [found] = await found_by_the_doctor(fake)
        assert (found.level, "may command, originate" in found.what) == ("warning", True)
        fake.commands = []
        assert [f.level for f in await found_by_the_doctor(fake)] == ["ok"]
        [wrong] = await found_by_the_doctor(fake, "wrong")
        assert (wrong.level, "could not log in" in wrong.what) == ("error", True)
        fake.silent = True
        assert [f.level for f in await found_by_the_doctor(fake)] == ["error"]
