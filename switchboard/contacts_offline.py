"""What the commands of the contacts do beside a running server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from config.settings import Settings
from crm_adapter.embedded.contact_rows import CONTACT_ROWS as ROWS_OF_CRM
from crm_adapter.embedded.duplicates import Duplicates, find_duplicates
from crm_adapter.embedded.merging import Merged, Merges, PastMerge
from crm_adapter.embedded.quality import Quality, measure
from scoring.contact_rows import CONTACT_ROWS as ROWS_OF_SCORING
from storage.database import Database
from supervisor.quality_page import PAIRS_SHOWN, page
from switchboard.offline import opened
from switchboard.progress import Report


def _merges(database: Database) -> Merges:
    return Merges(database=database, rows=(*ROWS_OF_CRM, *ROWS_OF_SCORING))


async def duplicates(
    settings: Settings, *, least: float, limit: int, progress: Report
) -> Duplicates:
    async with opened(settings) as database:
        return await find_duplicates(database, least=least, limit=limit, progress=progress)


async def merged(
    settings: Settings, kept_id: str, other_id: str, *, by: str, dry_run: bool
) -> Merged:
    async with opened(settings) as database:
        return await _merges(database).merge(kept_id, other_id, by=by, dry_run=dry_run)


async def unmerged(settings: Settings, merge_id: int) -> Merged:
    async with opened(settings) as database:
        return await _merges(database).unmerge(merge_id)


async def past_merges(settings: Settings) -> list[PastMerge]:
    async with opened(settings) as database:
        return await _merges(database).past()


async def quality(settings: Settings, progress: Report) -> Quality:
    """With the duplicates that would be proposed."""

    def of_all(part: int) -> Report:
        return lambda done, total: progress(part * 1_000 + 1_000 * done // max(total, 1), 2_000)

    async with opened(settings) as database:
        found = await find_duplicates(database, limit=PAIRS_SHOWN, progress=of_all(0))
        return await measure(database, duplicates=found, progress=of_all(1))


def written(quality: Quality, path: Path) -> None:
    """It names people: for nobody but who made it."""
    path.touch(mode=0o600)
    path.write_text(page(quality, at=datetime.now(UTC)), encoding="utf-8")
