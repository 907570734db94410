"""The demo's database: made once a day, copied for each run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from calls.agents import Agent, Softphone
from config.settings import ScoringSettings
from crm_adapter.embedded.demo_load import load_demo
from crm_adapter.embedded.purchase_histories import EmbeddedPurchaseHistories
from scoring.batch import score_all
from screenpop.agents.agent_admin import add_agent
from screenpop.agents.softphones import softphones
from storage import migrate
from storage.database import Database

#: Of every agent of the demo; it only ever listens on loopback.
PASSWORD = "coffee-roaster"


async def prepared_copy(folder: Path, agents: Sequence[Agent], target: Path) -> None:
    """A fresh `target` with the demo's customers, their segments and these agents. In `folder` the
    template is kept for the next copy."""
    told = sha256(repr(agents).encode()).hexdigest()[:16]
    template = folder / f"template-{_today()}-{told}.db"
    if not await asyncio.to_thread(template.exists):
        making = await asyncio.to_thread(_make_room, template)
        await fill(f"sqlite:///{making}", agents)
        making.replace(template)
    await asyncio.to_thread(_copy, template, target)


def _make_room(template: Path) -> Path:
    """Removes the templates of other days; the file to write the new one to."""
    template.parent.mkdir(parents=True, exist_ok=True)
    for old in template.parent.glob("template-*"):
        if not old.name.startswith(f"template-{_today()}"):
            old.unlink()
    making = template.with_suffix(".making")
    making.unlink(missing_ok=True)
    return making


def _copy(template: Path, target: Path) -> None:
    for leftover in target.parent.glob(f"{target.name}*"):
        leftover.unlink()
    shutil.copyfile(template, target)


async def fill(url: str, agents: Sequence[Agent]) -> None:
    """Loads customers, segments and agents into the database at `url`."""
    async with Database(url) as database:
        await migrate.upgrade(database)
        await load_demo(database, today=_today())
        await score_all(
            database=database,
            histories=EmbeddedPurchaseHistories(database=database),
            settings=ScoringSettings(),
            today=_today(),
        )
        for agent in agents:
            await add_agent(database, agent, PASSWORD)


async def softphones_of(url: str) -> Sequence[Softphone]:
    """As `fill` made them."""
    async with Database(url) as database:
        await migrate.upgrade(database)
        return await softphones(database)


def _today() -> date:
    return datetime.now(UTC).date()
