"""F20: HANGUP, 511, -1 and answers of many lines come at any place, in any pieces.

No answer is ever taken for another command's: each command gets its own, or is told that the caller
has gone, and after that none is sent.

Also shown by `tests/unit/ami_bridge/test_agi_protocol.py::
test_hangup_at_every_position_never_shifts_a_reply`,
`tests/integration/test_agi_server.py::test_the_reply_of_the_interrupted_command_is_no_news`.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.agi_protocol import Reply, encode_command
from calls.errors import CallerHungUp
from tests.faults.agi_peer import AgiPeer, agi_line

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

HANGUP = b"HANGUP\n"
DEAD = b"511 Command Not Permitted on a dead channel or intercept routine\n"
#: What a command may be answered with; its own number is in it, so that no other can pass for it.
ANSWERS = (
    (b"200 result=1 (%d)\n",),
    (b"200 result=1 (of two\n", b"lines: %d)\n"),
    (b"200 result=-1 endpos=%d\n",),
    (b"100 Trying...\n", b"200 result=1 (%d)\n"),
    (b"520-Invalid command syntax.  Proper usage follows:\n", b"200 %d\n", b"520 End of %d\n"),
    (DEAD,),
)


@st.composite
def an_answer(draw: st.DrawFn) -> tuple[tuple[bytes, ...], int]:
    """Its lines, at times with HANGUP anywhere among them, and the size of its segments."""
    lines = list(draw(st.sampled_from(ANSWERS)))
    for _ in range(draw(st.sampled_from((0, 0, 0, 0, 1, 2)))):
        lines.insert(draw(st.integers(0, len(lines))), HANGUP)
    return tuple(lines), draw(st.sampled_from((1, 3, 1000)))


def number_in(reply: Reply) -> int:
    """Of whichever command it answers."""
    if reply.endpos is not None:
        return reply.endpos
    return int((reply.note or reply.text).split()[-1])


@settings(max_examples=150)
@given(st.lists(an_answer(), min_size=1, max_size=6))
def test_every_answer_is_its_own_command_s(answers: list[tuple[tuple[bytes, ...], int]]) -> None:
    asyncio.run(_talk(answers))


async def _talk(answers: list[tuple[tuple[bytes, ...], int]]) -> None:
    async def answer(peer: AgiPeer, number: int, command: bytes) -> None:
        assert command == encode_command("NOOP", number)
        lines, size = answers[number]
        await peer.say(b"".join(line.replace(b"%d", b"%d" % number) for line in lines), size)

    left_by = next(
        (at for at, (lines, _) in enumerate(answers) if {HANGUP, DEAD} & set(lines)), len(answers)
    )
    async with agi_line(answer) as (connection, peer):
        heard: list[int | None] = []
        for number in range(len(answers)):
            try:
                reply = await connection.command(encode_command("NOOP", number), deadline_s=20)
            except CallerHungUp:
                heard.append(None)
            else:
                heard.append(number_in(reply))
        known = [number for number in heard if number is not None]
        # A HANGUP after the last line may be read with it, or only after the next command.
        assert known == list(range(len(known)))
        assert left_by <= len(known) <= left_by + 1
        assert heard == known + [None] * (len(answers) - len(known))
        assert len(peer.commands) <= left_by + 2
        assert not connection.broken
