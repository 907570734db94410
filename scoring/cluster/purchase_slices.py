"""Purchases dealt out by contact: each source file becomes slices, one set for each part.

A contact is in one part, by the CRC-32 of the name, which is the same in every program and year.
A source is read in batches, so memory does not grow with it; what a source gave is recorded only
once all of it is there, so a run that was killed begins again with that source alone. A source
that changed is read again, one that is gone takes its slices with it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from calls.errors import Misconfigured
from scoring.cluster.settled_files import read_record, settle
from scoring.evaluation.outside_files import OutsideTable, find_columns, first_line
from scoring.evaluation.outside_values import (
    as_names,
    as_numbers,
    as_times,
    form_of,
    written_otherwise,
)
from scoring.features.purchase_features import AMOUNT, CATEGORY, CUSTOMER, DAY, PRODUCT, QUANTITY

#: Rows held at once.
BATCH_ROWS = 500_000
#: Different days of each batch that are looked at, to see how they are written.
_TOLD = 5_000

_NEEDED = {
    "customer_id": (CUSTOMER, "client_id", "contact_id", "user_id"),
    "date": (DAY, "invoice_date", "order_date", "purchase_date", "at", "time"),
    AMOUNT: ("total", "value", "revenue", "spend"),
}
_OPTIONAL = {
    PRODUCT: ("product_id", "item", "sku"),
    QUANTITY: ("pieces", "qty"),
    CATEGORY: ("department", "group"),
}
_SCHEMA = {
    CUSTOMER: pl.String, DAY: pl.Date, AMOUNT: pl.Float64,
    PRODUCT: pl.String, QUANTITY: pl.Float64, CATEGORY: pl.String,
}  # fmt: skip

#: Called with what is done and what there is to do.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of purchases, as it was when its slices were made."""

    name: str
    size: int
    modified_ns: int
    #: Rows read, and those without a customer or a day, which are left out.
    rows: int = 0
    left_out: int = 0
    #: By the part's number, the digests of its slices.
    slices: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return hashlib.blake2b(self.name.encode(), digest_size=8).hexdigest()

    def same_file(self, other: Source) -> bool:
        mine = (self.name, self.size, self.modified_ns)
        return mine == (other.name, other.size, other.modified_ns)


