"""A CRM that takes its time, in a process of its own: EspoCRM's wire as the tests' server speaks
it, with an index, so that its hundred-thousandth record costs what its first did.

Prints its address, and ends with its standard input. What it was told of: `GET /told`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.gates.numbers import KNOWN, known
from crm_adapter.adapters.written_once import record_key
from tests.fakes.crm_server import Handler, digits
from tests.fakes.espocrm_server import KEY, EspoCrmServer

#: Several requests a call, twenty calls a second, .08 s each; and some to spare.
AT_ONCE = 24
#: Seconds until it answers, evenly between.
ANSWERS_S = (0.04, 0.12)
_KEY_FIELD = "switchboardKey"
_PHONE = "phoneNumber"
_END = 4

Row = dict[str, Any]


class SlowCrm(EspoCrmServer):
    """With `KNOWN` contacts, each of whom has bought something and has an open case."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._by_key: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self._by_end: dict[tuple[str, str], list[Row]] = defaultdict(list)
        super().__init__()
        for number in range(KNOWN):
            contact = self.add_contact(
                known(number), first_name="Kim", last_name=f"Number {number}"
            )
            row = self.rows["Contact"][contact]
            self._by_end["Contact", _end(known(number))].append(row)
            self.add_history(contact)

    def routes(self) -> Iterable[web.RouteDef]:
        return [*super().routes(), web.get("/told", self._told)]

    def open_paths(self) -> tuple[str, ...]:
        return ("/told",)

    def considered(self, request: web.Request, entity: str) -> list[Row]:
        asked = dict(request.query)
        if asked.get("where[0][attribute]") == _KEY_FIELD:
            return self._by_key[entity, asked["where[0][value]"]]
        spelt = asked.get("where[0][value][0][value]")
        if asked.get("where[0][value][0][attribute]") == _PHONE and spelt is not None:
            return self._by_end[entity, _end(spelt)]
        return super().considered(request, entity)

    def possible_twins(self, entity: str, given: Row) -> list[Row]:
        same_end = self._by_end[entity, _end(given[_PHONE])] if given.get(_PHONE) else []
        return [*self._by_key[entity, str(given.get(_KEY_FIELD))], *same_end]

    def _keep(self, entity: str, given: Row) -> Row:
        row = super()._keep(entity, given)
        if key := given.get(_KEY_FIELD):
            self._by_key[entity, key].append(row)
        if number := given.get(_PHONE):
            self._by_end[entity, _end(number)].append(row)
        return row

    async def _believed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.clear()
        if request.path not in self.open_paths():
            await asyncio.sleep(self._chance.uniform(*ANSWERS_S))
        return await super()._believed(request, handler)

    async def _told(self, _request: web.Request) -> web.Response:
        keys = Counter(row[_KEY_FIELD] for row in self.rows["Call"].values())
        numbers = Counter(row[_PHONE] for row in self.rows["Lead"].values())
        return web.json_response({"calls": keys, "leads": numbers})


def _end(number: str) -> str:
    return digits(number)[-_END:]


@dataclass(frozen=True, slots=True)
class Told:
    """How often the CRM has each call (by our key) and a lead of each number."""

    calls: dict[str, int]
    leads: dict[str, int]


def key_of(call_id: str) -> str:
    return record_key("call", call_id)


class SlowCrmProcess:
    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        return {
            "crm": {"adapter": "espocrm"},
            "espocrm": {"url": self.url, "key": KEY, "concurrency": AT_ONCE},
        }

    async def told(self) -> Told:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/told") as answer:
            return Told(**await answer.json())


@asynccontextmanager
async def slow_crm() -> AsyncIterator[SlowCrmProcess]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.gates.slow_crm",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, process_group=0,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            url = json.loads(await process.stdout.readline())["url"]
        yield SlowCrmProcess(url)
    finally:
        process.stdin.close()
        await process.wait()


async def _serve() -> None:
    async with SlowCrm() as server:
        print(json.dumps({"url": server.url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
