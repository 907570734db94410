"""A running Tryton 8.2 with a database of its own, as the administrator sees it.

In a test, ask for the fixture `tryton_server` (one per run) and begin with `clean()`. `url`,
`database`, `username` and `password` are what an adapter is set up with.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import shutil
import signal
import sqlite3
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp

from switchboard.demo import free_ports
from switchboard.demo.private_servers import serving, wait_until
from tests.servers.tryton.program import DATABASE, tryton_program, write_config

#: Id of the party that is the company itself.
HOUSE = 1
_EMPTIED = (
    "ir_note",
    "sale_line",
    "sale_sale",
    "sale_opportunity",
    "sale_opportunity__history",
)
#: Tables with the column that names the party.
_OF_PARTIES = {
    "party_contact_mechanism": "party",
    "party_address": "party",
    "party_party_lang": "party",
    "party_party": "id",
}


@dataclass(slots=True)
class TrytonServer:
    """See the module."""

    url: str
    file: Path
    passwords: Mapping[str, str] = field(repr=False)
    database: str = DATABASE
    username: str = "switchboard"
    _session: str | None = field(default=None, repr=False)

    @property
    def password(self) -> str:
        return self.passwords[self.username]

    async def call(
        self, method: str, *arguments: Any, context: Mapping[str, Any] | None = None
    ) -> Any:
        """`method` without `model.`, as the administrator."""
        if self._session is None:
            login = ["admin", {"password": self.passwords["admin"]}]
            user, session, *_ = await self._post("common.db.login", login, {})
            words = base64.b64encode(f"admin:{user}:{session}".encode()).decode()
            self._session = f"Session {words}"
        headers = {"Authorization": self._session}
        given = {"company": 1, **(context or {})}
        return await self._post(f"model.{method}", [*arguments, given], headers)

    async def _post(self, method: str, params: list[Any], headers: Mapping[str, str]) -> Any:
        body = {"id": 0, "method": method, "params": params}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/{self.database}/rpc/", json=body, headers=headers) as reply,
        ):
            told = await reply.json()
            if "result" not in told:
                raise RuntimeError(f"{method}: {told}")
            return told["result"]

    async def version(self) -> str:
        """Of the module party, as the database has it."""
        [row] = await self.call(
            "ir.module.search_read", [["name", "=", "party"]], 0, 1, None, ["version"]
        )
        return str(row["version"])

    async def create(self, model: str, **values: Any) -> int:
        [created] = await self.call(f"{model}.create", [values])
        return int(created)

    async def find(
        self, model: str, domain: Sequence[Any] = (), fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Archived ones too."""
        found: list[dict[str, Any]] = await self.call(
            f"{model}.search_read",
            list(domain),
            0,
            None,
            [["id", "ASC"]],
            list(fields),
            context={"active_test": False},
        )
        return found

    async def ids(self, model: str, domain: Sequence[Any] = ()) -> list[int]:
        return [row["id"] for row in await self.find(model, domain, ["id"])]

    async def clean(self) -> None:
        """Everything that tests made is gone, past Tryton; the company's own party stays."""
        with contextlib.closing(sqlite3.connect(self.file, timeout=10)) as connection, connection:
            for table in _EMPTIED:
                connection.execute(f'DELETE FROM "{table}"')
            for table, column in _OF_PARTIES.items():
                connection.execute(f'DELETE FROM "{table}" WHERE {column} > ?', (HOUSE,))

    async def set_sale(self, sale: int, *, state: str, day: date, number: str | None) -> None:
        """As the buttons would, which want a chart of accounts first."""
        with contextlib.closing(sqlite3.connect(self.file, timeout=10)) as connection, connection:
            connection.execute(
                "UPDATE sale_sale SET state = ?, sale_date = ?, number = coalesce(?, number) "
                "WHERE id = ?",
                (state, day.isoformat(), number, sale),
            )


@contextmanager
def running_tryton() -> Iterator[TrytonServer]:
    program = tryton_program()
    with tempfile.TemporaryDirectory(prefix="switchboard-tryton-") as folder:
        home, port = Path(folder), free_ports.tcp()
        shutil.copyfile(program.template / f"{DATABASE}.sqlite", home / f"{DATABASE}.sqlite")
        config = write_config(home / "trytond.conf", home, port=port)
        url = f"http://127.0.0.1:{port}"
        command = program.command("trytond", "-c", str(config), "-d", DATABASE)
        with serving(command, home, signal.SIGTERM, program.environment()) as process:
            wait_until(lambda: _answers(url), process, home)
            yield TrytonServer(url, home / f"{DATABASE}.sqlite", program.passwords)


def _answers(url: str) -> bool:
    request = urllib.request.Request(
        f"{url}/rpc/",
        b'{"id": 0, "method": "common.server.version", "params": []}',
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False
