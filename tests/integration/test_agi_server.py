"""The FastAGI server over real sockets: one call after another, and peers that are no calls."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop
from blockbuster import blockbuster_ctx

from ami_bridge.agi_commands import CommandDeadlines
from ami_bridge.agi_protocol import UnsafeCommand
from ami_bridge.agi_server import AgiServer
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import CallArrived
from calls.ports import CallChannel, Keys, QueueRequest
from config.neighbours import Neighbours
from config.settings import AgiSettings
from tests.fakes.asterisk_agi import DEAD, FakeAsterisk, FakeLine, header

pytestmark = pytest.mark.integration

Dialog = Callable[[CallChannel], Awaitable[None]]
GREETING = "http://127.0.0.1:8080/prompts/a.wav"
MENU = "http://127.0.0.1:8080/prompts/b.wav"


@dataclass
class Journal:
    news: list[tuple[Any, ...]]
    fails: bool = False
    gate: asyncio.Event | None = None

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise OSError("disk full")
        self.news.append(("journaled", call.id))

    async def open_calls(self, system: str) -> Sequence[CallId]:
        return []

    async def open_placed(self, system: str) -> Sequence[CallId]:
        return ()


@dataclass
class Watcher:
    news: list[tuple[Any, ...]]
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        self.news.append(("started", call_id))

    def dialog_ended(
        self, call_id: CallId, *, hung_up: bool, queued: bool, left_for: CallOutcome | None = None
    ) -> None:
        self.news.append(("ended", call_id, hung_up, queued))
        self.ended.set()


@dataclass
class World:
    server: AgiServer
    asterisk: FakeAsterisk
    journal: Journal
    watcher: Watcher
    bus: EventBus
    news: list[tuple[Any, ...]]

    @property
    def ends(self) -> list[tuple[bool, bool]]:
        """(hung_up, queued) of every dialog that ended."""
        return [entry[2:] for entry in self.news if entry[0] == "ended"]

    async def served(self) -> None:
        """The next call goes well."""
        line = await self.asterisk.call(keys=["1"])
        assert line.route == "queue"

    async def idle(self) -> None:
        """Nothing is left of any connection: no session, no socket, no task."""
        counters = self.server.counters
        await until(lambda: counters.live == counters.waiting == 0)
        await until(lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("agi:")])


async def until(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.001)


async def greet_and_queue(channel: CallChannel) -> None:
    await channel.answer()
    await channel.begin_dialog()
    await channel.play([GREETING])
    await channel.ask([MENU], max_digits=1, timeout_s=4)
    await channel.to_queue(QueueRequest("support", priority=3, hold_class="hold-1.1"))


@asynccontextmanager
async def serving(
    handler: Dialog = greet_and_queue,
    *,
    withdrawn: Dialog | None = None,
    command_s: float = 60.0,
    journal_s: float = 60.0,
    near: Neighbours | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    news: list[tuple[Any, ...]] = []
    journal, watcher = Journal(news), Watcher(news)

    async def note(event: CallArrived) -> None:
        news.append(("arrived", event.call_id, event.fallback))

    async with EventBus() as bus:
        bus.subscribe("test", note, CallArrived)
        server = AgiServer(
            settings=AgiSettings(port=0, **settings),
            system="pbx",
            more_systems=["branch"],
            near=near,
            journal=journal,
            bus=bus,
            calls=watcher,
            handler=handler,
            withdrawn=withdrawn,
            journal_deadline_s=journal_s,
            deadlines=CommandDeadlines(quick_s=command_s, sound_s=command_s),
        )
        await server.start()
        try:
            yield World(server, FakeAsterisk("127.0.0.1", server.port), journal, watcher, bus, news)
        finally:
            await server.stop(0)
            await until(lambda: not open_agi_tasks())


def open_agi_tasks() -> list[str]:
    return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("agi:")]


@asynccontextmanager
async def loop_lag(limit_ms: float = 50.0, frozen_ms: float = 1000.0) -> AsyncIterator[None]:
    """Fails where the loop, in the body, worked for longer than `limit_ms` before it came back, or
    was away for `frozen_ms` whatever it did. The first is processor time: on a shared machine a
    late wake-up is often nobody's fault, and work that blocks everybody else is. What the test
    session left behind is frozen first: walking through it is not the server's work (which does
    the same with what it has after starting)."""
    gc.collect()
    gc.freeze()
    worst_work_s = worst_away_s = 0.0

    async def watch() -> None:
        nonlocal worst_work_s, worst_away_s
        while True:
            began, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.002)
            worst_work_s = max(worst_work_s, time.thread_time() - worked)
            worst_away_s = max(worst_away_s, time.perf_counter() - began)

    task = asyncio.create_task(watch(), name="loop-lag")
    try:
        # What waits for files, locks or sockets uses no processor and blocks all the same.
        with blockbuster_ctx(["ami_bridge", "calls"]):
            yield
    finally:
        task.cancel()
        gc.unfreeze()
    assert worst_work_s * 1000 < limit_ms
    assert worst_away_s * 1000 < frozen_ms


def sockets() -> int:
    return sum(1 for fd in Path("/proc/self/fd").iterdir() if "socket" in str(_target(fd)))


def _target(fd: Path) -> Path | None:
    try:
        return fd.readlink()
    except FileNotFoundError:
        return None


# One call -----------------------------------------------------------------------------------


async def test_a_call_from_header_to_queue() -> None:
    async with serving() as world:
        line = await world.asterisk.call(keys=["1"], linkedid="1.1")
        await world.idle()
        await world.bus.drain()
        call_id = CallId("pbx", "1.1")
        assert line.commands == [
            "ANSWER",
            'SET VARIABLE "TIMEOUT(absolute)" "60.000"',
            f'STREAM FILE "{GREETING}" "0123456789*#" 0',
            f'GET DATA "{MENU}" 4000 1',
            'SET VARIABLE "SWB_QUEUE" "support"',
            'SET VARIABLE "SWB_QUEUE_TIMEOUT" "600"',
            'SET VARIABLE "QUEUE_PRIO" "3"',
            'SET VARIABLE "CHANNEL(musicclass)" "hold-1.1"',
            'SET VARIABLE "SWB_ROUTE" "queue"',
            'SET VARIABLE "SWB_DONE" "1"',
        ]
        assert sorted(world.news) == sorted(
            [
                ("journaled", call_id),
                ("started", call_id),
                ("arrived", call_id, False),
                ("ended", call_id, False, True),
            ]
        )
        assert world.server.counters.total == 1


async def test_the_call_is_on_disk_before_the_first_command() -> None:
    async with serving() as world:
        world.journal.gate = asyncio.Event()
        line = await world.asterisk.dial()
        first = asyncio.create_task(line.command())
        await until(lambda: world.server.counters.live == 1)
        assert not first.done()
        assert world.news == []
        world.journal.gate.set()
        assert await first == "ANSWER"
        assert [entry[0] for entry in world.news[:2]] == ["journaled", "started"]
        await line.vanish()


async def test_hanging_up_on_the_caller_completes_the_dialog() -> None:
    async def send_away(channel: CallChannel) -> None:
        await channel.hang_up()

    async with serving(send_away) as world:
        line = await world.asterisk.call()
        assert line.route == "hangup"
        assert line.commands[-1] == 'SET VARIABLE "SWB_DONE" "1"'
        await world.idle()
        assert world.ends == [(False, False)]


async def test_under_uvloop_too() -> None:
    async def one() -> str:
        async with serving() as world:
            line = await world.asterisk.call(keys=["1"])
            gone = await world.asterisk.call(hang_up_after=2)
            await world.idle()
            return f"{line.route} {gone.route}"

    def run() -> str:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(one())

    assert await asyncio.to_thread(run) == "queue fallback"


# Keys ---------------------------------------------------------------------------------------


async def heard(ask: Callable[[CallChannel], Awaitable[None]], **call: Any) -> FakeLine:
    """The line of a call whose dialog is `ask`."""
    failures: list[BaseException] = []

    async def dialog(channel: CallChannel) -> None:
        try:
            await ask(channel)
        except AssertionError as error:
            failures.append(error)
        await channel.hang_up()

    async with serving(dialog) as world:
        line = await world.asterisk.call(**call)
        await world.idle()
    if failures:
        raise failures[0]
    return line


async def test_keys_pressed_while_playing_count_for_the_next_question() -> None:
    async def ask(channel: CallChannel) -> None:
        await channel.play([GREETING, MENU])
        assert await channel.ask([MENU], max_digits=1, timeout_s=1) == Keys("2", False)
        assert await channel.ask([MENU], max_digits=3, timeout_s=1) == Keys("745", False)

    line = await heard(ask, keys_during={GREETING: "2", MENU: "7"}, keys=["45"])
    # The key stops the sound and it goes on where it was; the typed-ahead digit silences the menu.
    assert f'STREAM FILE "{GREETING}" "0123456789*#" 4000' in line.commands
    assert 'GET DATA "" 1000 2' in line.commands
    assert line.played == [GREETING, MENU]


async def test_the_hash_key_ends_an_entry_and_is_a_key_in_a_menu() -> None:
    async def ask(channel: CallChannel) -> None:
        assert await channel.ask([MENU], max_digits=5, timeout_s=1) == Keys("12", False)
        assert await channel.ask([MENU], max_digits=5, timeout_s=1) == Keys("", False)
        assert await channel.ask([MENU], max_digits=1, timeout_s=1) == Keys("#", False)
        assert await channel.ask([MENU], max_digits=5, timeout_s=1) == Keys("34", True)
        assert await channel.ask([], max_digits=1, timeout_s=1) == Keys("", True)

    await heard(ask, keys=["12#", "#", "#", "34", None])


async def test_a_hash_typed_ahead_ends_the_entry() -> None:
    async def ask(channel: CallChannel) -> None:
        await channel.play([GREETING, MENU])
        assert await channel.ask([], max_digits=5, timeout_s=1) == Keys("4", False)

    line = await heard(ask, keys_during={GREETING: "4", MENU: "#"})
    assert not [command for command in line.commands if command.startswith("GET DATA")]


async def test_a_question_of_several_sounds_stops_at_the_key() -> None:
    async def ask(channel: CallChannel) -> None:
        assert await channel.ask(["a", "b", "c"], max_digits=1, timeout_s=1) == Keys("5", False)
        assert await channel.ask(["d", "e", "f"], max_digits=1, timeout_s=1) == Keys("6", False)
        assert await channel.ask(["g", "h"], max_digits=3, timeout_s=1) == Keys("78", True)

    line = await heard(ask, keys=["5", "8"], keys_during={"d": "6", "g": "7"})
    assert line.played == ["a", "b", "c", "d", "g"]
    assert 'GET DATA "c" 1000 1' in line.commands
    assert 'GET DATA "" 1000 2' in line.commands


async def test_a_sound_that_cannot_be_played_is_left_out() -> None:
    async def ask(channel: CallChannel) -> None:
        await channel.play([GREETING])
        assert await channel.ask([MENU], max_digits=1, timeout_s=1) == Keys("3", False)

    def broken_sounds(command: Sequence[str]) -> str | None:
        return "200 result=-1" if GREETING in command or MENU in command else None

    line = await heard(ask, script=broken_sounds, keys=["3"])
    assert line.commands.count("CHANNEL STATUS") == 2
    assert line.route == "hangup"


async def test_what_would_change_the_command_is_refused() -> None:
    async def ask(channel: CallChannel) -> None:
        for sounds in (["a&b"], [""], ["a\nb"], ["x" * 8000, "y"]):
            with pytest.raises(UnsafeCommand):
                await channel.ask(sounds, max_digits=1, timeout_s=1)
        for queue in ("a,b", "", "x" * 41, "q\n"):
            with pytest.raises(UnsafeCommand):
                await channel.to_queue(QueueRequest(queue))
        with pytest.raises(UnsafeCommand):
            await channel.to_queue(QueueRequest("support", hold_class="a b"))
        with pytest.raises(UnsafeCommand):
            await channel.set_language("en)(")

    line = await heard(ask)
    assert [command.split('"')[1] for command in line.commands] == [
        "TIMEOUT(absolute)",
        "SWB_ROUTE",
        "SWB_DONE",
    ]
    assert line.route == "hangup"


# Peers that are no calls ----------------------------------------------------------------------

NO_CALLS = {
    "connect and close": b"",
    "half a header": header()[:200],
    "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c4"),
    "line over 8 kB": b"agi_network: " + b"x" * 9000,
    "header over 8 kB": b"agi_network: yes\n" + b"agi_x: y\n" * 1000,
    "too many lines": b"".join(b"agi_%d: \n" % n for n in range(150)) + b"\n",
    "key twice": b"agi_uniqueid: 1.1\nagi_uniqueid: 1.2\n\n",
    "binary": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("block", NO_CALLS.values(), ids=NO_CALLS.keys())
async def test_a_peer_that_is_no_call_costs_nothing(
    block: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as world, loop_lag():
        before = sockets()
        line = await world.asterisk.dial(block)
        await line.close()
        await until(lambda: world.server.counters.bad == 1)
        await world.idle()
        await until(lambda: sockets() == before)
        assert world.news == []
        assert not [r for r in caplog.records if r.levelno > logging.DEBUG]
        await world.served()


@pytest.mark.parametrize("block", [b"", header()[:-1]], ids=["silent", "no empty line"])
async def test_a_request_that_does_not_come_is_cut_off(block: bytes) -> None:
    async with serving(header_deadline_s=0.1) as world:
        line = await world.asterisk.dial(block)
        async with asyncio.timeout(20):
            await line.until_closed()
        assert world.server.counters.bad == 1
        await world.served()


async def test_no_line_break_is_awaited_from_a_peer_that_sends_none() -> None:
    async with serving(header_deadline_s=30) as world:
        line = await world.asterisk.dial(b"agi_network: " + b"x" * 9000)
        async with asyncio.timeout(20):
            await line.until_closed()
        assert world.server.counters.bad == 1


async def test_a_flood_of_silent_peers_gives_way_to_asterisk() -> None:
    async with serving(header_deadline_s=30, max_sessions=3) as world:
        lines = [await world.asterisk.dial(b"") for _ in range(5)]
        await until(lambda: world.server.counters.bad == 2)
        assert await lines[0].command() is None
        await world.served()
        for line in lines:
            await line.close()


async def test_a_script_that_is_not_ours_is_left_to_the_fallback() -> None:
    async with serving() as world:
        line = await world.asterisk.call(script=None, overrides={"agi_network_script": "other"})
        assert line.commands == []
        assert line.route == "fallback"
        assert world.news == []


@pytest.mark.parametrize(
    "overrides",
    [
        {"agi_calleridname": b'<img src=x onerror=y>\x1b[2J\x01"\\,;\xff\xe9'},
        {"agi_callerid": "100&PJSIP/evil", "agi_calleridname": "HANGUP"},
        {"agi_callerid": b"\xf0\x28\x8c\x28", "agi_language": b"\x00en"},
        {"agi_extension": b"$" + b"{SHELL(id)}", "agi_arg_1": "a b\tc"},
    ],
)
async def test_hostile_names_and_numbers_are_served(overrides: dict[str, str | bytes]) -> None:
    async with serving() as world, loop_lag():
        before = sockets()
        assert (await world.asterisk.call(keys=["1"], overrides=overrides)).route == "queue"
        await world.idle()
        await until(lambda: sockets() == before)
        assert [entry[0] for entry in world.news].count("journaled") == 1
        await world.served()


# Limits and faults ----------------------------------------------------------------------------


async def test_beyond_the_limit_the_fallback_serves() -> None:
    async with serving(max_sessions=1) as world:
        first = await world.asterisk.dial()
        assert await first.command() == "ANSWER"
        second = await world.asterisk.call()
        assert (second.route, second.commands) == ("fallback", [])
        assert world.server.counters.refused == 1
        await first.vanish()
        await world.idle()
        await world.served()


@pytest.mark.parametrize("slow", [False, True], ids=["fails", "hangs"])
async def test_a_journal_that_fails_leaves_the_caller_to_the_fallback(
    slow: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(journal_s=0.3) as world:
        world.journal.fails = True
        world.journal.gate = asyncio.Event() if slow else None
        line = await world.asterisk.call()
        assert (line.route, line.commands) == ("fallback", [])
        await world.idle()
        assert world.news == []
        assert world.server.counters.failed == 1
        assert "could not be journaled" in caplog.text


@pytest.mark.parametrize("error", [ValueError("boom"), ChannelBroken("gone"), None])
async def test_a_dialog_that_fails_leaves_the_caller_to_the_fallback(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def dialog(channel: CallChannel) -> None:
        await channel.begin_dialog()
        if error is not None:
            raise error

    async with serving(dialog) as world:
        line = await world.asterisk.call(number="+12025550177", name="Maria")
        assert line.route == "fallback"
        await world.idle()
        assert world.ends == [(False, True)]
        assert world.server.counters.failed == 1
        assert "fallback" in caplog.text
        assert "5550177" not in caplog.text
        assert "Maria" not in caplog.text


async def test_a_silent_asterisk_is_given_up() -> None:
    async with serving(command_s=0.1) as world:
        line = await world.asterisk.dial()
        assert await line.command() == "ANSWER"
        async with asyncio.timeout(20):
            await line.until_closed()
        await world.idle()
        assert world.ends == [(False, True)]


@pytest.mark.parametrize(
    "answer",
    [b"garbage\n", b"510 Invalid or unknown command\n", b"200 result=0\n200 result=0\n"],
    ids=["garbage", "refused", "two replies"],
)
async def test_a_line_out_of_step_is_closed(answer: bytes) -> None:
    async with serving() as world:
        line = await world.asterisk.dial()
        await line.command()
        await line.send(answer)
        async with asyncio.timeout(20):
            await line.until_closed()
        await world.idle()
        assert world.ends == [(False, True)]
        assert line.route == "fallback"


async def test_an_abandoned_command_closes_the_line() -> None:
    async def impatient(channel: CallChannel) -> None:
        try:
            async with asyncio.timeout(0.05):
                await channel.play([GREETING])
        except TimeoutError:
            await channel.hang_up()

    async with serving(impatient) as world:
        line = await world.asterisk.dial()
        assert "TIMEOUT(absolute)" in (await line.command() or "")
        await line.reply("200 result=1")
        assert (await line.command() or "").startswith("STREAM FILE")
        await line.until_closed()
        assert len(line.commands) == 2
        await world.idle()
        assert world.ends == [(False, True)]


# The caller leaves ----------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(10))
async def test_the_task_is_gone_soon_after_the_caller(step: int) -> None:
    async with serving() as world, loop_lag():
        line = await world.asterisk.dial()
        for _ in range(step):
            await line.command()
            await line.reply("200 result=0 endpos=1")
        await line.command()
        started = time.perf_counter()
        await line.hang_up()
        async with asyncio.timeout(20):
            await line.until_closed()
        await world.idle()
        assert time.perf_counter() - started < 5
        assert world.ends == [(True, False)]
        assert len(line.commands) == step + 1
        await world.served()


@pytest.mark.parametrize("reply_first", [True, False])
async def test_the_reply_of_the_interrupted_command_is_no_news(reply_first: bool) -> None:
    async with serving() as world:
        line = await world.asterisk.dial()
        await line.command()
        lines = [b"200 result=-1 endpos=0\n", b"HANGUP\n"]
        await line.send(b"".join(lines if reply_first else reversed(lines)))
        await line.until_closed()
        await world.idle()
        assert world.ends == [(True, False)]


async def test_a_line_that_closes_after_a_failed_sound_is_a_caller_who_left() -> None:
    async with serving() as world:
        line = await world.asterisk.dial()
        await line.command()
        await line.reply("200 result=-1")
        assert await line.command() == "CHANNEL STATUS"
        await line.vanish()
        await world.idle()
        assert world.ends == [(True, False)]


async def test_a_dead_channel_is_a_caller_who_left() -> None:
    async with serving() as world:
        line = await world.asterisk.dial()
        await line.command()
        await line.reply(DEAD)
        await line.until_closed()
        await world.idle()
        assert world.ends == [(True, False)]


async def test_a_hang_up_ends_a_dialog_that_waits_for_something_else() -> None:
    looking_up = asyncio.Event()
    cancelled: list[bool] = []

    async def look_up(channel: CallChannel) -> None:
        looking_up.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(channel.hung_up)
            raise

    async with serving(look_up) as world:
        line = await world.asterisk.dial()
        await looking_up.wait()
        started = time.perf_counter()
        await line.hang_up()
        await line.until_closed()
        await world.idle()
        assert time.perf_counter() - started < 5
        assert cancelled == [True]
        assert world.ends == [(True, False)]


async def test_every_command_after_the_hang_up_raises() -> None:
    raised: list[str] = []

    async def stubborn(channel: CallChannel) -> None:
        for attempt in range(3):
            try:
                await channel.play([GREETING])
            except CallerHungUp:
                raised.append(f"hung up {attempt}")

    async with serving(stubborn) as world:
        line = await world.asterisk.dial()
        await line.command()
        await line.hang_up()
        await line.until_closed()
        assert len(line.commands) == 1
    assert raised == ["hung up 0", "hung up 1", "hung up 2"]


async def test_a_caller_who_leaves_while_the_call_is_journaled_is_still_one_call() -> None:
    async with serving() as world:
        world.journal.gate = asyncio.Event()
        line = await world.asterisk.dial()
        await until(lambda: world.server.counters.live == 1)
        await line.hang_up()
        await line.close()
        world.journal.gate.set()
        await world.idle()
        await world.bus.drain()
        assert [entry[0] for entry in world.news] == ["journaled", "started", "ended", "arrived"]
        # Or the dialplan took them back: we may have been frozen since they came.
        assert world.ends == [(True, True)]
        assert line.commands == []


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end of stream"])
async def test_the_peer_vanishes_at_every_byte(reset: bool) -> None:
    """A scripted session, cut after each byte Asterisk would have sent."""
    block = header(linkedid="1.1")
    replies = [b"200 result=0\n", b"200 result=1\n", b"HANGUP\n"]
    whole = len(block) + sum(map(len, replies))
    async with serving() as world, loop_lag():
        before = sockets()
        for cut in range(whole):
            line = await world.asterisk.dial(block[:cut])
            left = cut - len(block)
            for reply in replies:
                if left <= 0:
                    break
                await line.command()
                await line.send(reply[:left])
                left -= len(reply)
            await (line.vanish() if reset else line.close())
        await world.idle()
        await until(lambda: sockets() <= before)
        assert len(world.ends) == whole - len(block)
        assert all(hung_up is False for hung_up, _ in world.ends)
        await world.served()


# Stopping -------------------------------------------------------------------------------------


async def test_stopping_lets_a_dialog_end_and_gives_the_others_to_the_fallback() -> None:
    async with serving() as world:
        quick = await world.asterisk.dial()
        assert await quick.command() == "ANSWER"
        stuck = await world.asterisk.dial()
        assert await stuck.command() == "ANSWER"
        silent = await world.asterisk.dial(b"")
        await until(lambda: world.server.counters.waiting == 1)
        stopping = asyncio.create_task(world.server.stop(0.5))
        assert await silent.command() is None
        command: str | None = "ANSWER"
        while command is not None:
            await quick.reply("200 result=0 endpos=0")
            command = await quick.command()
        assert quick.commands[-1] == 'SET VARIABLE "SWB_DONE" "1"'
        async with asyncio.timeout(20):
            await stopping
            assert await stuck.command() is None
        await world.idle()
        assert sorted(world.ends) == [(False, True), (False, True)]
        with pytest.raises(ConnectionRefusedError):
            await world.asterisk.dial()
        for line in (quick, stuck, silent):
            await line.close()


async def test_a_burst_of_calls_is_served_and_nothing_is_left() -> None:
    async with serving() as world, loop_lag(100):
        before = sockets()
        lines = await asyncio.gather(*(world.asterisk.call(keys=["1"]) for _ in range(100)))
        assert [line.route for line in lines] == ["queue"] * 100
        await world.idle()
        await until(lambda: sockets() == before)
        assert world.server.counters.total == 100


async def test_each_of_several_asterisks_has_calls_of_its_own_and_a_strange_one_has_none() -> None:
    unique = {"agi_uniqueid": "1760000000.7", "agi_arg_1": "1760000000.7"}
    async with serving() as world:
        for script in ("inbound", "inbound?system=branch", "inbound?system=elsewhere"):
            await world.asterisk.call(
                keys=["1"], overrides={**unique, "agi_network_script": script}
            )
        await world.idle()
        started = [entry[1] for entry in world.news if entry[0] == "started"]
    assert [str(call_id) for call_id in started] == ["pbx/1760000000.7", "branch/1760000000.7"]
    assert world.server.counters.bad == 1


async def test_whoever_was_let_in_before_the_stop_is_still_served() -> None:
    """Asterisk asks nobody else then: it has a connection."""
    block = header()
    async with serving() as world:
        line = await world.asterisk.dial(block[:40])
        await until(lambda: world.server.counters.waiting == 1)
        stopping = asyncio.create_task(world.server.stop(30), name="stop")
        await until(lambda: world.server.port == 0)
        await line.send(block[40:])
        assert await line.command() == "ANSWER"
        await line.hang_up()
        await line.until_closed()
        await stopping
        assert world.ends == [(True, False)]
