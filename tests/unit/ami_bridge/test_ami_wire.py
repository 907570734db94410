"""AMI bytes: framing whatever the slices, reading whatever the bytes, writing nothing unsafe."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ami_bridge.ami_wire import (
    MAX_HEADERS,
    MAX_LINE,
    MAX_LINES,
    MAX_MESSAGE,
    Framer,
    UnsafeAction,
    WireBroken,
    clean,
    encode_action,
    parse,
)

pytestmark = pytest.mark.unit

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
NAME = "王小明 José 🎧"
CORPUS = (
    b"Response: Success\r\nActionID: a1\r\nMessage: Authentication accepted\r\n\r\n"
    b"Event: Newchannel\r\nCallerIDName: " + NAME.encode() + b"\r\nUniqueid: 1.1\r\n\r\n"
    b"Event: NoColonHere\r\nthis line has none\r\n: empty key\r\nA:no blank\r\nB: \r\n\r\n"
    b"Event: Latin\r\nName: Andr\xe9 \x00 end\r\nDup: one\r\nDup: two\r\n\r\n"
)
RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"


def blocks_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    framer, blocks, last = Framer(), [], 0
    for cut in [*sorted({c for c in cuts if c < len(stream)}), len(stream)]:
        blocks += framer.feed(stream[last:cut])
        last = cut
    assert framer.version == "11.0.0"
    return blocks


def test_a_name_cut_at_every_byte_arrives_whole() -> None:
    stream = GREETING + CORPUS
    whole = blocks_of(stream, [])
    assert len(whole) == 4
    for cut in range(len(stream)):
        assert blocks_of(stream, [cut]) == whole
    assert blocks_of(stream, list(range(len(stream)))) == whole
    assert parse(whole[1])["CallerIDName"] == NAME


@pytest.mark.parametrize("line", [b"\r\n", b"Asteri\r\n", b"Asterisk Call Manager\r\n"])
def test_half_a_greeting_is_none(line: bytes) -> None:
    with pytest.raises(WireBroken):
        Framer().feed(line)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.txt")), ids=lambda p: p.stem)
def test_a_recorded_stream_frames_the_same_in_single_bytes(path: Path) -> None:
    stream = GREETING + path.read_bytes()
    assert blocks_of(stream, list(range(len(stream)))) == blocks_of(stream, [])


@given(st.lists(st.integers(0, len(GREETING + CORPUS)), max_size=30))
def test_slices_do_not_matter(cuts: list[int]) -> None:
    assert blocks_of(GREETING + CORPUS, cuts) == blocks_of(GREETING + CORPUS, [])


@given(st.binary(max_size=400))
@example(b"\r\n\r\n\r\n\r\n")
@example(b"Event\r\n\r\n: \r\n\r\n")
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    framer = Framer()
    framer.feed(GREETING)
    for block in framer.feed(data + b"\r\n\r\n"):
        for key, value in parse(block).items():
            assert clean(key + value).isprintable() or clean(key + value) == ""


def test_what_is_odd_in_a_message_is_kept_or_left_out_but_never_fatal() -> None:
    odd, latin = (parse(block) for block in blocks_of(GREETING + CORPUS, [])[2:])
    assert odd["A"] == "no blank"
    assert odd["B"] == ""
    assert "this line has none" not in odd
    assert latin["Name"] == "Andr\ufffd \x00 end"
    assert clean(latin["Name"]) == "Andr\ufffd  end"
    assert latin["Dup"] == "one"
    assert latin.all("Dup") == ["one", "two"]
    assert latin.all("None") == []


def test_a_peer_that_is_no_asterisk_is_refused_at_once() -> None:
    with pytest.raises(WireBroken):
        Framer().feed(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(WireBroken):
        Framer().feed(b"S")
    with pytest.raises(WireBroken):
        Framer().feed(b"Asterisk Call Manager/" + b"9" * 300)


@pytest.mark.parametrize("chunk", [1_000, 10**9])
def test_a_message_of_the_largest_size_passes_and_one_byte_more_does_not(chunk: int) -> None:
    for size, passes in ((MAX_MESSAGE, True), (MAX_MESSAGE + 1, False)):
        framer = Framer()
        framer.feed(GREETING)
        stream = b"x" * size + b"\r\n\r\n"
        slices = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
        if passes:
            assert [len(b) for piece in slices for b in framer.feed(piece)] == [size]
        else:
            with pytest.raises(WireBroken):
                [framer.feed(piece) for piece in slices]


def test_a_thousand_headers_are_read_and_no_more() -> None:
    block = b"\r\n".join(b"H%d: v" % n for n in range(MAX_HEADERS + 500))
    assert len(parse(block)) == MAX_HEADERS


SAFE = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\x00"), max_size=200
)
KEYS = st.text("abcXYZ09_.-", min_size=1, max_size=20)


@given(st.lists(st.tuples(KEYS, SAFE), max_size=40))
def test_an_action_decodes_to_exactly_what_was_meant(headers: list[tuple[str, str]]) -> None:
    framer = Framer()
    framer.feed(GREETING)
    blocks = framer.feed(encode_action("UserEvent", headers))
    assert len(blocks) == 1
    lines = blocks[0].decode().split("\r\n")
    assert lines == ["Action: UserEvent", *(f"{key}: {value}" for key, value in headers)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("A", "x\r\nAction: Originate"),
        ("A", "x\n"),
        ("A", "\r"),
        ("A", "nul\x00"),
        ("A\r\nB", "x"),
        ("A: B", "x"),
        ("", "x"),
        ("Ä", "x"),
        ("A", "y" * (MAX_LINE - 4)),
        ("A", "王" * 400),
    ],
)
def test_what_asterisk_would_read_otherwise_is_refused(key: str, value: str) -> None:
    with pytest.raises(UnsafeAction):
        encode_action("UserEvent", [(key, value)])


def test_the_limits_are_asterisks_own() -> None:
    assert len(encode_action("A", [("A", "y" * (MAX_LINE - 5))])) == MAX_LINE + 13
    encode_action("A", [("H", "v")] * (MAX_LINES - 1))
    with pytest.raises(UnsafeAction):
        encode_action("A", [("H", "v")] * MAX_LINES)
    with pytest.raises(UnsafeAction):
        encode_action("Ping\r\nAction: Logoff", [])
