"""What an answer means where it is not the CRM's own, or tells too much."""

from __future__ import annotations

import pytest

from crm_adapter.adapter import AmbiguousWrite, NotFound, Unavailable
from crm_adapter.http.replies import Reply, by_status, reason, retry_after_s

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("body", [b"<html>404</html>", b"404 page not found", b"", b'"gone"'])
def test_a_record_is_gone_only_where_the_crm_says_so(status: int, body: bytes) -> None:
    page = Reply("acme", status, {}, body)
    assert type(by_status(page, False)) is Unavailable
    assert type(by_status(page, True)) is AmbiguousWrite
    for told in (b'{"message": "gone"}', b"[]"):
        assert type(by_status(Reply("acme", status, {}, told), True)) is NotFound


def test_where_a_crm_says_it_without_a_word_that_is_said_of_it() -> None:
    assert type(by_status(Reply("acme", 404, {}, b" "), False, empty_is_gone=True)) is NotFound
    page = Reply("acme", 404, {}, b"<html>")
    assert type(by_status(page, False, empty_is_gone=True)) is Unavailable


def test_no_number_of_a_person_is_part_of_a_reason() -> None:
    told = Reply("acme", 400, {}, b'{"message": "phone +12025550150 in line 1234 is taken"}')
    assert reason(told) == " (phone *** in line 1234 is taken)"


@pytest.mark.parametrize(
    "when",
    [
        "Mon, 01 Jan 0001 00:00:00 +2300",
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "9" * 5000,
        "soon",
    ],
)
def test_an_absurd_pause_harms_nobody(when: str) -> None:
    assert retry_after_s(Reply("acme", 429, {"retry-after": when}, b"")) in (None, 0.0, 3600.0)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (rb'{"name": "V. \ud800 Stone"}', "V. ? Stone"),
        (rb'{"name": "\uDFFF"}', "?"),
        (rb'{"name": "\ud83d\ude00 \u4f60"}', "😀 你"),
        (b'\xef\xbb\xbf{"name": "x"}', "x"),
    ],
)
def test_half_a_letter_can_be_stored_and_shown(body: bytes, name: str) -> None:
    found = Reply("acme", 200, {}, body).json_object()
    assert found == {"name": name}
    found["name"].encode()
    nested = Reply("acme", 200, {}, rb'[{"\udc00": ["\ud800", 1, null]}]').json()
    assert nested == [{"?": ["?", 1, None]}]


def test_what_is_not_utf_8_is_no_json() -> None:
    for body in (b'{"name": "\xed\xa0\x80"}', b'{"name": "\xe9"}'):
        with pytest.raises(Unavailable):
            Reply("acme", 200, {}, body).json()
