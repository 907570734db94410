"""What one process at a time may do: leases in the database, by the database's clock.

A lease has a token that grows with each holder. `Lease.fence` makes a transaction fail that is not
the present holder's: a process that slept through the end of its lease writes nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Float, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from calls.errors import SwitchboardError
from storage.database import SQLITE_BEGIN, Database
from storage.lease_tables import leases


class LeaseLost(SwitchboardError):
    """Another process has the lease by now."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a lease. `left_s` by the database's clock, when it was asked; 0 where it is over."""

    holder: str
    address: str
    token: int
    left_s: float


class _DatabaseNow(FunctionElement[float]):
    """Seconds since 1970 of this moment, not of the transaction's beginning."""

    type = Float()
    inherit_cache = True


@compiles(_DatabaseNow, "postgresql")
def _postgres_now(element: _DatabaseNow, compiler: SQLCompiler, **_: object) -> str:
    return "extract(epoch from clock_timestamp())"


@compiles(_DatabaseNow, "sqlite")
def _sqlite_now(element: _DatabaseNow, compiler: SQLCompiler, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


class Lease:
    """One process's claim on the lease `name`. Every method may raise what the database raises."""

    def __init__(
        self, *, database: Database, name: str, holder: str, address: str = "", ttl_s: float = 3.0
    ) -> None:
        self._engine = database.engine.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert
        self.name = name
        self.holder = holder
        self._address = address
        self.ttl_s = ttl_s
        #: None until it was taken.
        self.token: int | None = None

    async def take(self) -> bool:
        """True where it was free, or its holder's time is over, and is ours now."""
        now = _DatabaseNow()
        mine = {
            "holder": self.holder,
            "address": self._address,
            "expires_at": now + self.ttl_s,
        }
        statement = (
            self._insert(leases)
            .values(name=self.name, token=1, **mine)
            .on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={**mine, "token": leases.c.token + 1},
                where=leases.c.expires_at <= now,
            )
            .returning(leases.c.token)
        )
        async with self._engine.begin() as connection:
            self.token = await connection.scalar(statement)
        return self.token is not None

    async def renew(self) -> None:
        """Raises LeaseLost where another has it."""
        statement = (
            update(leases)
            .where(leases.c.name == self.name, leases.c.token == self.token)
            .values(expires_at=_DatabaseNow() + self.ttl_s)
        )
        async with self._engine.begin() as connection:
            renewed = (await connection.execute(statement)).rowcount
        if not renewed:
            raise LeaseLost(f"the lease {self.name} is another's")

    async def give_back(self) -> None:
        """Whoever waits for it need not wait for its end."""
        statement = (
            update(leases)
            .where(leases.c.name == self.name, leases.c.token == self.token)
            .values(expires_at=0.0)
        )
        async with self._engine.begin() as connection:
            await connection.execute(statement)

    async def fence(self, connection: AsyncConnection) -> None:
        """First in a transaction: it commits only while the lease is ours, and nobody takes the
        lease before it has. Raises LeaseLost."""
        query = select(leases.c.token).where(leases.c.name == self.name)
        token = await connection.scalar(query.with_for_update(read=True))
        if token is None or token != self.token:
            raise LeaseLost(f"the lease {self.name} is another's")


async def forget_old(database: Database, prefix: str, *, after_s: float = 86_400.0) -> None:
    """Leases of this prefix that have been over for so long."""
    begins = leases.c.name.startswith(prefix, autoescape=True)
    statement = delete(leases).where(begins, leases.c.expires_at < _DatabaseNow() - after_s)
    engine = database.engine.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
    async with engine.begin() as connection:
        await connection.execute(statement)


async def held(database: Database, name: str) -> Held | None:
    """Who has it now, or had it last; None where nobody ever did."""
    query = select(
        leases.c.holder,
        leases.c.address,
        leases.c.token,
        (leases.c.expires_at - _DatabaseNow()).label("left_s"),
    ).where(leases.c.name == name)
    async with database.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else Held(row.holder, row.address, row.token, max(0.0, row.left_s))
