"""Which database failures pass: by themselves at once, or once somebody has helped the server."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from calls.errors import Unavailable

#: PostgreSQL, appendix A "Error Codes": serialization failure, deadlock, administrator's and
#: crash shutdown, cannot connect now, too many connections. Class 08 is every connection failure.
_SQLSTATES = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "53300"})
#: A lock that was not had within `lock_timeout`: whoever holds it is stuck.
_NOT_LOCKED = "55P03"
#: sqlite.org/rescode.html: the low byte of an extended result code is the primary one.
_SQLITE_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def is_transient(error: BaseException) -> bool:
    """True for a lock, a lost race between transactions and a lost connection."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        return error.orig is not None and is_transient(error.orig)
    if isinstance(error, OSError):
        # asyncpg lets the socket's own error through while it connects.
        return True
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str):
        return sqlstate in _SQLSTATES or sqlstate.startswith("08")
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in _SQLITE_CODES


def is_outage(error: BaseException) -> bool:
    """True where the database is at fault (away, full, read-only, out of connections) and not
    what it was given: the same work will succeed once the database is well."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | Unavailable):
        return True
    if is_transient(error):
        return True
    orig = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(orig, "sqlstate", None)
    if sqlstate == _NOT_LOCKED:
        return True
    # Insufficient resources, operator intervention, system error.
    return isinstance(sqlstate, str) and sqlstate[:2] in ("53", "57", "58")


_SQLITE_TROUBLE = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, and it goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk does not take what is written: look after it",
    sqlite3.SQLITE_READONLY: "the database may not be written: mend its rights, or its disk",
    sqlite3.SQLITE_BUSY: "another process holds its lock",
    sqlite3.SQLITE_LOCKED: "another process holds its lock",
}


def trouble_with(error: BaseException) -> str:
    """Of an outage, for whoever is to end it; nothing of what was to be written."""
    orig = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(orig, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in _SQLITE_TROUBLE:
        return _SQLITE_TROUBLE[code & 0xFF]
    sqlstate = getattr(orig, "sqlstate", None)
    if sqlstate == "53100":
        return _SQLITE_TROUBLE[sqlite3.SQLITE_FULL]
    if sqlstate == "53300":
        return "it has no connection left for us: raise max_connections"
    return f"it does not answer ({type(orig).__name__})"
