"""F21: a value or a name contains what looks like a reply, a hang-up or the end of the value.

A value that was set comes back as it was, whatever is in it. One that ends in its middle, which
only the dialplan can have set, closes the line: it is never taken for the next command's answer.
Who is called "hangup" is a caller like any other.

Also shown by `tests/acceptance/test_hostile_callers.py::
test_each_is_served_and_ends_as_exactly_one_record`, `tests/acceptance/test_hostile_callers.py::
test_no_number_tells_of_another_call`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_protocol import encode_command
from calls.errors import ChannelBroken
from tests.fakes.asterisk_agi import words
from tests.faults.agi_peer import AgiPeer, agi_line
from tests.integration.test_agi_server import serving

pytestmark = pytest.mark.integration

#: Whatever a command of ours may hold.
OURS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=60)
LIKE_REPLIES = (
    "a)b",
    ")",
    "(hangup)",
    "hangup",
    "HANGUP",
    "200 result=1",
    "x) endpos=7",
    "510 Invalid or unknown command",
    '"\\',
    "王 (timeout)",
)


@dataclass
class Variables:
    """Of the channel, as res_agi.c sets and tells them."""

    held: dict[str, str] = field(default_factory=dict)

    async def answer(self, peer: AgiPeer, _number: int, command: bytes) -> None:
        match words(command.decode().removesuffix("\n")):
            case ["SET", "VARIABLE", name, value]:
                self.held[name] = value
                await peer.say(b"200 result=1\n")
            case ["GET", "VARIABLE", name]:
                await peer.say(f"200 result=1 ({self.held[name]})\n".encode())
            case other:
                raise AssertionError(other)


async def value_of(connection: AgiConnection, name: str) -> str | None:
    reply = await connection.command(encode_command("GET VARIABLE", name), deadline_s=20)
    return reply.note


@settings(max_examples=60)
@given(st.lists(OURS, min_size=1, max_size=5))
@example(list(LIKE_REPLIES))
def test_what_was_set_comes_back_as_it_was(values: list[str]) -> None:
    async def set_and_read() -> None:
        async with agi_line(Variables().answer) as (connection, _):
            for name, value in enumerate(values):
                line = encode_command("SET VARIABLE", str(name), value)
                assert (await connection.command(line, deadline_s=20)).result == "1"
            assert [await value_of(connection, str(n)) for n in range(len(values))] == values

    asyncio.run(set_and_read())


@pytest.mark.parametrize("value", ["one\ntwo", "\n200 result=7\n", "one\nHANG UP\n(two"])
async def test_a_value_of_several_lines_is_one_value(value: str) -> None:
    variables = Variables({"theirs": value, "next": "right"})
    async with agi_line(variables.answer) as (connection, _):
        assert await value_of(connection, "theirs") == value
        assert await value_of(connection, "next") == "right"


@pytest.mark.parametrize("value", ["a)\n200 result=1 (forged", "a)\nb", "a)\n520-forged"])
async def test_a_value_that_ends_in_its_middle_closes_the_line(value: str) -> None:
    variables = Variables({"theirs": value, "next": "right"})
    heard = []

    async def ask(connection: AgiConnection) -> None:
        for name in ("theirs", "next"):
            heard.append(await value_of(connection, name))

    async with agi_line(variables.answer) as (connection, _):
        with pytest.raises(ChannelBroken):
            await ask(connection)
    assert heard in ([], ["a"])


@pytest.mark.parametrize("word", LIKE_REPLIES)
async def test_a_caller_named_like_a_reply_is_served(word: str) -> None:
    async with serving() as world:
        line = await world.asterisk.call(keys=["1"], name=word, number=word)
        assert line.route == "queue"
        await world.idle()
        assert world.ends == [(False, True)]
