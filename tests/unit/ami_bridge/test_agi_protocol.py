"""Bytes to and from Asterisk, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.agi_protocol import (
    HANGUP,
    MAX_COMMAND_BYTES,
    MAX_REPLY_BYTES,
    Message,
    ProtocolViolation,
    Reply,
    ReplyParser,
    UnsafeCommand,
    encode_command,
)
from tests.fakes.asterisk_agi import words

pytestmark = pytest.mark.unit


def parse(data: bytes) -> list[Message]:
    return ReplyParser().feed(data)


def test_arguments_are_quoted_and_numbers_are_not() -> None:
    assert encode_command("GET DATA", "a&b", 4000, 1) == b'GET DATA "a&b" 4000 1\n'


def test_quotes_and_backslashes_are_escaped() -> None:
    assert encode_command("SET VARIABLE", "X", 'a"b\\c') == b'SET VARIABLE "X" "a\\"b\\\\c"\n'


@pytest.mark.parametrize("bad", ["a\nSTREAM FILE b", "a\rb", "a\0b", "\udce9"])
def test_what_would_break_the_line_is_refused(bad: str) -> None:
    with pytest.raises(UnsafeCommand):
        encode_command("SET VARIABLE", "X", bad)


def test_a_line_is_refused_by_its_bytes_not_its_letters() -> None:
    spare = MAX_COMMAND_BYTES - len(encode_command("SET VARIABLE", "X", ""))
    assert len(encode_command("SET VARIABLE", "X", "z" * spare)) == MAX_COMMAND_BYTES
    with pytest.raises(UnsafeCommand):
        encode_command("SET VARIABLE", "X", "z" * (spare + 1))
    with pytest.raises(UnsafeCommand):
        encode_command("SET VARIABLE", "X", "Ж" * (spare // 2 + 1))


@given(st.lists(st.text(), max_size=4))
def test_every_encoded_command_is_one_line_that_reads_back(arguments: list[str]) -> None:
    try:
        line = encode_command("SET VARIABLE", *arguments)
    except UnsafeCommand:
        return
    assert line.count(b"\n") == 1
    assert words(line[:-1].decode()) == ["SET", "VARIABLE", *arguments]


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"200 result=0\n", Reply(200, "0", text="result=0")),
        (b"200 result=\n", Reply(200, "", text="result=")),
        (b"200 result=3 (timeout)\n", Reply(200, "3", "timeout", text="result=3 (timeout)")),
        (b"200 result= (timeout)\n", Reply(200, "", "timeout", text="result= (timeout)")),
        (b"200 result=12*\r\n", Reply(200, "12*", text="result=12*")),
        (
            b"200 result=-1 endpos=1600\n",
            Reply(200, "-1", endpos=1600, text="result=-1 endpos=1600"),
        ),
        (
            b"200 result=49 (dtmf) endpos=8\n",
            Reply(200, "49", "dtmf", 8, "result=49 (dtmf) endpos=8"),
        ),
        (
            b"510 Invalid or unknown command\n",
            Reply(510, text="Invalid or unknown command"),
        ),
        (b"511 Command Not Permitted\n", Reply(511, text="Command Not Permitted")),
    ],
)
def test_replies(data: bytes, reply: Reply) -> None:
    assert parse(data) == [reply]


@pytest.mark.parametrize("value", ["a)b", "(hangup)", "200 result=1", "HANGUP", "", "x) endpos=y"])
def test_a_value_comes_back_verbatim(value: str) -> None:
    (reply,) = parse(f"200 result=1 ({value})\n".encode())
    assert isinstance(reply, Reply)
    assert reply.note == value


def test_a_value_with_a_line_break_is_one_reply() -> None:
    first, second = parse(b"200 result=1 (one\n200 result=7\ntwo)\n200 result=0\n")
    assert isinstance(first, Reply)
    assert first.note == "one\n200 result=7\ntwo"
    assert second == Reply(200, "0", text="result=0")


def test_usage_over_many_lines_is_one_reply() -> None:
    data = b"520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n  200 no\n"
    messages = parse(data + b"520 End of proper usage.\n200 result=0\n")
    assert [m.code for m in messages if isinstance(m, Reply)] == [520, 200]


def test_trying_announces_and_is_no_reply() -> None:
    assert parse(b"100 Trying...\n200 result=0\n") == [Reply(200, "0", text="result=0")]


def test_whatever_announces_it_is_no_reply_and_keeps_none_open() -> None:
    messages = parse(b"100 result=1 (two\n200 result=0\nHANGUP\n")
    assert messages == [Reply(200, "0", text="result=0"), HANGUP]


@pytest.mark.parametrize("position", range(4))
def test_hangup_at_every_position_never_shifts_a_reply(position: int) -> None:
    lines = [b"200 result=1\n", b"520-usage\n520 End\n", b"200 result=-1 endpos=5\n"]
    lines[position:position] = [b"HANGUP\n", b"HANGUP\n"]
    messages = parse(b"".join(lines))
    assert messages.count(HANGUP) == 2
    replies = [(m.code, m.result) for m in messages if isinstance(m, Reply)]
    assert replies == [(200, "1"), (520, ""), (200, "-1")]


def test_hangup_inside_usage_is_seen_and_the_usage_stays_whole() -> None:
    messages = parse(b"520-usage\nHANGUP\nmore\n520 End\n")
    assert messages[0] is HANGUP
    assert isinstance(messages[1], Reply)
    assert "HANGUP" not in messages[1].text


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\n", b"\n", b"200\n", b"200 ok\n", b"hangup\n"])
def test_garbage_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse(data)


@pytest.mark.parametrize("chunk", [b"2" * 1000, b"520-" + b"u" * 1000 + b"\n"])
def test_the_buffer_is_bounded(chunk: bytes) -> None:
    parser = ReplyParser()
    for _ in range(MAX_REPLY_BYTES // len(chunk)):
        parser.feed(chunk)
    with pytest.raises(ProtocolViolation):
        parser.feed(chunk)


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_a_violation(data: bytes) -> None:
    try:
        parse(data)
    except ProtocolViolation:
        return


@given(st.data())
def test_replies_do_not_depend_on_how_bytes_are_cut(data: st.DataObject) -> None:
    lines = data.draw(
        st.lists(
            st.sampled_from(
                [
                    b"HANGUP\n",
                    b"200 result=1 (a\nb)\n",
                    b"520-x\ny\n520 z\n",
                    "200 result=1 (Jos\u00e9 王)\n".encode(),
                    b"511 dead\n",
                ]
            )
        )
    )
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    parser, got = ReplyParser(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        got += parser.feed(whole[start:end])
    assert got == parse(whole)
    assert len(got) == len(lines)
