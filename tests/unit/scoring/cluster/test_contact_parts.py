"""Rows part by part: those of all at once, and only what changed is made again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import polars.testing
import pytest

from calls.errors import Misconfigured, SwitchboardError
from scoring.cluster import contact_parts, purchase_slices
from scoring.cluster.contact_parts import Built, build_parts
from scoring.cluster.settled_files import alone_in
from scoring.cluster.spread import Here, Spread
from scoring.features.frames import rows_at
from tests.fakes.purchase_folders import CUT, purchases_frame, write_folder

pytestmark = pytest.mark.unit


class Stopped(Exception):
    """As if the power had gone."""


class StopsAfter:
    def __init__(self, jobs: int) -> None:
        self._left = jobs

    def each(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        for job in jobs:
            if not self._left:
                raise Stopped
            self._left -= 1
            yield function(job)


def unwatched(_title: str) -> Any:
    return nullcontext(lambda _done, _total: None)


def build(
    source: Path,
    folder: Path,
    *,
    spread: Spread | None = None,
    cut: date = CUT,
    parts: int = 8,
    renames: dict[str, str] | None = None,
) -> Built:
    return build_parts(
        source, folder, cut=cut, parts=parts, spread=spread or Here(),
        renames=renames or {}, watch=unwatched,
    )  # fmt: skip


def rows_in(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "rows" / "*.parquet").sort("customer")


def at_once(purchases: pl.DataFrame, cut: date = CUT) -> pl.DataFrame:
    named = purchases.rename({"customer_id": "customer", "date": "day"})
    return rows_at(named.with_columns(pl.col("quantity").cast(pl.Float64)), None, cut)


def assert_same(folder: Path, purchases: pl.DataFrame, cut: date = CUT) -> None:
    """Sums are added up in another order."""
    polars.testing.assert_frame_equal(rows_in(folder), at_once(purchases, cut), rel_tol=1e-4)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_slices, "BATCH_ROWS", 700)


def test_rows_are_those_of_all_purchases_at_once(tmp_path: Path) -> None:
    everything = write_folder(tmp_path / "in")
    built = build(tmp_path / "in", tmp_path / "out")
    assert built == Built(
        parts=8,
        computed=8,
        contacts=everything["customer_id"].n_unique(),
        purchases=6_000,
        left_out=0,
    )
    assert_same(tmp_path / "out", everything)


def test_only_what_changed_is_read_and_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = write_folder(tmp_path / "in")
    build(tmp_path / "in", tmp_path / "out")
    assert build(tmp_path / "in", tmp_path / "out").computed == 0

    few = purchases_frame(30, seed=9, contacts=1)
    few.write_parquet(tmp_path / "in" / "today.parquet")
    read: list[str] = []
    batches = purchase_slices.Slices._batches

    def noted(self: purchase_slices.Slices, path: Path) -> Any:
        read.append(path.name)
        return batches(self, path)

    monkeypatch.setattr(purchase_slices.Slices, "_batches", noted)
    assert build(tmp_path / "in", tmp_path / "out").computed == 1
    assert read == ["today.parquet"]
    assert_same(tmp_path / "out", pl.concat((everything, few)))

    # A file that is gone takes its purchases with it; one that is written again is read again.
    (tmp_path / "in" / "today.parquet").unlink()
    assert build(tmp_path / "in", tmp_path / "out").computed == 1
    other = purchases_frame(500, seed=77)
    other.write_parquet(tmp_path / "in" / "month-02.parquet")
    build(tmp_path / "in", tmp_path / "out")
    assert_same(tmp_path / "out", pl.concat((everything.head(4_000), other)))


def test_touched_but_not_changed_is_read_and_not_computed(tmp_path: Path) -> None:
    write_folder(tmp_path / "in")
    build(tmp_path / "in", tmp_path / "out")
    os.utime(tmp_path / "in" / "month-00.parquet", (1, 1))
    assert build(tmp_path / "in", tmp_path / "out").computed == 0


def test_another_day_is_another_row_of_everybody(tmp_path: Path) -> None:
    everything = write_folder(tmp_path / "in")
    build(tmp_path / "in", tmp_path / "out")
    earlier = CUT - timedelta(days=100)
    assert build(tmp_path / "in", tmp_path / "out", cut=earlier).computed == 8
    assert_same(tmp_path / "out", everything, earlier)


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    everything = write_folder(tmp_path / "in")
    with pytest.raises(Stopped):
        build(tmp_path / "in", tmp_path / "out", spread=StopsAfter(3))
    assert build(tmp_path / "in", tmp_path / "out").computed == 5
    assert_same(tmp_path / "out", everything)


def test_a_run_killed_while_reading_reads_that_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = write_folder(tmp_path / "in")
    digest, count = purchase_slices._digest, 0

    def stops(path: Path) -> str:
        nonlocal count
        count += 1
        if count == 30:
            raise Stopped
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(purchase_slices, "_digest", stops)
        with pytest.raises(Stopped):
            build(tmp_path / "in", tmp_path / "out")
    build(tmp_path / "in", tmp_path / "out")
    assert_same(tmp_path / "out", everything)


def test_torn_records_and_lost_rows_are_made_again(tmp_path: Path) -> None:
    everything = write_folder(tmp_path / "in")
    build(tmp_path / "in", tmp_path / "out")
    rows = tmp_path / "out" / "rows"
    (rows / "part-0000.json").write_text('{"fingerpr')
    (rows / "part-0001.parquet").unlink()
    (rows / "part-0002.json").write_text("[]")
    for path in (tmp_path / "out" / "sources").glob("*.json"):
        path.write_text('{"name": "x", "unknown": 1}')
    assert build(tmp_path / "in", tmp_path / "out").computed == 3
    assert_same(tmp_path / "out", everything)


def test_rows_without_a_customer_or_a_day_are_counted_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pl.DataFrame(
        {
            "CustomerID": [17850.0, None, 17850.0, float("nan"), 12.0],
            "InvoiceDate": ["2025-03-01", "2025-03-02", "no day", "2025-03-04", "2025-03-05"],
            "Total": ["12,50", "1", "2", "3", "oops"],
        }
    ).write_parquet(tmp_path / "in" / "a.parquet")
    names = {"customer_id": "CustomerID", "date": "InvoiceDate", "amount": "Total"}
    built = build(tmp_path / "in", tmp_path / "out", renames=names)
    assert (built.purchases, built.left_out, built.contacts) == (5, 3, 2)
    assert rows_in(tmp_path / "out")["customer"].to_list() == ["12", "17850"]


@pytest.mark.parametrize("parts", [0, 4_097])
def test_senseless_numbers_of_parts(tmp_path: Path, parts: int) -> None:
    write_folder(tmp_path / "in", files=1)
    with pytest.raises(Misconfigured, match="1 to 4096"):
        build(tmp_path / "in", tmp_path / "out", parts=parts)


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such folder"):
        build(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(Misconfigured, match=r"no \.parquet file"):
        build(tmp_path / "in", tmp_path / "out")
    bad = tmp_path / "in" / "bad.parquet"
    bad.write_bytes(b"PAR1 and nothing that follows")
    with pytest.raises(Misconfigured, match=r"bad\.parquet: cannot be read as Parquet"):
        build(tmp_path / "in", tmp_path / "out")
    pl.DataFrame({"customer_id": ["a"], "date": [CUT]}).write_parquet(bad)
    with pytest.raises(SwitchboardError, match=r"bad\.parquet: no column 'amount'"):
        build(tmp_path / "in", tmp_path / "out")


def test_a_folder_keeps_its_layout_and_one_writer(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", files=1)
    build(tmp_path / "in", tmp_path / "out")
    with pytest.raises(Misconfigured, match="was made with 8 parts"):
        build(tmp_path / "in", tmp_path / "out", parts=16)
    with (
        alone_in(tmp_path / "out"),
        pytest.raises(Misconfigured, match="another program is writing"),
    ):
        build(tmp_path / "in", tmp_path / "out")
    (tmp_path / "other" / "rows").mkdir(parents=True)
    with pytest.raises(Misconfigured, match="files of another kind"):
        build(tmp_path / "in", tmp_path / "other")


def test_contacts_are_dealt_out_the_same_way_for_ever() -> None:
    names = pl.Series(["", "C0001", "Ünïcode 客户", "C0001"])
    # CRC-32 (of zip and gzip) modulo 64.
    assert purchase_slices._part_numbers(names, 64).tolist() == [0, 60, 18, 60]
    assert contact_parts.LAYOUT == "contact-parts-1"


def _of_days(folder: Path, days: list[str]) -> Path:
    folder.mkdir()
    names = [f"c{number % 7}" for number in range(len(days))]
    table = pl.DataFrame({"customer_id": names, "date": days, "amount": [1.0] * len(days)})
    table.write_parquet(folder / "a.parquet")
    return folder


def test_how_days_are_written_is_decided_for_the_whole_file(tmp_path: Path) -> None:
    """The first batch alone might be months first."""
    source = _of_days(tmp_path / "in", ["01/02/2025"] * 700 + ["28/02/2025"] * 70)
    build(source, tmp_path / "out", cut=date(2025, 3, 1))
    found = rows_in(tmp_path / "out")
    assert found["tenure_days"].unique().to_list() == [28]
    assert found["recency_days"].unique().to_list() == [1]


def test_days_written_in_two_ways_are_refused(tmp_path: Path) -> None:
    source = _of_days(tmp_path / "in", ["2025-02-01"] * 700 + ["28/02/2025"] * 70)
    with pytest.raises(Misconfigured, match=r"written in two ways: most as %Y-%m-%d.*28/02/2025"):
        build(source, tmp_path / "out", cut=date(2025, 3, 1))


def test_what_is_no_day_at_all_is_left_out(tmp_path: Path) -> None:
    source = _of_days(tmp_path / "in", ["2025-02-01"] * 700 + ["soon", "?"])
    assert build(source, tmp_path / "out", cut=date(2025, 3, 1)).left_out == 2
