"""The frames, their TypeScript, and what is let in as text."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.agent_settings import CodeName
from screenpop.desk import frame_tables, generate_types, protocol
from screenpop.pops.content import clean, clean_lines, safe_url
from screenpop.pops.pop import DISPOSITION_CODES

pytestmark = pytest.mark.unit


def test_the_desktops_types_are_the_servers() -> None:
    written = generate_types.TARGET.read_text(encoding="utf-8")
    assert written == generate_types.typescript(), "run python -m screenpop.desk.generate_types"


def test_the_page_for_programs_has_every_frame() -> None:
    written = frame_tables.PAGE.read_text(encoding="utf-8")
    assert written == generate_types.page(), "run python -m screenpop.desk.generate_types"
    assert "| `pop.offer` | `content` |" in written


def test_every_frame_is_in_both_unions() -> None:
    text = generate_types.typescript()
    kinds = set(re.findall(r'kind: "([a-z._]+)"', text))
    assert kinds == {
        "hello", "pop.offer", "pop.update", "pop.claim", "pop.close", "pop.wrapup", "agent.state",
        "notice", "lead.new", "lead.gone", "ack", "state.set", "disposition", "note", "select",
        "lead.done", "offer.answer", "agent.day", "wrapup.extend", "wrapup.skip",
        "call.consult", "call.transfer", "call.transfer_complete", "call.transfer_cancel",
        "call.conference", "callback.create", "callback.cancel", "presence", "presence.watch",
        "call.recording",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"ack","pop_id":"p"}',
        '{"kind":"ack","pop_id":"p","seq":-1}',
        '{"kind":"ack","pop_id":"p","seq":9007199254740993}',
        '{"kind":"ack","pop_id":"p","seq":1,"rendered_ms":-1}',
        '{"kind":"ack","pop_id":"p","seq":1,"rendered_ms":NaN}',
        '{"kind":"ack","pop_id":"p","seq":1,"extra":1}',
        '{"kind":"state.set","state":"asleep"}',
        '{"kind":"disposition","pop_id":"","code":"sale"}',
        '{"kind":"note","pop_id":"p","text":"' + "x" * 2001 + '"}',
        '{"kind":"offer.answer","pop_id":"p","offer":"kettle","answer":"claimed"}',
        '{"kind":"offer.answer","pop_id":"p","offer":"kettle","answer":"accepted","reason":"'
        + "x" * 201
        + '"}',
        '{"kind":"callback.create","pop_id":"p"}',
        '{"kind":"callback.create","pop_id":"p","id":"a b"}',
        '{"kind":"callback.create","pop_id":"p","id":"a","at":NaN}',
        '{"kind":"callback.create","pop_id":"p","id":"a","at":1e300}',
        '{"kind":"callback.create","pop_id":"p","id":"a","note":"' + "x" * 2001 + '"}',
        '{"kind":"hello"}',
        "[]",
        "",
    ],
)
def test_what_a_desktop_may_not_say(text: str) -> None:
    with pytest.raises(ValidationError):
        protocol.client_frames.validate_json(text)


@given(st.text(max_size=400))
def test_cleaned_text_has_nothing_that_hides_or_reverses(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= 200
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", cleaned)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


def test_clean_keeps_what_people_write() -> None:
    family = "\U0001f469\u200d\U0001f467"
    assert clean(f" 王小明 Ünï {family} ") == f"王小明 Ünï {family}"
    assert clean("a\u202eb\x00c\nd") == "abcd"
    assert clean_lines("one\r\ntwo\x00\n\nthree") == "one\ntwo\n\nthree"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://crm.example/1?a=b#c", "https://crm.example/1?a=b#c"),
        ("http://crm.example", "http://crm.example"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt://crm.example/%0aalert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("//crm.example", None),
        ("https://", None),
        ("http://[", None),
        ("", None),
        (None, None),
    ],
)
def test_only_web_addresses_are_links(url: str | None, safe: str | None) -> None:
    assert safe_url(url) == safe


def test_a_wrap_up_can_end_by_itself_with_any_code_an_agent_has() -> None:
    assert get_args(CodeName) == DISPOSITION_CODES
