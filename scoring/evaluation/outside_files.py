"""Tables that others wrote: CSV of any delimiter (also .gz) and Parquet, every column text first.

Nothing is believed of a file: an unknown column, no rows or no table at all is `BadTable`, said in
a sentence. Only the columns asked for are read.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from calls.errors import SwitchboardError

_DELIMITERS = ",;\t|"
_FIRST_BYTES = 65_536


class BadTable(SwitchboardError):
    """The file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class OutsideTable:
    """`frame` holds a file's columns under its own names; `names` are all that are there."""

    path: Path
    frame: pl.LazyFrame
    names: tuple[str, ...]

    def column(self, wanted: str) -> str:
        """The one of this name, in whatever case. Raises BadTable."""
        if wanted in self.names:
            return wanted
        alike = [name for name in self.names if _plain(name) == _plain(wanted)]
        if len(alike) == 1:
            return alike[0]
        there = ", ".join(self.names[:40]) + (", ..." if len(self.names) > 40 else "")
        raise BadTable(f"{self.path}: no column {wanted!r}; there are: {there}")

    def read(self, columns: Sequence[str]) -> pl.DataFrame:
        """Raises BadTable."""
        try:
            return self.frame.select(columns).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            raise BadTable(f"{self.path}: cannot be read: {first_line(error)}") from error


def open_table(path: Path) -> OutsideTable:
    """Raises BadTable."""
    if not path.is_file():
        raise BadTable(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise BadTable(f"{path}: the file is empty")
    try:
        frame = _parquet(path) if _is_parquet(path) else _csv(path)
        names = tuple(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError, EOFError, ValueError) as error:
        raise BadTable(f"{path}: cannot be read: {first_line(error)}") from error
    return OutsideTable(path, frame, names)


def parse_renames(given: Sequence[str]) -> dict[str, str]:
    """`["customer_id=CustomerID,date=InvoiceDate"]` by our name. Raises BadTable."""
    found: dict[str, str] = {}
    for part in (piece.strip() for each in given for piece in each.split(",")):
        if not part:
            continue
        ours, equals, theirs = part.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise BadTable(f"--columns {part}: write it as OUR_NAME=NAME_IN_THE_FILE")
        found[ours.strip()] = theirs.strip()
    return found


def find_columns(
    table: OutsideTable,
    renames: Mapping[str, str],
    *,
    needed: Mapping[str, Sequence[str]],
    optional: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """By our name, the file's. Each of ours comes with other words for it, which are tried where
    nothing is said in `renames`. Raises BadTable."""
    known = {**needed, **optional}
    for ours in renames:
        if ours not in known:
            raise BadTable(f"--columns {ours}=...: we ask for {', '.join(known)} only")
    found: dict[str, str] = {}
    by_plain: dict[str, str] = {}
    for name in reversed(table.names):
        by_plain[_plain(name)] = name
    for ours, words in known.items():
        if ours in renames:
            found[ours] = renames[ours] if "*" in renames[ours] else table.column(renames[ours])
            continue
        for word in (ours, *words):
            if _plain(word) in by_plain:
                found[ours] = by_plain[_plain(word)]
                break
    missing = [ours for ours in needed if ours not in found]
    if missing:
        there = ", ".join(table.names[:40]) + (", ..." if len(table.names) > 40 else "")
        raise BadTable(
            f"{table.path}: no column {missing[0]!r}; there are: {there}. "
            f"Say which it is: --columns {missing[0]}=NAME"
        )
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path)


def _csv(path: Path) -> pl.LazyFrame:
    return pl.scan_csv(
        path,
        separator=_delimiter(path),
        infer_schema=False,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        null_values=["", "NA", "N/A", "null", "NULL", "None", "NaN", "nan", r"\N"],
    )


def _delimiter(path: Path) -> str:
    """The one that the first line holds most of; a file without any has one column."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as opened:
        first = opened.read(_FIRST_BYTES)
    if b"\x00" in first:
        raise ValueError("this is neither text nor Parquet")
    lines = first.decode("utf-8", errors="replace").lstrip("\ufeff").splitlines()
    head = next((line for line in lines if line.strip()), "")
    if not head:
        raise ValueError("there are no lines in it")
    return max(_DELIMITERS, key=lambda each: re.sub(r'"[^"]*"', "", head).count(each))


def first_line(error: Exception) -> str:
    """Of what it says, else its class."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
