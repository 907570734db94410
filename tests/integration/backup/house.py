"""An installation in a folder: a database, the files beside it, and the commands as people give
them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData, func, insert, select
from typer.testing import CliRunner, Result

from calls.bus import EventBus
from calls.caller import IdentityOutcome
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.records import Records
from screenpop.agents.agent_tables import agents
from screenpop.agents.second_factor_tables import second_factors
from storage import migrate
from storage.database import Database
from storage.shapes import known_revisions, shape_at
from switchboard import cli
from tests.fakes.call_stories import MARIA, START, Roster, Story, a_call
from tests.integration.backup.mortal import Mortal

SECRET, SIP_SECRET = "the-ami-secret", "the-sip-secret"
FACTOR_SECRET = "THESECONDFACTOR7"


@dataclass(frozen=True)
class Installation:
    """`config` says where everything lies: all of it in `folder` but a PostgreSQL database."""

    folder: Path
    url: str

    @property
    def config(self) -> Path:
        return self.folder / "switchboard.yaml"

    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "ami.secret").write_text(f"{SECRET}\n")
        self.config.write_text(
            f"storage:\n  url: {self.url}\n"
            f"ami:\n  secret_file: {self.folder}/ami.secret\n"
            f"audit:\n  folder: {self.folder}/audit\n"
            f"odoo:\n  key: 'inline-key' # of our own\n"
            f"rulebook:\n  path: {self.folder}/rulebook\n  state_dir: {self.folder}/rulebooks\n"
            f"scoring:\n  models_dir: {self.folder}/models\n"
        )

    def call(self, *words: str) -> Result:
        """In this process: starting another one takes longer than most commands."""
        told = [*words, "--config", str(self.config)]
        return CliRunner().invoke(cli.app, told, env={"NO_COLOR": "1", "COLUMNS": "200"})

    def killed_at(self, mortal: Mortal, point: str, *words: str) -> bool:
        return mortal.run(point, *words, "--config", str(self.config)) == -signal.SIGKILL

    async def make_database(self) -> None:
        async with Database(self.url) as database:
            await migrate.upgrade(database)

            async def fill(link) -> None:  # type: ignore[no-untyped-def]
                await link.execute(
                    insert(tables.contacts).values(
                        id=MARIA.ref.id, first_name="Maria", last_name="Garcia", updated_at=START
                    )
                )
                await link.execute(
                    insert(agents).values(
                        login="anna", name="Anna", password_hash="$argon2id$x", interfaces=[],
                        queues=[], language="en", role="agent", state="offline",
                        sip_secret=SIP_SECRET,
                    )
                )  # fmt: skip
                await link.execute(
                    insert(second_factors).values(
                        login="anna", secret=FACTOR_SECRET, enrolled_at=START, last_step=7
                    )
                )

            await database.writer.write(fill)

    def files(self) -> dict[str, bytes]:
        """What lies in the folders beside the database."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for name in ("rulebook", "rulebooks", "models")
            for path in sorted((self.folder / name).rglob("*"))
            if path.is_file() and path.name != "lock"
        }

    async def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """But the audit log's, which tells of the commands themselves."""
        shape: MetaData = shape_at(known_revisions()[-1])
        async with Database(self.url) as database, database.read() as link:
            return {
                table.name: sorted(
                    (tuple(row) for row in await link.execute(select(table))), key=repr
                )
                for table in shape.sorted_tables
                if not table.name.startswith("audit_")
            }


def add_files(house: Installation) -> None:
    """A rulebook, two versions that were published, a model."""
    for name, content in {
        "rulebook/main.yaml": "name: 问候\n",
        "rulebook/.hidden": "not kept",
        "rulebooks/versions/0123456789abcdef/main.yaml": "one\n",
        "rulebooks/versions/fedcba9876543210/main.yaml": "two\n",
        "rulebooks/sounds/" + "a" * 64 + ".wav": "RIFF",
        "rulebooks/current": "{}",
        "rulebooks/history.jsonl": "{}\n",
        "rulebooks/lock": "",
        "models/churn/20260302T000000Z-abc/model.ubj": "trees",
        "models/churn/current.json": "{}",
        "models/churn/.new-1/model.ubj": "half",
    }.items():
        path = house.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


@asynccontextmanager
async def busy(url: str) -> AsyncIterator[list[str]]:
    """Calls that come, end, are recorded and told to the embedded CRM, one after the other, until
    this is left. Yields their names as they end."""
    ended: list[str] = []
    async with Database(url) as database:
        bus = EventBus()
        crm = EmbeddedCrm(database=database)
        await crm.open()
        async with Records(database=database, bus=bus, crm=crm, roster=Roster()) as records, bus:

            async def go_on() -> None:
                while True:
                    name = f"{len(ended):06d}"
                    story = Story(a_call(name))
                    await records.journal.open_call(story.call)
                    for event in story.whole(IdentityOutcome.UNIQUE):
                        bus.publish(event)
                    await bus.drain()
                    await records.settled()
                    ended.append(name)

            task = asyncio.create_task(go_on(), name="calls")
            try:
                yield ended
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await crm.close()


async def count(url: str, table: str) -> int:
    shape = shape_at(known_revisions()[-1])
    async with Database(url) as database, database.read() as link:
        return await link.scalar(select(func.count()).select_from(shape.tables[table])) or 0
