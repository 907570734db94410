"""Callers are taken out of our hands over a connection of the rescuer's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from ami_bridge.rescue import Rescue, rescue
from config.settings import AgiSettings, AmiSettings, NodesSettings, Settings
from switchboard.part import Part
from switchboard.watchdog.process import rescue_everywhere
from tests.fakes.asterisk_ami import FakeAmi, FakeChannel

pytestmark = pytest.mark.integration

PORT = 4573
OURS = f"agi://127.0.0.1:{PORT}/inbound,1.1,/var/spool/asterisk/monitor,+18005550100,"


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


def channel(name: str, context: str, application: str, data: str) -> FakeChannel:
    return FakeChannel(name, name, name, application=application, data=data, context=context)


def there_are(asterisk: FakeAmi, *channels: FakeChannel) -> None:
    asterisk.channels = {each.uniqueid: each for each in channels}


async def rescued(asterisk: FakeAmi, secret: str = "s3cret", deadline_s: float = 5.0) -> Rescue:
    settings = AmiSettings(port=asterisk.port, secret=SecretStr(secret))
    return await rescue(settings, agi_port=PORT, deadline_s=deadline_s)


async def test_whoever_is_with_us_and_nobody_else_is_sent_on(asterisk: FakeAmi) -> None:
    there_are(
        asterisk,
        channel("PJSIP/trunk-1", "switchboard-dialog", "AGI", OURS),
        # What a menu is played by, while AGI waits for it.
        channel("PJSIP/trunk-2", "switchboard-dialog", "Read", "SWB_KEYS,http://127.0.0.1/a.wav"),
        channel("PJSIP/trunk-3", "switchboard-route", "Queue", "support,tb"),
        channel("PJSIP/trunk-4", "somebody-else", "AGI", OURS),
        channel("PJSIP/trunk-5", "switchboard-dialog", "AGI", "agi://127.0.0.1:4574/inbound,1.5"),
        channel("PJSIP/trunk-6", "switchboard-dialog", "AGI", "agi://pbx.example.com/inbound,1.6"),
    )
    done = await rescued(asterisk)
    assert done == Rescue(found=3, moved=3)
    assert done.sentence() == "3 of 3 callers were sent to the default queue"
    told = [
        (sent["Channel"], sent["Context"], sent["Exten"], sent["Priority"])
        for sent in asterisk.sent("Redirect")
    ]
    # T lifts the dialplan's clock, which would hang up in the queue, and leads to the fallback.
    assert sorted(told) == [
        (f"PJSIP/trunk-{number}", "switchboard-dialog", "T", "1") for number in (1, 2, 6)
    ]
    assert len(asterisk.connections) == 1


async def test_callers_of_another_server_stay_whatever_they_hear(asterisk: FakeAmi) -> None:
    there_are(
        asterisk,
        *(channel(f"PJSIP/trunk-{n}", "switchboard-dialog", "Read", "SWB_KEYS") for n in range(3)),
    )
    asterisk.variables = {
        ("PJSIP/trunk-0", "SWB_ASKED"): f"192.0.2.11:{PORT}",
        ("PJSIP/trunk-1", "SWB_ASKED"): f"192.0.2.12:{PORT + 1}",
    }
    # Of the third nobody says anything: it is ours, as where there is one server alone.
    assert await rescued(asterisk) == Rescue(found=2, moved=2)
    assert {sent["Channel"] for sent in asterisk.sent("Redirect")} == {
        "PJSIP/trunk-0",
        "PJSIP/trunk-2",
    }


async def test_hundreds_are_moved(asterisk: FakeAmi) -> None:
    there_are(
        asterisk,
        *(channel(f"PJSIP/trunk-{n}", "switchboard-dialog", "AGI", OURS) for n in range(350)),
    )
    assert await rescued(asterisk) == Rescue(found=350, moved=350)


async def test_who_left_meanwhile_keeps_nobody_waiting(asterisk: FakeAmi) -> None:
    there_are(
        asterisk,
        channel("PJSIP/bad\nAction: Logoff", "switchboard-dialog", "AGI", OURS),
        channel("PJSIP/trunk-1", "switchboard-dialog", "AGI", OURS),
    )
    asterisk.denied = {"Redirect"}
    done = await rescued(asterisk)
    assert (done.moved, done.problem) == (0, "")
    assert "Permission denied" in done.refused[-1]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda fake: setattr(fake, "secret", "changed"), "Authentication failed"),
        (lambda fake: fake.denied.add("CoreShowChannels"), "Permission denied"),
        (lambda fake: fake.mute.add("CoreShowChannels"), "not done after 0.5 s"),
        (lambda fake: setattr(fake, "silent", True), "not done after 0.5 s"),
    ],
)
async def test_why_nobody_was_moved_is_said(asterisk: FakeAmi, break_it, said: str) -> None:  # type: ignore[no-untyped-def]
    there_are(asterisk, channel("PJSIP/trunk-1", "switchboard-dialog", "AGI", OURS))
    break_it(asterisk)
    done = await rescued(asterisk, deadline_s=0.5)
    assert done.moved == 0
    assert said in done.problem


async def test_an_asterisk_that_is_not_there_is_said(asterisk: FakeAmi) -> None:
    await asterisk.stop()
    assert "0 of 0 callers" in (await rescued(asterisk)).sentence()


async def test_a_process_of_several_asterisks_gives_back_the_callers_of_each(
    asterisk: FakeAmi,
) -> None:
    async with FakeAmi() as other:
        for number, fake in enumerate((asterisk, other)):
            there_are(fake, channel(f"PJSIP/trunk-{number}", "switchboard-dialog", "AGI", OURS))
        one, two = (
            AmiSettings(port=fake.port, system=system, secret=SecretStr(fake.secret))
            for fake, system in ((asterisk, "hq"), (other, "branch"))
        )
        both = Settings(agi=AgiSettings(port=PORT), ami=one, nodes=NodesSettings(asterisks=(two,)))
        # Whoever keeps the desk talks with nobody.
        assert await rescue_everywhere(both, Part.DESK) == Rescue()
        assert await rescue_everywhere(both, Part.CALLS) == Rescue(found=2, moved=2)
        await other.stop()
        half = await rescue_everywhere(both, Part.CALLS)
    assert (half.found, bool(half.problem)) == (1, True)