@dataclass(frozen=True, slots=True)
class Slices:
    """Under `folder`: `slices/part-0007/<source>-<batch>.parquet`, `sources/<source>.json`."""

    folder: Path
    parts: int
    renames: Mapping[str, str]

    def take_in(self, purchases: Path, progress: Progress) -> list[Source]:
        """All sources, the changed ones read again. Raises Misconfigured."""
        wanted = list(_sources(purchases))
        if not wanted:
            raise Misconfigured(f"{purchases}: there is no .parquet file in it")
        held = {source.key: source for source in self._held()}
        for key in held.keys() - {source.key for source in wanted}:
            self._forget(key)
        total, done = sum(source.size for source in wanted), 0
        found: list[Source] = []
        for source in wanted:
            before = held.get(source.key)
            if before is None or not (before.same_file(source) and self._has_all_of(before)):
                self._forget(source.key)
                before = self._read(purchases / source.name, source)
                settle(self._record(source.key), json.dumps(asdict(before)))
            found.append(before)
            done += source.size
            progress(done, total)
        return found

    def of_part(self, number: int, sources: Sequence[Source]) -> list[Path]:
        """In the order of the sources."""
        folder = self._part_folder(number)
        return [path for each in sources for path in sorted(folder.glob(f"{each.key}-*.parquet"))]

    def _has_all_of(self, source: Source) -> bool:
        return all(
            len(self.of_part(int(part), [source])) == len(digests)
            for part, digests in source.slices.items()
        )

    def _part_folder(self, number: int) -> Path:
        return self.folder / "slices" / f"part-{number:04d}"

    def _record(self, key: str) -> Path:
        return self.folder / "sources" / f"{key}.json"

    def _held(self) -> Iterator[Source]:
        for path in sorted((self.folder / "sources").glob("*.json")):
            record = read_record(path)
            try:
                yield Source(**(record or {}))
            except TypeError:
                # No record of ours, or torn: as if it had never been read.
                self._forget(path.stem)

    def _forget(self, key: str) -> None:
        self._record(key).unlink(missing_ok=True)
        for path in (self.folder / "slices").glob(f"part-*/{key}-*.parquet"):
            path.unlink()

    def _read(self, path: Path, source: Source) -> Source:
        rows = left_out = 0
        slices: dict[str, list[str]] = {}
        for number, (read, batch) in enumerate(self._batches(path)):
            rows += read
            left_out += read - len(batch)
            for part, of_part in self._dealt(batch):
                target = self._part_folder(part) / f"{source.key}-{number:05d}.parquet"
                target.parent.mkdir(parents=True, exist_ok=True)
                of_part.write_parquet(target, compression="lz4", statistics=False)
                slices.setdefault(str(part), []).append(_digest(target))
        return Source(source.name, source.size, source.modified_ns, rows, left_out, slices)

    def _batches(self, path: Path) -> Iterator[tuple[int, pl.DataFrame]]:
        """Rows read, and of them those that have a customer and a day."""
        try:
            with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                names = tuple(file.schema_arrow.names)
                table = OutsideTable(path, pl.LazyFrame(), names)
                ours = find_columns(table, self.renames, needed=_NEEDED, optional=_OPTIONAL)
                columns = sorted(set(ours.values()))
                form = _form(file, ours["date"])
                for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                    frame = pl.DataFrame(pl.from_arrow(pyarrow.Table.from_batches([batch])))
                    yield batch.num_rows, _cleaned(frame, ours, path, form)
        except (pyarrow.ArrowException, OSError, pl.exceptions.PolarsError) as error:
            raise Misconfigured(
                f"{path}: cannot be read as Parquet: {first_line(error)}"
            ) from error

    def _dealt(self, batch: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        numbers = _part_numbers(batch[CUSTOMER], self.parts)
        dealt = batch.with_columns(pl.Series("part", numbers)).partition_by(
            "part", as_dict=True, include_key=False, maintain_order=True
        )
        for (part,), of_part in dealt.items():
            yield int(str(part)), of_part


def _sources(purchases: Path) -> Iterator[Source]:
    if not purchases.is_dir():
        raise Misconfigured(f"{purchases}: no such folder")
    for path in sorted(purchases.rglob("*.parquet")):
        known = path.stat()
        yield Source(path.relative_to(purchases).as_posix(), known.st_size, known.st_mtime_ns)


def _form(file: pyarrow.parquet.ParquetFile, column: str) -> str | None:
    """How the whole file writes its days: one batch alone may not tell days from months."""
    kind = file.schema_arrow.field(column).type
    if pyarrow.types.is_date(kind) or pyarrow.types.is_timestamp(kind):
        return None
    found = []
    for batch in file.iter_batches(BATCH_ROWS, columns=[column], use_threads=False):
        frame = pl.DataFrame(pl.from_arrow(pyarrow.Table.from_batches([batch])))
        told = frame[column].cast(pl.String).drop_nulls().unique(maintain_order=True)
        found.append(told.gather_every(len(told) // _TOLD + 1))
    return form_of(pl.concat(found).unique(maintain_order=True)) if found else None


def _cleaned(
    raw: pl.DataFrame, ours: Mapping[str, str], path: Path, form: str | None
) -> pl.DataFrame:
    days, _ = as_times(raw[ours["date"]], form)
    other = written_otherwise(raw[ours["date"]], days, form) if form is not None else None
    if other is not None:
        raise Misconfigured(
            f"{path}: its days are written in two ways: most as {form}, but {other[0]!r} as "
            f"{other[1]}; write all in one way, or as a column of dates"
        )
    columns: dict[str, pl.Series] = {
        CUSTOMER: as_names(raw[ours["customer_id"]]),
        DAY: days.dt.date(),
        AMOUNT: as_numbers(raw[ours[AMOUNT]]),
    }
    for name in (PRODUCT, CATEGORY):
        if name in ours:
            columns[name] = as_names(raw[ours[name]])
    if QUANTITY in ours:
        columns[QUANTITY] = as_numbers(raw[ours[QUANTITY]])
    missing = {name: kind for name, kind in _SCHEMA.items() if name not in columns}
    frame = pl.DataFrame(columns).with_columns(
        *(pl.lit(None, dtype=kind).alias(name) for name, kind in missing.items())
    )
    frame = frame.select([pl.col(name).cast(kind) for name, kind in _SCHEMA.items()])
    return frame.filter(pl.col(CUSTOMER).is_not_null(), pl.col(DAY).is_not_null())


def _part_numbers(customers: pl.Series, parts: int) -> Any:
    """Of each row. Each name is counted out once."""
    coded = pyarrow.compute.dictionary_encode(customers.to_arrow())
    names = coded.dictionary.to_pylist()
    numbers = (zlib.crc32(name.encode()) % parts for name in names)
    of_name = np.fromiter(numbers, np.uint32, count=len(names))
    return of_name[coded.indices.to_numpy()]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=12)).hexdigest()
