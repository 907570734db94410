"""The parts that adapters for hosted CRMs share: reading, polling, writing once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from calls.errors import Misconfigured
from crm_adapter.adapter import AmbiguousWrite, Conflict, Forbidden, Invalid, Unavailable
from crm_adapter.adapters import gathering, readings, set_up, webhook_proofs
from crm_adapter.adapters.polling import EPOCH, OVERLAP, Since, Walk
from crm_adapter.adapters.written_once import Turns, record_key, written_once
from crm_adapter.http.replies import Reply

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "read"),
    [("a ", "a"), (7, "7"), (None, ""), (True, ""), ([], ""), ({}, ""), (1.5, "")],
)
def test_only_text_is_text(value: object, read: str) -> None:
    assert readings.text(value) == read


@pytest.mark.parametrize(
    "value",
    ["2026-03-02T09:30:00Z", "2026-03-02 09:30:00", "2026-03-02T10:30:00.000+0100"],
)
def test_a_moment_is_utc_however_it_is_written(value: str) -> None:
    assert readings.moment(value) == AT


@pytest.mark.parametrize("value", [None, 3, "", "soon", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_moment_is_none(value: object) -> None:
    assert readings.moment(value) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *[("12.50", "12.50"), (3, "3"), (0.1, "0.1"), ("x", "0"), (None, "0"), (True, "0")],
        *[("NaN", "0"), ("1e400", "0"), ("Infinity", "0")],
    ],
)
def test_an_amount_is_a_bearable_number(value: object, read: str) -> None:
    assert readings.amount(value) == Decimal(read)


def test_a_list_that_is_missing_is_no_empty_list() -> None:
    good = Reply("crm", 200, {}, b'{"a": {"b": [{"c": 1}, 2, null]}}')
    assert readings.records(good, "a", "b") == [{"c": 1}]
    for body in (b"[]", b'{"a": []}', b'{"a": {"b": {}}}', b"<html>"):
        with pytest.raises(Unavailable):
            readings.records(Reply("crm", 200, {}, body), "a", "b")


def test_paging_goes_on_where_many_changed_at_one_time() -> None:
    cursor, more = Since.parse(None).after([AT, AT + timedelta(1)], limit=2)
    assert (Since.parse(cursor), more) == (Since(AT + timedelta(1)), True)
    cursor, more = Since(AT).after([AT, AT], limit=2)
    assert (Since.parse(cursor), more) == (Since(AT, 2), True)
    cursor, more = Since(AT, 2).after([AT, AT], limit=2)
    assert (Since.parse(cursor), more) == (Since(AT, 4), True)
    cursor, more = Since(AT, 4).after([AT], limit=2)
    assert (Since.parse(cursor), more) == (Since(AT), False)
    later = AT + timedelta(hours=1)
    cursor, more = Since(AT).after([later], limit=2)
    assert (Since.parse(cursor), more) == (Since(later - OVERLAP), False)
    assert Since.parse(None) == Since(EPOCH)
    assert Since(AT).after([], limit=2) == (str(Since(AT)), False)


@pytest.mark.parametrize("cursor", ["", "x", "1+x", "9" * 40, "+"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        Since.parse(cursor)


async def test_those_with_one_key_take_turns() -> None:
    turns, inside = Turns(), 0

    async def work(key: str) -> int:
        nonlocal inside
        async with turns.of(key):
            inside += 1
            most = inside
            await asyncio.sleep(0)
            inside -= 1
        return most

    assert max(await asyncio.gather(*(work("k") for _ in range(5)))) == 1
    assert max(await asyncio.gather(work("a"), work("b"))) == 2
    assert turns._locks == {}


@pytest.mark.parametrize("error", [Conflict("twin"), AmbiguousWrite("?"), Invalid("repeat")])
async def test_after_a_doubtful_write_it_is_looked_for(error: Exception) -> None:
    answers = [None, "7"]

    async def find() -> str | None:
        return answers.pop(0)

    async def create() -> str:
        raise error

    assert await written_once(find=find, create=create) == ("7", True)
    answers[:] = [None, None]
    with pytest.raises(type(error)):
        await written_once(find=find, create=create)


def test_a_key_is_a_uuid_and_always_the_same() -> None:
    assert record_key("call", "pbx/1") == record_key("call", "pbx/1") != record_key("lead", "pbx/1")


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file\n")
    assert set_up.secret(SecretStr("x"), file, "espocrm.key") == "from the file"
    assert set_up.secret(SecretStr("x"), None, "espocrm.key") == "x"
    with pytest.raises(Misconfigured, match=r"espocrm\.key_file"):
        set_up.secret(SecretStr("x"), tmp_path / "none", "espocrm.key")


async def test_the_first_failure_ends_the_other_questions() -> None:
    ended = asyncio.Event()

    async def slow() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return 1

    async def broken() -> int:
        await asyncio.sleep(0)
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        await gathering.all_of(slow(), broken())
    assert ended.is_set()


def test_a_walk_ends_where_the_crm_says_so_and_begins_again_at_its_newest() -> None:
    cursor, more = Walk.parse(str(Since(AT))).after([AT + timedelta(1), None], "a|b", crm="acme")
    assert (Walk.parse(cursor), more) == (Walk(AT, AT + timedelta(1), "a|b"), True)
    with pytest.raises(Unavailable, match="again and again"):
        Walk.parse(cursor).after([], "a|b", crm="acme")
    cursor, more = Walk.parse(cursor).after([], "", crm="acme")
    assert (Walk.parse(cursor).since, more) == (AT + timedelta(1) - OVERLAP, False)
    assert Walk(AT).after([], "", crm="acme") == (str(Since(AT)), False)
    assert Walk.parse(None) == Walk()


def test_more_at_once_than_a_crm_lists_is_no_whole_copy() -> None:
    assert Since(AT, 2000).within(2000, "acme") == Since(AT, 2000)
    with pytest.raises(Unavailable, match="more than 2000 records changed in one second"):
        Since(AT, 2001).within(2000, "acme")


def test_a_token_that_is_no_text_is_refused() -> None:
    with pytest.raises(Forbidden):
        webhook_proofs.expect_same("\ud800\udcff", "token", "acme")
