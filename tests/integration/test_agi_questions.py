"""What a dialog asks and where it sends the caller, byte for byte over a real socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from ami_bridge.agi_protocol import Reply, UnsafeCommand
from calls.errors import CallerHungUp
from calls.ports import CallChannel, Keys, QueueRequest, Recorded
from tests.integration.test_agi_server import GREETING, MENU, World, heard, serving

pytestmark = pytest.mark.integration

FOLDER = "/var/spool/asterisk/monitor"


async def test_a_number_ends_at_its_length_at_the_end_key_or_in_time() -> None:
    async def ask(channel: CallChannel) -> None:
        for expected in (Keys("1234", False), Keys("12", False), Keys("12", True), Keys("", False)):
            assert await channel.collect([MENU], max_digits=4, timeout_s=3) == expected

    line = await heard(ask, keys=["1234", "12#", "12", "#"])
    assert line.commands.count(f'GET DATA "{MENU}" 3000 4') == 4


async def test_what_is_typed_ahead_begins_the_number() -> None:
    async def ask(channel: CallChannel) -> None:
        await channel.play([GREETING])
        assert await channel.collect([MENU], max_digits=4, timeout_s=3) == Keys("7123", False)

    line = await heard(ask, keys_during={GREETING: "7"}, keys=["123"])
    assert line.played == [GREETING]


async def test_a_key_stops_the_sounds_of_a_number_and_begins_it() -> None:
    async def ask(channel: CallChannel) -> None:
        keys = await channel.collect([GREETING, MENU], max_digits=4, timeout_s=3)
        assert keys == Keys("9123", False)

    line = await heard(ask, keys_during={GREETING: "9"}, keys=["123"])
    assert line.played == [GREETING]


async def test_another_end_key_is_listened_for_key_by_key() -> None:
    """GET DATA would end at `#` and nothing else."""

    async def ask(channel: CallChannel) -> None:
        keys = await channel.collect([MENU], max_digits=6, timeout_s=3, end_key="*")
        assert keys == Keys("1#2", False)
        assert await channel.collect([], max_digits=2, timeout_s=3, end_key="*") == Keys(
            "34", False
        )
        assert await channel.collect([], max_digits=2, timeout_s=3, end_key="*") == Keys("5", True)

    waiting = ["#", "2", "*", "3", "4", "5", None]
    line = await heard(ask, keys_during={MENU: "1"}, keys_waiting=waiting)
    assert not [command for command in line.commands if command.startswith("GET DATA")]


async def test_a_secret_is_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    async def ask(channel: CallChannel) -> None:
        keys = await channel.collect([MENU], max_digits=4, timeout_s=3, secret=True)
        assert keys.digits == "8642"
        assert "8642" not in repr(keys)

    with caplog.at_level(logging.DEBUG):
        await heard(ask, keys=["8642"])
    assert "8642" not in caplog.text
    assert "8642" not in repr(Reply(200, "8642", text="result=8642"))


async def test_quick_work_costs_no_command() -> None:
    async def look_up() -> str:
        return "Maria"

    async def ask(channel: CallChannel) -> None:
        assert await channel.listen_during(look_up()) == "Maria"

    line = await heard(ask)
    assert line.commands == ['SET VARIABLE "SWB_ROUTE" "hangup"', 'SET VARIABLE "SWB_DONE" "1"']


async def test_keys_pressed_while_we_think_are_kept_in_order() -> None:
    async def ask(channel: CallChannel) -> None:
        looked_up = asyncio.Event()

        async def look_up() -> None:
            await looked_up.wait()

        async def end_soon() -> None:
            await asyncio.sleep(0.2)
            looked_up.set()

        ends = asyncio.create_task(end_soon())
        await channel.listen_during(look_up())
        assert await channel.ask([MENU], max_digits=1, timeout_s=1) == Keys("4", False)
        assert await channel.ask([MENU], max_digits=2, timeout_s=1) == Keys("2*", False)
        await ends

    line = await heard(ask, keys_waiting=["4", None, "2", "*"])
    assert "WAIT FOR DIGIT 50" in line.commands
    assert line.played == []


async def test_the_error_of_the_work_is_the_dialogs_own() -> None:
    async def fail() -> None:
        await asyncio.sleep(0.1)
        raise ValueError("no such thing")

    async def ask(channel: CallChannel) -> None:
        with pytest.raises(ValueError, match="no such thing"):
            await channel.listen_during(fail())

    await heard(ask)


async def test_who_hangs_up_meanwhile_ends_the_work() -> None:
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async def dialog(channel: CallChannel) -> None:
        try:
            await channel.begin_dialog()
            await channel.listen_during(never())
        except CallerHungUp:
            ended.append("dialog")
            raise

    async with serving(dialog) as world:
        line = await world.asterisk.dial()
        assert await line.command() == 'SET VARIABLE "TIMEOUT(absolute)" "60.000"'
        await line.reply("200 result=1")
        assert await line.command() == "WAIT FOR DIGIT 50"
        await line.reply("200 result=-1")
        await line.hang_up()
        await line.until_closed()
        await world.idle()
    assert ended == ["work", "dialog"]
    assert world.ends == [(True, False)]


async def recorded(answer: str | None, folder: str | None = FOLDER) -> tuple[Recorded, World]:
    said: list[Recorded] = []

    async def dialog(channel: CallChannel) -> None:
        said.append(await channel.record("message-1.1-1", max_s=60, silence_s=2.5))
        await channel.hang_up()

    def script(words: Sequence[str]) -> str | None:
        return answer if words[0] == "RECORD" else None

    overrides = {} if folder is None else {"agi_arg_2": folder}
    async with serving(dialog) as world:
        line = await world.asterisk.call(script=script, overrides=overrides)
        await world.idle()
    world.news.append(("commands", *line.commands))
    return said[0], world


async def test_a_message_goes_into_the_folder_the_dialplan_names() -> None:
    said, world = await recorded(None)
    assert said == Recorded("message-1.1-1", 2.5)
    command = f'RECORD FILE "{FOLDER}/message-1.1-1" "wav" "#" 60000 "BEEP" "s=3"'
    assert command in world.news[-1]


@pytest.mark.parametrize("folder", [None, "", "relative", "/a/../b", "/a;b", "/a b"])
async def test_without_a_folder_nothing_is_recorded(folder: str | None) -> None:
    said, world = await recorded(None, folder)
    assert said.seconds == 0
    assert not [word for word in world.news[-1] if "RECORD" in word]


async def test_what_cannot_be_written_lasts_no_time() -> None:
    said, _ = await recorded("200 result=-1 (writefile)")
    assert said == Recorded("message-1.1-1", 0.0)


async def test_ringing_off_ends_a_message() -> None:
    said: list[Recorded] = []

    async def dialog(channel: CallChannel) -> None:
        await channel.begin_dialog()
        said.append(await channel.record("m-1", max_s=10, silence_s=3))
        await channel.answer()

    async with serving(dialog) as world:
        line = await world.asterisk.dial(overrides={"agi_arg_2": FOLDER})
        await line.command()
        await line.reply("200 result=1")
        assert (await line.command() or "").startswith("RECORD FILE")
        await line.reply("200 result=-1 (hangup) endpos=24000", "HANGUP")
        line.hung_up = True
        await line.until_closed()
        await world.idle()
    assert said == [Recorded("m-1", 3.0)]
    assert world.ends == [(True, False)]


async def variables(request: QueueRequest | None = None, **way: str) -> dict[str, str]:
    async def dialog(channel: CallChannel) -> None:
        if request is not None:
            await channel.to_queue(request)
        elif "mailbox" in way:
            await channel.to_voicemail(way["mailbox"])
        else:
            await channel.to_target(way["target"])

    async with serving(dialog) as world:
        line = await world.asterisk.call()
        await world.idle()
    assert world.ends == [(False, True)]
    return line.variables


async def test_the_ways_out() -> None:
    assert await variables(mailbox="100@sales") == {
        "SWB_MAILBOX": "100@sales",
        "SWB_ROUTE": "voicemail",
        "SWB_DONE": "1",
    }
    assert await variables(target="reception") == {
        "SWB_TARGET": "reception",
        "SWB_ROUTE": "target",
        "SWB_DONE": "1",
    }
    request = QueueRequest("sales", min_penalty=2, max_penalty=5, prefer="anna.b@x", prefer_s=20)
    assert (await variables(request)).items() >= {
        "SWB_QUEUE": "sales",
        "SWB_MIN_PENALTY": "2",
        "SWB_MAX_PENALTY": "5",
        "SWB_PREFER": "anna.b@x",
        "SWB_PREFER_S": "20",
    }.items()
    assert not [name for name in await variables(QueueRequest("sales")) if "PREFER" in name]


@pytest.mark.parametrize("bad", ["", "1&2", "1,s", "a b", "${X}", "x\n", "../a", "1|2", "é"])
async def test_nothing_odd_reaches_the_dialplan(bad: str) -> None:
    async def ask(channel: CallChannel) -> None:
        for attempt in (
            channel.to_voicemail(bad),
            channel.to_target(bad),
            channel.to_queue(QueueRequest(bad)),
            channel.to_queue(QueueRequest("sales", prefer=bad, prefer_s=5)),
            channel.record(bad, max_s=5, silence_s=2),
            channel.collect([], max_digits=4, timeout_s=1, end_key=bad),
        ):
            with pytest.raises(UnsafeCommand):
                await attempt

    line = await heard(ask, overrides={"agi_arg_2": FOLDER})
    assert line.commands == ['SET VARIABLE "SWB_ROUTE" "hangup"', 'SET VARIABLE "SWB_DONE" "1"']


async def test_who_left_the_queue_by_a_key_is_the_same_call() -> None:
    """Neither journaled nor arriving again; without a handler it is the fallback's."""

    async def again(channel: CallChannel) -> None:
        assert channel.call.dialled == "+18005550199"
        await channel.hang_up()

    overrides = {
        "agi_network_script": "withdrawn",
        "agi_arg_2": FOLDER,
        "agi_arg_3": "+18005550199",
    }
    async with serving() as world:
        assert (await world.asterisk.call(overrides=overrides)).route == "fallback"
        assert world.news == []
    async with serving(withdrawn=again) as world:
        line = await world.asterisk.call(linkedid="1.1", overrides=overrides)
        await world.idle()
        await world.bus.drain()
    assert line.route == "hangup"
    assert [entry[0] for entry in world.news] == ["started", "ended"]


