"""A small pool of our own to the customer's database, and its errors in the port's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from calls.errors import Misconfigured
from config.crm_settings import SqlSettings
from crm_adapter.adapter import AuthFailed, CrmError, Forbidden, Invalid, Timeout, Unavailable

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_CONNECT_S = 5.0
#: Waiting for one of our own connections.
_POOL_WAIT_S = 2.0
#: PostgreSQL's error codes (appendix A) that an administrator can mend, or that mean "too slow".
_BY_CODE: dict[str, tuple[type[CrmError], str]] = {
    "28P01": (AuthFailed, "the database does not accept the user's password: see sql.url"),
    "28000": (AuthFailed, "the database does not let the user in: see sql.url and pg_hba.conf"),
    "3D000": (Unavailable, "there is no database of that name: see sql.url"),
    "57014": (Timeout, "the database gave the question up (sql.statement_timeout_s)"),
    "55P03": (Unavailable, "a table of the database is locked"),
}


def open_engine(settings: SqlSettings, *, busy_ms: int, read_only: bool) -> AsyncEngine:
    """Connects to nothing yet. Raises Misconfigured for an address that cannot be used."""
    url = _with_driver(settings.url.get_secret_value())
    backend = url.get_backend_name()
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": _POOL_WAIT_S}
    if backend == "postgresql":
        options["pool_pre_ping"] = True
        options["connect_args"] = {
            "timeout": _CONNECT_S,
            "server_settings": _pg_settings(settings, read_only),
        }
    try:
        engine = create_async_engine(url, pool_size=settings.pool, max_overflow=0, **options)
    except (ImportError, SQLAlchemyError) as error:
        raise Misconfigured(
            f"sql.url: no asynchronous driver for {url.drivername!r} is installed"
        ) from error
    if backend == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite(busy_ms, read_only))
    return engine


def _pg_settings(settings: SqlSettings, read_only: bool) -> dict[str, str]:
    return {
        "application_name": "switchboard",
        "statement_timeout": str(max(1, int(settings.statement_timeout_s * 1000))),
        "default_transaction_read_only": "on" if read_only else "off",
    }


def _with_driver(text: str) -> URL:
    """What was written may hold a password, so it is not repeated."""
    if not text:
        raise Misconfigured("set sql.url (or sql.url_file) to the address of the database")
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Misconfigured(
            "sql.url: not an address; use postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE"
        ) from error
    driver = _DRIVERS.get(url.drivername, url.drivername)
    if driver != _DRIVERS["sqlite"]:
        return url.set(drivername=driver)
    if not url.database or not Path(url.database).is_file():
        raise Misconfigured("sql.url: there is no such SQLite file")
    # `rw`: a file that has gone is not made anew, empty.
    file = f"file:{quote(str(Path(url.database).resolve()))}"
    return url.set(drivername=driver, database=file, query={"mode": "rw", "uri": "true"})


def _prepare_sqlite(busy_ms: int, read_only: bool) -> Any:
    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_ms:d}")
        cursor.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        cursor.close()

    return prepare


@contextmanager
def errors_named() -> Iterator[None]:
    """The database's errors in the port's words. The cause keeps the driver's own; its text may
    carry personal values, so it is not repeated."""
    try:
        yield
    except IntegrityError as error:
        raise Invalid("the database refuses the row: it contradicts another") from error
    except (SQLAlchemyError, OSError) as error:
        raise _named(error) from error
    except Exception as error:
        # asyncpg's own, from connecting, which SQLAlchemy passes on as they are.
        if getattr(error, "sqlstate", None) is None:
            raise
        raise _named(error) from error


def _named(error: Exception) -> CrmError:
    code = str(getattr(error, "sqlstate", None) or getattr(_cause(error), "sqlstate", None) or "")
    if code in _BY_CODE:
        kind, sentence = _BY_CODE[code]
        return kind(sentence)
    if code == "42501":
        return Forbidden(f"the database's user lacks a right{_object(error)}: see sql.url")
    if code.startswith(("22", "23")):
        return Invalid("the database refuses a value: it does not fit its column")
    return Unavailable(
        f"the database does not answer ({code or type(error).__name__}): see sql.url"
    )


def _cause(error: Exception) -> object:
    return getattr(error, "orig", None)


def _object(error: Exception) -> str:
    """`permission denied for table customers` names no values."""
    text = str(_cause(error) or error)
    where = text.rpartition("permission denied for ")[2].splitlines()[0][:80]
    return f" on {where}" if "permission denied for " in text else ""
