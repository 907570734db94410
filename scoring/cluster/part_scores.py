"""`switchboard score --rows`: a model's answer for each contact, part by part, a batch of rows at
a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from calls.errors import Misconfigured
from scoring.cluster.purchase_slices import Progress
from scoring.cluster.settled_files import alone_in, settle_by
from scoring.cluster.spread import Spread
from scoring.features.purchase_features import CUSTOMER
from scoring.features.schema import SCHEMA
from scoring.registry.checked_loading import load_folder
from scoring.training.in_use import InUse

SCORE = "score"
#: Rows held at once.
BATCH_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """`model`: the folder of a version; it never changes."""

    rows: str
    model: str
    target: str


def score_parts(
    rows: Path, model: Path, folder: Path, *, spread: Spread, progress: Progress
) -> int:
    """How many contacts have a score now: under `folder`, in files named like their parts. Raises
    Misconfigured, ModelRefused."""
    _loaded.cache_clear()
    columns = _loaded(str(model)).card.columns
    files = sorted(rows.glob("*.parquet"))
    if not files:
        raise Misconfigured(f"{rows}: there is no .parquet file in it")
    if rows.resolve() == folder.resolve():
        raise Misconfigured(f"{folder}: the rows lie there; name another folder for the scores")
    for path in files:
        _check(path, columns)
    jobs = [ScoreJob(str(path), str(model), str(folder / path.name)) for path in files]
    count = 0
    with alone_in(folder):
        for done, scored in enumerate(spread.each(score_part, jobs), start=1):
            count += scored
            progress(done, len(jobs))
        for path in folder.glob("*.parquet"):
            if not (rows / path.name).is_file():
                path.unlink()
    return count


def score_part(job: ScoreJob) -> int:
    """Of how many contacts. Runs here or on a worker. Raises Misconfigured, ModelRefused."""
    counts: list[int] = []
    model = _loaded(job.model)
    try:
        settle_by(
            Path(job.target),
            lambda beside: counts.extend(_written(Path(job.rows), beside, model)),
        )
    except pyarrow.ArrowException as error:
        raise Misconfigured(f"{job.rows}: is damaged: {error}") from error
    return sum(counts)


def _written(rows: Path, target: Path, model: InUse) -> Iterator[int]:
    columns = model.card.columns
    kinds = pyarrow.schema([(CUSTOMER, pyarrow.string()), (SCORE, pyarrow.float64())])
    with (
        pyarrow.parquet.ParquetFile(rows) as file,
        pyarrow.parquet.ParquetWriter(target, kinds, compression="lz4") as writer,
    ):
        wanted = [CUSTOMER, *columns]
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
            matrix = np.empty((batch.num_rows, len(columns)), np.float32)
            for place, name in enumerate(columns):
                matrix[:, place] = _numbers(batch.column(name))
            scores = pyarrow.array(model.answers(matrix, columns), pyarrow.float64())
            customers = batch.column(CUSTOMER).cast(pyarrow.string())
            writer.write_table(pyarrow.table([customers, scores], schema=kinds))
            yield batch.num_rows


def _numbers(column: Any) -> Any:
    return column.cast(pyarrow.float32()).to_numpy(zero_copy_only=False)


@lru_cache(maxsize=2)
def _loaded(folder: str) -> InUse:
    """Tried in a process of its own first."""
    card, model = load_folder(Path(folder))
    if card.contact_schema != SCHEMA:
        raise Misconfigured(
            f"{folder}: the model is of rows {card.contact_schema}, these are {SCHEMA}; train anew"
        )
    return InUse(card, model)


def _check(rows: Path, columns: tuple[str, ...]) -> None:
    try:
        there = set(pyarrow.parquet.read_schema(rows).names)
    except (pyarrow.ArrowException, OSError) as error:
        raise Misconfigured(f"{rows}: cannot be read as Parquet") from error
    missing = [name for name in (CUSTOMER, *columns) if name not in there]
    if missing:
        raise Misconfigured(f"{rows}: no column {missing[0]!r}, which the model asks for")
