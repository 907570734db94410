"""One port, twin and real adapter: which of the keys typed answer which question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from calls.ports import CallChannel, Keys
from tests.fakes.call_channel import FakeChannel
from tests.integration.test_agi_server import serving

pytestmark = pytest.mark.contract

SOUND = "http://127.0.0.1/a.wav"

#: A question, and what the port promises for it.
Question = Callable[[CallChannel], Awaitable[Keys]]


def key(channel: CallChannel) -> Awaitable[Keys]:
    return channel.ask([SOUND], max_digits=1, timeout_s=5)


def number(most: int, *, secret: bool = False) -> Question:
    return lambda channel: channel.collect(
        [SOUND], max_digits=most, timeout_s=5, end_key="#", secret=secret
    )


async def by_twin(ahead: str, presses: Sequence[str], questions: Sequence[Question]) -> list[Keys]:
    channel = FakeChannel(presses, ahead=ahead)
    return [await question(channel) for question in questions]


async def by_agi(ahead: str, presses: Sequence[str], questions: Sequence[Question]) -> list[Keys]:
    answers: list[Keys] = []
    typed, to_type = asyncio.Event(), list(ahead)

    def asterisk(command: Sequence[str]) -> str | None:
        if command[:2] != ["WAIT", "FOR"]:
            return None
        if to_type:
            return f"200 result={ord(to_type.pop(0))}"
        typed.set()
        return "200 result=0"

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.listen_during(typed.wait())
        assert channel.keys_waiting is bool(ahead)
        answers.extend([await question(channel) for question in questions])
        await channel.hang_up()

    async with serving(dialog) as world:
        await world.asterisk.call(keys=list(presses), script=asterisk)
    return answers


@pytest.fixture(params=[by_twin, by_agi], ids=["twin", "agi"])
def asked(request: pytest.FixtureRequest) -> Callable[..., Awaitable[list[Keys]]]:
    by: Callable[..., Awaitable[list[Keys]]] = request.param
    return by


WHOLE, CUT = False, True


@pytest.mark.parametrize(
    ("ahead", "presses", "questions", "answers"),
    [
        ("", ["1"], [key], [("1", WHOLE)]),
        ("", [], [key], [("", CUT)]),
        ("", ["#"], [key], [("#", WHOLE)]),
        ("21", ["0"], [key, key, key], [("2", WHOLE), ("1", WHOLE), ("0", WHOLE)]),
        ("#*", [], [key, key], [("#", WHOLE), ("*", WHOLE)]),
        ("", ["4711#"], [number(6)], [("4711", WHOLE)]),
        ("", ["123456"], [number(6)], [("123456", WHOLE)]),
        ("", [], [number(6)], [("", CUT)]),
        ("4711#", [], [number(6)], [("4711", WHOLE)]),
        ("4711#1", [], [number(6), key], [("4711", WHOLE), ("1", WHOLE)]),
        ("1234561", [], [number(6), key], [("123456", WHOLE), ("1", WHOLE)]),
        ("#1", [], [number(6), key], [("", WHOLE), ("1", WHOLE)]),
        ("12", ["3456"], [number(6)], [("123456", WHOLE)]),
        ("12", ["3#"], [number(6)], [("123", WHOLE)]),
        ("2580#", [], [number(6, secret=True)], [("2580", WHOLE)]),
    ],
)
async def test_keys_and_their_questions(
    asked: Callable[..., Awaitable[list[Keys]]],
    ahead: str,
    presses: list[str],
    questions: list[Question],
    answers: list[tuple[str, bool]],
) -> None:
    given = await asked(ahead, presses, questions)
    assert [(keys.digits, keys.timed_out) for keys in given] == answers


def test_no_repr_shows_what_was_typed() -> None:
    assert "2580" not in repr(Keys("2580", timed_out=False))
