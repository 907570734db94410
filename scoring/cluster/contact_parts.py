"""`switchboard features`: the row of each contact (`scoring.features.schema`), part by part, from
any number of purchases. Memory is that of the largest part.

A part is computed again only where its purchases or the day changed. Its rows take their name when
they are whole, so a run that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from calls.errors import Misconfigured
from scoring.cluster.purchase_slices import Progress, Slices, Source
from scoring.cluster.settled_files import alone_in, read_record, settle, settle_by
from scoring.cluster.spread import Spread
from scoring.evaluation.outside_files import first_line
from scoring.features.frames import rows_at
from scoring.features.schema import SCHEMA

MAX_PARTS = 4_096
#: Changed with the meaning of what is in the folder.
LAYOUT = "contact-parts-1"

#: Told what is being done, gives what is called with how far that is.
Watch = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class PartJob:
    """All that a worker needs to know."""

    slices: tuple[str, ...]
    target: str
    cut: date
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Built:
    """What a run did."""

    parts: int
    computed: int
    contacts: int
    purchases: int
    left_out: int


def build_parts(
    purchases: Path,
    folder: Path,
    *,
    cut: date,
    parts: int,
    spread: Spread,
    renames: Mapping[str, str],
    watch: Watch,
) -> Built:
    """Rows under `folder/rows`. Raises Misconfigured."""
    with alone_in(folder):
        _keep_to_layout(folder, parts, renames)
        slices = Slices(folder, parts, renames)
        with watch("reading purchases") as reading:
            sources = slices.take_in(purchases, reading)
        jobs = list(_jobs(slices, sources, cut))
        _drop_others(folder / "rows", {job.target for job in jobs})
        changed = [job for job in jobs if _held(job) is None]
        with watch("computing rows") as computing:
            for count, _contacts in enumerate(spread.each(compute_part, changed), start=1):
                computing(count, len(changed))
        return Built(
            parts=len(jobs),
            computed=len(changed),
            contacts=sum(_held(job) or 0 for job in jobs),
            purchases=sum(source.rows for source in sources),
            left_out=sum(source.left_out for source in sources),
        )


def compute_part(job: PartJob) -> int:
    """Of how many contacts. Runs here or on a worker. Raises Misconfigured."""
    target = Path(job.target)
    rows = rows_at(_read(job), None, job.cut)
    settle_by(target, lambda beside: rows.write_parquet(beside, compression="lz4"))
    record = {"fingerprint": job.fingerprint, "contacts": len(rows)}
    settle(target.with_suffix(".json"), json.dumps(record))
    return len(rows)


def _read(job: PartJob) -> pl.DataFrame:
    try:
        return pl.read_parquet(list(job.slices))
    except (pl.exceptions.PolarsError, OSError) as error:
        folder = Path(job.slices[0]).parent
        raise Misconfigured(
            f"{folder}: cannot be read ({first_line(error)}); with an engine, its "
            "workers must see it under this path; where it is damaged, remove it and run again"
        ) from error


def _held(job: PartJob) -> int | None:
    """How many contacts are in the part as the job would make it; None: it must be made."""
    target = Path(job.target)
    record = read_record(target.with_suffix(".json"))
    if record is None or record.get("fingerprint") != job.fingerprint or not target.is_file():
        return None
    contacts = record.get("contacts")
    return contacts if isinstance(contacts, int) else None


def _keep_to_layout(folder: Path, parts: int, renames: Mapping[str, str]) -> None:
    if not 1 <= parts <= MAX_PARTS:
        raise Misconfigured(f"{parts} parts: 1 to {MAX_PARTS}")
    wanted = {"layout": LAYOUT, "parts": parts, "columns": dict(renames)}
    path = folder / "layout.json"
    held = read_record(path)
    if held is None:
        if any((folder / name).exists() for name in ("slices", "sources", "rows")):
            raise Misconfigured(f"{folder}: holds files of another kind; name an empty folder")
        settle(path, json.dumps(wanted))
    elif held != wanted:
        raise Misconfigured(
            f"{folder}: was made with {held.get('parts')} parts and columns "
            f"{held.get('columns')}; keep to them, or name an empty folder"
        )


def _jobs(slices: Slices, sources: Sequence[Source], cut: date) -> Iterator[PartJob]:
    for number in range(slices.parts):
        if files := slices.of_part(number, sources):
            yield PartJob(
                slices=tuple(str(path) for path in files),
                target=str(slices.folder / "rows" / f"part-{number:04d}.parquet"),
                cut=cut,
                fingerprint=_fingerprint(number, sources, cut),
            )


def _fingerprint(number: int, sources: Sequence[Source], cut: date) -> str:
    mine = [(source.key, source.slices.get(str(number), [])) for source in sources]
    told = json.dumps([LAYOUT, SCHEMA, cut.isoformat(), [each for each in mine if each[1]]])
    return hashlib.sha256(told.encode()).hexdigest()


def _drop_others(folder: Path, wanted: set[str]) -> None:
    """Parts that have no purchases any more."""
    for path in folder.glob("part-*.parquet"):
        if str(path) not in wanted:
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink()
