"""Which failures are worth another try."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from calls.errors import Unavailable
from storage.storable import storable
from storage.transient import is_outage, is_transient, trouble_with

pytestmark = pytest.mark.unit


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as sqlite says")
    error.sqlite_errorcode = code
    return error


class PostgresError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def wrapped(error: BaseException, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("SELECT 1", {}, error)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(sqlite_error(sqlite3.SQLITE_BUSY), OperationalError),
        wrapped(sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), OperationalError),
        wrapped(PostgresError("40001")),
        wrapped(PostgresError("40P01")),
        wrapped(PostgresError("08006")),
        PostgresError("57P03"),
        ConnectionRefusedError("no server"),
    ],
)
def test_a_lock_or_a_lost_connection_passes(error: BaseException) -> None:
    assert is_transient(error)
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(sqlite_error(sqlite3.SQLITE_FULL), OperationalError),
        wrapped(PostgresError("53100")),
        wrapped(PostgresError("55P03")),
        Unavailable("too many writes wait"),
    ],
)
def test_a_full_disk_does_not_pass_by_itself_but_is_nobodys_content(error: BaseException) -> None:
    assert not is_transient(error)
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(sqlite3.IntegrityError("UNIQUE"), IntegrityError),
        wrapped(PostgresError("22021")),
        ValueError("a time without a zone cannot be stored"),
    ],
)
def test_refused_content_is_not_an_outage(error: BaseException) -> None:
    assert not is_transient(error)
    assert not is_outage(error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (wrapped(sqlite_error(sqlite3.SQLITE_FULL), OperationalError), "make room"),
        (wrapped(sqlite_error(sqlite3.SQLITE_IOERR_WRITE), OperationalError), "the disk"),
        (wrapped(sqlite_error(sqlite3.SQLITE_READONLY), OperationalError), "rights"),
        (wrapped(sqlite_error(sqlite3.SQLITE_BUSY), OperationalError), "lock"),
        (wrapped(PostgresError("53100")), "make room"),
        (wrapped(PostgresError("53300")), "max_connections"),
        (ConnectionRefusedError("no server"), "does not answer (ConnectionRefusedError)"),
    ],
)
def test_an_outage_says_how_to_end_it(error: BaseException, told: str) -> None:
    assert told in trouble_with(error)


@pytest.mark.parametrize(
    ("text", "stored"),
    [("a\0b", "ab"), ("\ud800", "?"), ("王小明", "王小明"), ("x" * 50, "x" * 10)],
)
def test_text_from_outside_fits_its_column(text: str, stored: str) -> None:
    assert storable(text, 10) == stored
