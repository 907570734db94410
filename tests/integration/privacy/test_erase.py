"""One person is told and goes: from both databases, Redis, files and logs, and nobody else does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from switchboard.nodes.event_stream import stream_of
from switchboard.nodes.news_stream import news_of
from switchboard.privacy.registry import OF_PEOPLE
from tests.integration.privacy import canary
from tests.integration.privacy.canary import NUMBER, OTHER, OTHER_NUMBER, STRANGER, House

pytestmark = pytest.mark.integration


async def told(house: House, *words: str) -> dict[str, Any]:
    done = await asyncio.to_thread(house.call, "privacy", *words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.long_on("postgresql")
async def test_of_a_person_erased_everywhere_nothing_is_left(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await canary.live_through(house)
    kept: dict[str, Any] = {}
    for number in (NUMBER, STRANGER):
        for kind, tables in (await told(house, "export", number))["kept"].items():
            kept.setdefault(kind, {}).update(tables)
    # Each table that can hold something of a person holds something of this one.
    seeded = {name for tables in kept.values() for name in tables}
    assert {held.table.name for held in OF_PEOPLE} - seeded == set()
    before = canary.hits(await canary.everything(house))
    in_redis = {f"redis {name(house.system)}" for name in (stream_of, news_of)}
    assert {"calls", *in_redis, "outbox", "crm_contacts", "pops"} <= set(before)

    backup = tmp_path / "backup.tar.gz"
    assert (await asyncio.to_thread(house.call, "backup", str(backup))).exit_code == 0
    assert canary.leave_remnants(house) == house.url.startswith("sqlite")
    for number in (NUMBER, STRANGER):
        done = await told(house, "erase", number, "--yes", "--json")
        assert done["counts"]["calls"] >= 1
        assert done["still_named"] == {}
    after = await canary.everything(house)
    assert canary.hits(after) == {}
    # What somebody else left is there, but for the number in the note; what is counted counts on.
    assert "asks us to ring (erased), her neighbour" in after["pops"]
    assert f"'{OTHER_NUMBER}'" in after["calls"]
    assert len(after["calls"].splitlines()) == 5
    assert OTHER.id in after["crm_purchases"]
    assert OTHER_NUMBER in after[f"redis {news_of(house.system)}"]
    assert "'decaf'" in after["offer_meetings"]
    assert canary.hits(canary.files(house)) == {}
    assert (await told(house, "erase", NUMBER, "--yes", "--json"))["counts"] == {}
    back = await asyncio.to_thread(house.call, "restore", str(backup), "--force")
    assert back.exit_code == 0, back.output
    assert "erased again: 2 of 3 people" in back.stdout
    assert canary.hits(await canary.everything(house)) == {}
    assert canary.hits(canary.files(house)) == {}
    assert (await told(house, "export", OTHER_NUMBER))["kept"]["calls"]["calls"]
    assert canary.hits({"log": capsys.readouterr().err}) == {}
