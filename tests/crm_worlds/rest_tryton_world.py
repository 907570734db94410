"""A real Tryton 8.2 through YAML alone: the mapping that we ship."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calls.caller import ContactRef
from config.crm_settings import RestSettings
from crm_adapter.rest.adapter import RestCrm
from tests.crm_worlds.presets import unhurried
from tests.crm_worlds.tryton_world import TrytonWorld
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind
from tests.servers.tryton.server import HOUSE, TrytonServer


def made(server: TrytonServer, mapping: Path, url: str | None = None) -> RestCrm:
    return RestCrm(
        settings=RestSettings(mapping=mapping),
        region="GB",
        environ={
            "TRYTON_URL": f"{url or server.url}/{server.database}",
            "TRYTON_USER": server.username,
            "TRYTON_PASSWORD": server.password,
        },
    )


@dataclass
class RestTrytonWorld(TrytonWorld):
    """Implements `tests.crm_worlds.world.HttpCrmWorld`. A note of the mapping's is a call where it
    says how long somebody talked, and a task otherwise."""

    mapping: Path = Path()

    def through(self, url: str) -> RestCrm:
        return made(self.server, self.mapping, url)

    async def add_contact(self, *numbers: str, **given: Any) -> ContactRef:
        ref = await super().add_contact(*numbers, **given)
        return ContactRef("rest", ref.id)

    async def leads(self) -> Sequence[LeadRow]:
        fields = ["reference", "description", "comment", "state"]
        return [
            LeadRow(
                str(row["id"]),
                row["reference"],
                _line(row["comment"], "Number") or "",
                f"{row['description']}\n{row['comment']}",
                row["state"] in ("lead", "opportunity"),
            )
            for row in await self.server.find("sale.opportunity", [], fields)
        ]

    async def calls(self) -> Sequence[CallRow]:
        return [_call(row) for row in await self._notes() if _line(row["message"], "Talked")]

    async def tasks(self) -> Sequence[TaskRow]:
        return [
            TaskRow(
                str(row["id"]),
                _line(row["message"], "Key") or "",
                _line(row["message"], "Number"),
                row["message"],
            )
            for row in await self._notes()
            if not _line(row["message"], "Talked")
        ]


def _call(row: Mapping[str, Any]) -> CallRow:
    message = row["message"]
    answered, ended = _moment(message, "Answered"), _moment(message, "Ended")
    arrived = re.search(r" on (\S+ \S+) UTC$", message, re.MULTILINE)
    number = re.search(r"^From (\+[0-9]+) to", message, re.MULTILINE)
    assert arrived is not None
    model, _, record = row["resource"].partition(",")
    return CallRow(
        id=str(row["id"]),
        key=_line(message, "Key") or "",
        number=number[1] if number else None,
        text=message,
        seconds=int((_line(message, "Talked") or "0").removesuffix(" s")),
        started_at=answered or datetime.fromisoformat(arrived[1]).replace(tzinfo=UTC),
        ended_at=ended,
        contact=record if model == "party.party" and record != str(HOUSE) else None,
    )


def _moment(message: str, name: str) -> datetime | None:
    told = _line(message, name)
    return datetime.fromisoformat(told) if told else None


def _line(message: str, name: str) -> str | None:
    found = re.findall(rf"^{name}: (.*)$", message, re.MULTILINE)
    return found[-1] if found else None


@asynccontextmanager
async def _opened(server: TrytonServer, folder: Path) -> AsyncIterator[RestTrytonWorld]:
    await server.clean()
    mapping = unhurried(folder, "tryton")
    crm, other = made(server, mapping), made(server, mapping)
    await crm.open()
    await other.open()
    try:
        # Both have logged in, and what they do at once really is.
        await crm.check()
        await other.check()
        yield RestTrytonWorld(server, crm, other, mapping=mapping)
    finally:
        await crm.close()
        await other.close()


GAPS = {
    "test_the_company_is_told": "people are tied to companies by relations whose types every "
    "company names for itself",
    "test_an_earlier_record_that_comes_late_undoes_nothing": "a note's revision is in its text, "
    "where JMESPath cannot look",
    "test_a_call_is_moved_to_whom_an_agent_said_it_was": "Tryton finds notes only on records that "
    "are named, and a mapping knows the contact of now alone: the earlier contact keeps its note",
    "test_one_of_two_changes_at_once_from_one_version_is_refused": "Tryton's condition is a key of "
    "the request, and a mapping's keys are fixed: we look at the version, then write",
}
WORLDS = (
    WorldKind(
        name="rest-tryton",
        opened=_opened,
        needs=("tryton_server", "tmp_path"),
        proven_by="real server",
        is_http=True,
        renews_log_in=True,
        tells_open=True,
        limit_s=600,
        gaps=GAPS,
    ),
)