@pytest.mark.parametrize(
    ("replies", "ended", "asked"),
    [
        (["200 result=0"], True, 4),  # it never tells whether there was one
        (["200 result=-2"], True, 1),  # app_mixmonitor is not loaded
        (["200 result=-1", "200 result=6"], False, 1),
    ],
)
async def test_every_recording_of_the_line_is_ended(
    replies: list[str], ended: bool, asked: int
) -> None:
    left = list(replies)

    def asterisk(command: Sequence[str]) -> str | None:
        if command[0] not in ("EXEC", "CHANNEL"):
            return None
        return left.pop(0) if len(left) > 1 else left[0]

    async def dialog(channel: CallChannel) -> None:
        assert await channel.stop_recordings() is ended

    line = await heard(dialog, script=asterisk)
    assert line.commands.count('EXEC "StopMixMonitor"') == asked


@pytest.mark.parametrize(("reply", "begun"), [("200 result=0", True), ("200 result=-2", False)])
async def test_a_whole_call_is_recorded_by_a_name_of_ours(reply: str, begun: bool) -> None:
    async def dialog(channel: CallChannel) -> None:
        with pytest.raises(UnsafeCommand):
            await channel.start_recording("call,b(x)")
        assert await channel.start_recording("call-pbx-1.1-1") is begun

    line = await heard(
        dialog,
        overrides={"agi_arg_2": FOLDER},
        script=lambda command: reply if command[0] == "EXEC" else None,
    )
    assert [command for command in line.commands if command.startswith("EXEC")] == [
        f'EXEC "MixMonitor" "{FOLDER}/call-pbx-1.1-1.wav"'
    ]
