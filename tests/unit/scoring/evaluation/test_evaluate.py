"""`switchboard evaluate` on files that are well, in all the ways they may be written."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from tests.unit.scoring.evaluation import made_tables
from tests.unit.scoring.evaluation.made_tables import evaluate, evaluated, figure, written

pytestmark = pytest.mark.unit

#: Few trainings, for the sake of time.
SELDOM = ("--retrain-every", "150")


def test_purchases_need_no_options(tmp_path: Path) -> None:
    found = evaluated("--purchases", written(made_tables.purchases(), tmp_path / "orders.csv"))
    assert found["facts"]["horizon_days"] == 30
    buys = figure(found, "buys within the horizon", "AUC")
    assert buys["model"]["value"] > 0.7
    assert buys["model"]["low"] < buys["model"]["value"] < buys["model"]["high"]
    assert set(buys["others"]) >= {"Pareto/NBD", "RFM sum"}
    assert 0 < figure(found, "next basket", "recall@10")["model"]["value"] <= 1
    assert figure(found, "number of purchases within the horizon", "RMSE")["verdict"]


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%Y%m%d", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%SZ"])
def test_dates_are_read_however_they_are_written(tmp_path: Path, form: str) -> None:
    frame = made_tables.purchases(60).with_columns(pl.col("date").dt.strftime(form))
    found = evaluated("--purchases", written(frame, tmp_path / "orders.csv"))
    assert found["facts"]["rows_used"] == len(frame)
    assert found["facts"]["from"].startswith("2024-01")
    assert found["facts"]["until"].startswith("2024-10")


@pytest.mark.long
def test_the_same_file_gives_the_same_figures_in_every_wrapping(tmp_path: Path) -> None:
    frame = made_tables.purchases(60).drop("product", "quantity")
    plain = written(frame, tmp_path / "orders.csv")
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    semicolons = tmp_path / "german.csv"
    german = frame.with_columns(
        pl.col("amount").cast(pl.String).str.replace(".", ",", literal=True)
    )
    semicolons.write_text("\ufeff" + german.write_csv(separator=";"), encoding="utf-8")
    stored = written(frame, tmp_path / "orders.parquet")
    found = [evaluated("--purchases", path) for path in (plain, packed, semicolons, stored)]
    assert all(each["sections"] == found[0]["sections"] for each in found)


def test_columns_can_be_named_and_multiplied(tmp_path: Path) -> None:
    frame = made_tables.purchases(60).rename(
        {"customer_id": "Klient", "date": "Wann", "amount": "Einzel", "quantity": "Stück"}
    )
    path = written(frame.drop("product"), tmp_path / "orders.csv")
    names = "customer_id=Klient,date=Wann,amount=Einzel*Stück"
    found = evaluated("--purchases", path, "--columns", names)
    assert found["facts"]["columns"]["amount"] == "Einzel*Stück"


def test_the_cut_hides_what_comes_after_it(tmp_path: Path) -> None:
    frame = made_tables.purchases(80)
    late = frame.filter(pl.col("date") > pl.datetime(2024, 8, 2))
    doubled = pl.concat((frame, late.with_columns(pl.col("amount") * 1_000)))
    options = ("--cut", "2024-08-01", "--horizon", "30")
    one = evaluated("--purchases", written(frame, tmp_path / "one.csv"), *options)
    two = evaluated("--purchases", written(doubled, tmp_path / "two.csv"), *options)
    assert one["sections"][:2] == two["sections"][:2]


def test_calls_are_ordered_for_the_caller(tmp_path: Path) -> None:
    found = evaluated("--calls", written(made_tables.calls(), tmp_path / "calls.csv"))
    first = figure(found, "known callers with an earlier call", "chosen first (top-1)")
    assert first["model"]["value"] > first["others"]["best static order"]["value"] + 0.2
    assert first["verdict"] == "better" or first["best_other"] == "own past choices, smoothed"
    assert figure(found, "unknown callers", "mean position")["model"]["value"] >= 1


def test_calls_without_customers_are_all_unknown(tmp_path: Path) -> None:
    frame = made_tables.calls().drop("customer_id")
    found = evaluated("--calls", written(frame, tmp_path / "calls.csv"))
    assert [each["title"] for each in found["sections"]] == ["unknown callers", "all callers"]


def test_the_start_of_a_call_may_be_two_columns(tmp_path: Path) -> None:
    frame = made_tables.calls().with_columns(
        pl.col("start").dt.strftime("%y%m%d").alias("day"),
        pl.col("start").dt.strftime("%H:%M:%S").alias("clock"),
    )
    path = written(frame.drop("start"), tmp_path / "calls.csv")
    found = evaluated("--calls", path, "--columns", "start=day+clock")
    assert found["facts"]["from"].startswith("2024-01-01")


def test_outcomes_leave_out_what_is_known_after_the_call(tmp_path: Path) -> None:
    path = written(made_tables.outcomes(), tmp_path / "contacts.csv")
    found = evaluated("--outcomes", path, "--target", "y", "--time", "at", *SELDOM)
    assert any("duration is known only after" in note for note in found["notes"])
    assert figure(found, "good outcome", "AUC")["model"]["value"] > 0.65
    assert found["facts"]["good_outcome"] == "y = yes"


def test_a_column_that_tells_the_outcome_is_named(tmp_path: Path) -> None:
    frame = made_tables.outcomes().with_columns((pl.col("y") == "yes").cast(int).alias("signed"))
    path = written(frame, tmp_path / "contacts.csv")
    found = evaluated("--outcomes", path, "--target", "y", *SELDOM)
    assert any(note.startswith("signed alone tells") for note in found["notes"])
    dropped = evaluated("--outcomes", path, "--target", "y", "--drop", "signed", *SELDOM)
    assert not any("tells" in note for note in dropped["notes"])


def test_a_personal_offer_is_deployed_where_it_pays(tmp_path: Path) -> None:
    path = written(made_tables.offers(), tmp_path / "offers.csv")
    assert evaluated("--offers", path)["facts"]["decision"] == "deploy"


def test_an_offer_that_suits_all_alike_falls_back(tmp_path: Path) -> None:
    frame = made_tables.offers().with_columns(pl.col("outcome").shuffle(seed=1))
    found = evaluated("--offers", written(frame, tmp_path / "offers.csv"))
    assert found["facts"]["decision"].startswith("fall back to ")


def test_a_table_for_people_names_the_baselines(tmp_path: Path) -> None:
    done = evaluate("--calls", written(made_tables.calls(), tmp_path / "calls.csv"))
    assert done.exit_code == 0
    assert "best" in done.stdout
    assert "static" in done.stdout
    assert "\x1b" not in done.stdout


def test_help_shows_an_example_of_each_kind() -> None:
    shown = " ".join(evaluate("--help").output.split())
    for kind in ("purchases", "calls", "outcomes", "offers"):
        assert f"switchboard evaluate --{kind}" in shown
