"""Twenty rulebooks published under twenty calls a second: nobody fails, nobody meets a mixture."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import RulebookSettings
from config.surroundings import Surroundings
from supervisor import publishing
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, numbers, strangers
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

PUBLISHES, CALLS, RATE = 20, 240, 20.0
QUEUES = ("support", "sales", "billing")
#: One key in each of two menus, a second apart: time for a new version to come in between.
CALLER = CallerShape(presses=(Press(900, "1"), Press(1100, "1")), hang_up_after_ms=3000)


def write(folder: Path, number: int) -> Path:
    """Both menus name the version's own queue as the way out; only a call that keeps its version
    through both ends in the queue that the version recorded with it names."""
    queue = QUEUES[number % len(QUEUES)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "numbers.yaml").write_text("numbers:\n  default: {menu: main, language: en}\n")
    (folder / "menus.yaml").write_text(
        f"# version {number}\nmenus:\n"
        "  main:\n    greeting: Hello.\n    options:\n"
        f"      - {{intent: on, say: To go on, do: {{menu: second_{queue}}}}}\n"
        f"  second_{queue}:\n    options:\n"
        f"      - {{intent: there, say: To {queue}, do: {{queue: {queue}}}}}\n"
        f"    failure: {{queue: {queue}}}\n"
    )
    return folder


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    folder = write(tmp_path / "rulebook", 0)
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={"rulebook": {"path": str(folder), "watch_every_s": 0.1}},
    ) as centre:
        yield centre


async def test_every_call_has_one_version_from_start_to_end(centre: DemoCentre) -> None:
    settings = RulebookSettings.model_validate(centre.server.settings["rulebook"])
    drafts = [write(centre.folder / "drafts" / str(n), n) for n in range(1, PUBLISHES + 1)]
    around = Surroundings.of(settings)
    queue_of = {}
    for number, draft in enumerate(drafts, 1):
        loaded = await asyncio.to_thread(publishing.prepare, draft, around, datetime.now(UTC))
        queue_of[loaded.files.version] = QUEUES[number % len(QUEUES)]
    [first] = [line.publication.version for line in publishing.list_versions(settings)]
    queue_of[first] = QUEUES[0]

    at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE)
    for draft in drafts:
        await asyncio.to_thread(_publish, draft, settings)
        version = publishing.list_versions(settings)[0].publication.version
        await until(functools.partial(_serves, centre, version), f"{version} is current")
    assert_all_served(await at_work.wait(deadline_s=60), CALLS)

    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.balanced(numbers(CALLS), deadline_s=30)
    mixed = {
        entry.call.linkedid: (entry.call.rulebook_version, entry.call.queue)
        for entry in entries.values()
        if entry.call.queue != queue_of[entry.call.rulebook_version]
    }
    assert mixed == {}
    assert not any(entry.call.fallback for entry in entries.values())
    served = {entry.call.rulebook_version for entry in entries.values()}
    assert len(served) >= PUBLISHES // 2, "the calls came while versions changed"


def _publish(draft: Path, settings: RulebookSettings) -> None:
    now = datetime.now(UTC)
    loaded = publishing.prepare(draft, Surroundings.of(settings), now)
    publishing.publish(loaded, settings, author="storm", comment=draft.name, now=now)


async def _serves(centre: DemoCentre, version: str) -> bool:
    state = (await centre.server.readyz())["parts"]["rulebook"]
    return str(state["detail"]) == f"version {version}"
