"""When Asterisk is asked for silence in the recordings of a line, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.line_recordings import AmiLineRecordings
from calls.errors import DeadlineExceeded, Unavailable
from tests.fakes.call_channel import A_CALL

pytestmark = pytest.mark.unit

MUTED, HEARD = "1", "0"


class Client:
    """`answers` come in turn, None is a yes; after them all is done."""

    def __init__(self, answers: Sequence[Exception | None] = ()) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(
        self, action: str, headers: Sequence[tuple[str, str]], *, deadline_s: float
    ) -> None:
        assert action == "MixMonitorMute"
        told = dict(headers)
        assert (told["Channel"], told["Direction"]) == (A_CALL.channel, "both")
        self.asked.append(told["State"])
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


class Stage:
    def __init__(self, *answers: Exception | None) -> None:
        self.client = Client(answers)
        #: Set: the time until the next try is over.
        self.time = asyncio.Event()
        self.recordings = AmiLineRecordings(
            client=cast("AmiClient", self.client), pause=lambda _: self._pass()
        )

    async def _pass(self) -> None:
        await self.time.wait()
        self.time.clear()

    async def settle(self) -> list[str]:
        for _ in range(5):
            await asyncio.sleep(0)
        return self.client.asked


async def test_muted_and_heard_again() -> None:
    stage = Stage()
    await stage.recordings.mute(A_CALL)
    stage.recordings.unmute(A_CALL)
    assert await stage.settle() == [MUTED, HEARD]
    assert stage.recordings.waiting == 0


@pytest.mark.parametrize(
    "error", [ActionRefused("no such channel"), Unavailable("away"), DeadlineExceeded("late")]
)
async def test_whatever_is_no_yes_is_told(error: Exception) -> None:
    with pytest.raises((Unavailable, DeadlineExceeded)):
        await Stage(error).recordings.mute(A_CALL)


async def test_it_goes_on_until_asterisk_is_back() -> None:
    stage = Stage(None, Unavailable("away"), DeadlineExceeded("late"))
    await stage.recordings.mute(A_CALL)
    stage.recordings.unmute(A_CALL)
    assert await stage.settle() == [MUTED, HEARD]
    assert stage.recordings.waiting == 1
    for tries in (2, 3):
        stage.time.set()
        assert (await stage.settle()).count(HEARD) == tries
    assert stage.recordings.waiting == 0


async def test_a_line_that_has_gone_is_let_go() -> None:
    stage = Stage(None, ActionRefused("No such channel"))
    await stage.recordings.mute(A_CALL)
    stage.recordings.unmute(A_CALL)
    await stage.settle()
    assert stage.recordings.waiting == 0


async def test_it_never_ends_in_the_middle_of_the_next_question() -> None:
    stage = Stage(None, Unavailable("away"))
    await stage.recordings.mute(A_CALL)
    stage.recordings.unmute(A_CALL)
    await stage.settle()
    await stage.recordings.mute(A_CALL)
    stage.time.set()
    assert await stage.settle() == [MUTED, HEARD, MUTED]
    stage.recordings.unmute(A_CALL)
    assert (await stage.settle())[-1] == HEARD


async def test_who_stops_tries_once_more_and_leaves_nothing_behind() -> None:
    stage = Stage()
    stage.recordings.unmute(A_CALL)
    await stage.recordings.close()
    assert stage.client.asked == [HEARD]
    assert stage.recordings.waiting == 0
