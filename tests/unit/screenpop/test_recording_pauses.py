"""An agent pauses the recording of their call: what they are told is what the line does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from calls import events
from calls.call import CallId
from calls.errors import DeadlineExceeded, Unavailable
from screenpop.pops import recording_pauses
from screenpop.pops.recording_pauses import NotPaused, RecordingPauses
from storage.audit_chain import Entry
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.ringing_call import RingingCall, now, victoria
from tests.unit.screenpop.test_pops import A, B, Desk
from tests.waiting import wait_until

pytestmark = pytest.mark.unit

REFUSED = Unavailable("Cannot set mute flag")
AWAY = Unavailable("no AMI connection")


class Scene(Desk):
    """Anna and Ben with their pops, and a line."""

    def __init__(self, limit_s: float = 600.0) -> None:
        super().__init__()
        self.line = FakeRecordings()
        self.entries: list[Entry] = []
        #: What whoever follows the calls was told.
        self.published: list[tuple[CallId, bool]] = []
        #: Each wait before a line is muted anew, and what happens meanwhile.
        self.waits: list[float] = []
        self.is_back_after = 1
        self.pauses = RecordingPauses(
            pops=self.pops,
            recordings=self.line,
            limit_s=limit_s,
            tell=self.hub.tell,
            stored=self._stored,
            publish=lambda event: self.published.append((event.call_id, event.on)),
            audit=self.entries.append,
            pause=self._wait,
        )

    async def _stored(self) -> None:
        return None

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= self.is_back_after:
            self.line.refusal = None

    async def hears(self, *happened: events.CallEvent | Iterable[events.CallEvent]) -> None:
        for event in happened:
            for one in [event] if isinstance(event, events.CallEvent) else event:
                await super().hears(one)
                self.pauses.handle(one)

    async def talks(self, *, recorded: bool = True) -> tuple[RingingCall, str]:
        """Anna has a caller; the call and her pop."""
        call = RingingCall()
        await self.hears(call.until_ringing(victoria(), A))
        if recorded:
            await self.hears(recording(call))
        await self.hears(call.answered(A))
        return call, self.pops.talks_now("anna")[-1].pop_id

    def states(self, login: str = "anna") -> list[str]:
        told = [f for f in self.desktops[login].frames if f["kind"] == "call.recording"]
        return [frame["state"] for frame in told]

    def notices(self, login: str = "anna") -> list[str]:
        return [f["code"] for f in self.desktops[login].frames if f["kind"] == "notice"]

    def audited(self) -> list[tuple[str, str, str | None, Any]]:
        return [
            (one.action, one.result, one.actor, next(iter(one.details.values())))
            for one in self.entries
        ]


def recording(call: RingingCall, *, on: bool = True) -> events.LineRecorded:
    return events.LineRecorded(call.id, now(), on)


@asynccontextmanager
async def opened(limit_s: float = 600.0) -> AsyncIterator[Scene]:
    scene = Scene(limit_s)
    try:
        yield scene
    finally:
        await scene.pauses.close()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with opened() as scene:
        yield scene


async def test_who_talks_is_told_whether_they_are_recorded(scene: Scene) -> None:
    call, pop_id = await scene.talks(recorded=False)
    await scene.hears(recording(call), recording(call), recording(call, on=False))
    assert scene.states() == ["off", "on", "off"]
    [told] = scene.pauses.of("anna")
    assert (told.pop_id, told.state, told.since) == (pop_id, "off", None)
    assert scene.states("ben") == []
    assert scene.pauses.of("ben") == ()


async def test_a_pause_silences_the_line_until_it_goes_on(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    before = now()
    told, ended = await scene.pauses.set("anna", pop_id, paused=True)
    assert (told.state, told.mine, ended) == ("paused", True, False)
    assert told.since is not None
    assert told.since >= before.timestamp() * 1000
    assert scene.line.muted == {call.id}
    [pop] = scene.pops.talkers(call.id)
    assert pop.paused_at is not None
    assert scene.pauses.of("anna")[0].model_copy(update={"ts": told.ts}) == told
    # Pressed again, it is what it was.
    assert (await scene.pauses.set("anna", pop_id, paused=True))[0].since == told.since
    told, _ = await scene.pauses.set("anna", pop_id, paused=False)
    assert (told.state, told.since, pop.paused_at) == ("on", None, None)
    assert scene.line.asked == ["mute", "unmute"]
    assert scene.states() == ["on", "paused", "on"]
    assert scene.audited() == [
        ("pause_recording", "done", "anna", "paused"),
        ("resume_recording", "done", "anna", "agent"),
    ]
    assert {one.subject for one in scene.entries} == {str(call.id)}
    assert scene.published == [(call.id, True), (call.id, False)]


async def test_two_desktops_that_press_at_once_pause_once(scene: Scene) -> None:
    _, pop_id = await scene.talks()
    both = [scene.pauses.set("anna", pop_id, paused=True) for _ in range(2)]
    assert [told.state for told, _ in await asyncio.gather(*both)] == ["paused", "paused"]
    assert scene.line.asked == ["mute"]


async def test_only_who_talks_in_the_call_may(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    with pytest.raises(NotPaused, match="no longer in this call") as no:
        await scene.pauses.set("ben", pop_id, paused=True)
    assert no.value.code == "no_call"
    rings = RingingCall()
    await scene.hears(rings.until_ringing(victoria(), B), recording(rings))
    [offered] = [pop for pop in scene.pops.snapshot("ben") if pop.state == "offered"]
    for login, pop in (("ben", offered.pop_id), ("anna", "nobody's")):
        with pytest.raises(NotPaused):
            await scene.pauses.set(login, pop, paused=True)
    await scene.hears(call.released(A))
    with pytest.raises(NotPaused):
        await scene.pauses.set("anna", pop_id, paused=True)
    assert (scene.line.asked, scene.entries) == ([], [])


async def test_what_cannot_be_paused_is_ended_and_the_agent_told(scene: Scene) -> None:
    _, pop_id = await scene.talks()
    scene.line.refusal = REFUSED
    told, ended = await scene.pauses.set("anna", pop_id, paused=True)
    assert (told.state, ended) == ("off", True)
    assert scene.line.asked == ["mute", "stop"]
    assert scene.audited() == [("pause_recording", "done", "anna", "ended")]


async def test_a_late_answer_may_have_muted_it(scene: Scene) -> None:
    _, pop_id = await scene.talks()
    scene.line.refusal = DeadlineExceeded("late")
    _, ended = await scene.pauses.set("anna", pop_id, paused=True)
    assert ended
    assert scene.line.asked == ["mute", "stop", "unmute"]


async def test_where_nobody_records_nothing_is_ended(scene: Scene) -> None:
    _, pop_id = await scene.talks(recorded=False)
    scene.line.refusal = REFUSED
    told, ended = await scene.pauses.set("anna", pop_id, paused=True)
    assert (told.state, ended) == ("off", False)


async def test_where_nothing_helps_nobody_is_told_of_a_pause(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    scene.line.refusal = scene.line.stop_refusal = AWAY
    with pytest.raises(NotPaused, match="may still be recorded") as no:
        await scene.pauses.set("anna", pop_id, paused=True)
    assert no.value.code == "pause_failed"
    assert scene.states()[-1] == "unsure"
    assert "paused" not in scene.states()
    assert scene.line.asked == ["mute", "stop", "unmute"]
    assert scene.pops.talkers(call.id)[0].paused_at is None
    assert scene.audited() == [("pause_recording", "failed", "anna", "failed")]
    # It can be tried again.
    scene.line.refusal = None
    assert (await scene.pauses.set("anna", pop_id, paused=True))[0].state == "paused"


async def test_what_nobody_foresaw_is_no_pause_either(scene: Scene) -> None:
    _, pop_id = await scene.talks()
    scene.line.refusal = RuntimeError("a fault of ours")
    with pytest.raises(RuntimeError):
        await scene.pauses.set("anna", pop_id, paused=True)
    assert scene.states()[-1] == "unsure"
    assert scene.line.asked == ["mute", "unmute"]


async def test_it_is_paused_until_it_is_recorded_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_pauses, "RESUMED_WITHIN_S", 0.01)
    _, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    scene.line.hears.clear()
    for _ in range(2):
        told, _ = await scene.pauses.set("anna", pop_id, paused=False)
        assert told.state == "paused"
    scene.line.hears.set()
    await wait_until(lambda: scene.states()[-1] == "on")
    assert scene.line.asked == ["mute", "unmute"]


async def test_who_pauses_before_it_is_recorded_again_is_not_deceived(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_pauses, "RESUMED_WITHIN_S", 0.01)
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    scene.line.hears.clear()
    await scene.pauses.set("anna", pop_id, paused=False)
    told, _ = await scene.pauses.set("anna", pop_id, paused=True)
    assert (told.state, told.mine, scene.line.muted) == ("paused", True, {call.id})
    scene.line.hears.set()
    await scene.pauses.close()
    assert scene.pauses.of("anna")[0].state == "paused"
    assert scene.line.asked == ["mute", "unmute", "mute"]
    assert [one[3] for one in scene.audited()] == ["paused", "agent", "paused"]


async def test_the_next_agent_pauses_as_the_first_one_leaves(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    await scene.hears(call.ringing(B), call.answered(B))
    await scene.pauses.set("anna", pop_id, paused=True)
    [bens] = scene.pauses.of("ben")
    await scene.hears(call.released(A, transferred=True))
    told, _ = await scene.pauses.set("ben", bens.pop_id, paused=True)
    assert (told.state, told.mine) == ("paused", True)
    assert scene.line.asked == ["mute", "mute"]
    assert [(one[0], one[2]) for one in scene.audited()] == [
        ("pause_recording", "anna"),
        ("resume_recording", None),
        ("pause_recording", "ben"),
    ]


async def test_who_begins_to_record_in_a_pause_is_silenced_too(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    await scene.hears(recording(call))
    assert scene.states()[-1] == "unsure"
    await wait_until(lambda: scene.states()[-1] == "paused")
    assert scene.line.asked == ["mute", "mute"]
    # It has the end that it had.
    told, _ = await scene.pauses.set("anna", pop_id, paused=False)
    assert (told.state, scene.notices()) == ("on", [])


async def test_who_begins_to_record_in_a_pause_and_cannot_be_silenced_is_ended(
    scene: Scene,
) -> None:
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    scene.line.refusal = REFUSED
    await scene.hears(recording(call))
    await wait_until(lambda: scene.notices() == ["recording_ended"])
    assert (scene.states()[-1], scene.line.asked) == ("off", ["mute", "mute", "stop"])
    assert scene.waits == []


@pytest.mark.parametrize(
    ("others", "state"), [(1, "paused"), (recording_pauses.MUTED_AT_MOST, "unsure")]
)
async def test_who_begins_to_record_while_it_is_muted_is_muted_as_well(
    scene: Scene, others: int, state: str
) -> None:
    """A PBX that begins again and again is not believed to be silent."""
    call, pop_id = await scene.talks()
    scene.line.answers.clear()
    pressed = asyncio.create_task(scene.pauses.set("anna", pop_id, paused=True))
    for number in range(1, others + 1):
        await wait_until(lambda asked=number: len(scene.line.asked) == asked)
        await scene.hears(recording(call))
        scene.line.answers.set()
        if number < others:
            scene.line.answers.clear()
    [came] = await asyncio.gather(pressed, return_exceptions=True)
    assert isinstance(came, NotPaused) == (state == "unsure")
    assert scene.states()[-1] == state
    assert scene.line.asked.count("mute") == min(others + 1, recording_pauses.MUTED_AT_MOST)


async def test_a_pause_has_an_end_and_the_agent_is_told() -> None:
    async with opened(limit_s=0.02) as scene:
        _, pop_id = await scene.talks()
        await scene.pauses.set("anna", pop_id, paused=True)
        await wait_until(lambda: scene.notices() == ["recording_goes_on"])
        assert scene.states() == ["on", "paused", "on"]
        assert scene.line.asked == ["mute", "unmute"]
        assert scene.audited()[-1] == ("resume_recording", "done", None, "limit")


async def test_it_ends_with_the_part_of_who_paused_it(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    await scene.hears(call.ringing(B), call.answered(B))
    await scene.pauses.set("anna", pop_id, paused=True)
    [bens] = scene.pauses.of("ben")
    assert (bens.state, bens.mine) == ("paused", False)
    with pytest.raises(NotPaused) as no:
        await scene.pauses.set("ben", bens.pop_id, paused=False)
    assert no.value.code == "pause_of_another"
    await scene.hears(call.released(A, transferred=True))
    await wait_until(lambda: scene.states("ben")[-1] == "on")
    assert scene.line.asked == ["mute", "unmute"]
    assert scene.audited()[-1] == ("resume_recording", "done", None, "left")


async def test_the_end_of_the_call_ends_it_and_nothing_is_asked_any_more(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    [pop] = scene.pops.talkers(call.id)
    await scene.hears(call.ended(), recording(call, on=False))
    await scene.pauses.close()
    assert (pop.state, pop.paused_at) == ("wrapup", None)
    assert scene.line.asked == ["mute"]
    assert scene.states() == ["on", "paused"]


async def test_who_takes_over_mutes_anew_before_anybody_is_told(scene: Scene) -> None:
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    pops = scene.pops.talkers(call.id)
    async with opened() as next_one:
        next_one.pops.restore(pops)
        next_one.pauses.restore(pops)
        assert next_one.pauses.of("anna")[0].state == "unsure"
        next_one.line.refusal, next_one.is_back_after = AWAY, 3
        await next_one.hears(events.CallRemembered(call.id, now(), call.call, recorded=True))
        await wait_until(lambda: next_one.states()[-1:] == ["paused"])
        assert next_one.line.muted == {call.id}
        assert len(next_one.waits) == 3
        told, _ = await next_one.pauses.set("anna", pop_id, paused=False)
        assert told.state == "on"


async def test_who_takes_over_ends_what_it_cannot_mute(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_pauses, "ANEW_TRIES", 2)
    call, pop_id = await scene.talks()
    await scene.pauses.set("anna", pop_id, paused=True)
    pops = scene.pops.talkers(call.id)
    async with opened() as next_one:
        next_one.pops.restore(pops)
        next_one.pauses.restore(pops)
        next_one.line.refusal, next_one.is_back_after = REFUSED, 99
        await next_one.hears(events.CallRemembered(call.id, now(), call.call, recorded=True))
        await wait_until(lambda: next_one.notices() == ["recording_ended"])
        assert next_one.states()[-1] == "off"
        assert next_one.line.asked == ["mute", "mute", "mute", "stop"]


async def test_the_time_of_a_pause_goes_on_where_it_was() -> None:
    async with opened(limit_s=60) as scene:
        call, pop_id = await scene.talks()
        await scene.pauses.set("anna", pop_id, paused=True)
        pops = scene.pops.talkers(call.id)
        pops[0].paused_at = now() - timedelta(seconds=61)
        async with opened(limit_s=60) as next_one:
            next_one.pops.restore(pops)
            next_one.pauses.restore(pops)
            await next_one.hears(events.CallRemembered(call.id, now(), call.call, recorded=True))
            await wait_until(lambda: next_one.notices() == ["recording_goes_on"])


async def test_of_what_was_not_heard_nobody_is_sure(scene: Scene) -> None:
    call, _ = await scene.talks(recorded=False)
    await scene.pauses.on_ami_lost(events.AmiLost(now(), "gone"))
    assert scene.states() == ["off", "unsure"]
    late = RingingCall()
    await scene.hears(late.until_ringing(victoria(), B), late.answered(B))
    assert scene.states("ben") == ["unsure"]
    await scene.pauses.on_ami_restored(events.AmiRestored(now()))
    await scene.hears(recording(late), call.ended())
    assert scene.states("ben") == ["unsure", "on"]
    remembered = RingingCall()
    await scene.hears(
        events.CallRemembered(remembered.id, now(), remembered.call),
        remembered.ringing(A),
        remembered.answered(A),
    )
    assert scene.states()[-1] == "unsure"


async def test_only_so_many_lines_are_known(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_pauses, "MOST_LINES", 2)
    await scene.talks()
    for _ in range(2):
        await scene.hears(recording(RingingCall()))
    assert scene.pauses.of("anna")[0].state == "unsure"
