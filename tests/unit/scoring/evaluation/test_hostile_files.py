"""Files that are not what they should be: a sentence, or rows left out and counted."""

from __future__ import annotations

import math
import random
from pathlib import Path

import polars as pl
import pytest

from tests.unit.scoring.evaluation import made_tables
from tests.unit.scoring.evaluation.made_tables import evaluate, evaluated, written

pytestmark = pytest.mark.unit


def refused(*arguments: str | Path) -> str:
    done = evaluate(*arguments)
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert done.stderr.count("\n") <= 2
    return done.stderr


def test_an_unknown_column_is_named_beside_those_there(tmp_path: Path) -> None:
    path = written(made_tables.purchases(20), tmp_path / "orders.csv")
    said = refused("--purchases", path, "--columns", "customer_id=Kunde")
    assert "no column 'Kunde'" in said
    assert "customer_id, date, amount" in said
    said = refused("--outcomes", path, "--target", "y")
    assert "no column 'y'" in said
    assert "we ask for customer_id" in refused("--purchases", path, "--columns", "colour=red")


def test_a_needed_column_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    frame = made_tables.purchases(20).rename({"customer_id": "Kunde"})
    said = refused("--purchases", written(frame, tmp_path / "orders.csv"))
    assert "--columns customer_id=NAME" in said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"customer_id,date,amount\n",
        b"\x00\x01\x02\x03" * 50,
        b"PAR1 and then nothing of the kind",
        b"\x1f\x8b broken gzip",
        b"customer_id,date,amount\nA,never,1\nB,soon,2\n",
        b"customer_id,date,amount\nA,2024-01-01,1\n",
        b"customer_id;date;amount\n" + b"A;2024-01-01;nan\n" * 40,
        b"customer_id,date,amount\n" + b"A,2999-01-01,1\n" * 40,
        b'customer_id,date,amount\n"A,2024-01-01,1\n',
        "customer_id,date,amount\nÄ,2024-01-01,1\n".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("kind", ["--purchases", "--calls", "--offers"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    assert str(path) in refused(kind, path)


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    assert "no such file" in refused("--calls", tmp_path / "nothing.csv")
    assert "no such file" in refused("--calls", tmp_path)


def test_bad_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    good = made_tables.purchases(60).with_columns(
        pl.col("date").dt.strftime("%Y-%m-%d"), pl.col("amount").cast(pl.String)
    )
    bad = [
        ("", "2024-02-01", "5", "P1", 1),
        ("C1", "not a day", "5", "P1", 1),
        ("C2", "2999-02-01", "5", "P1", 1),
        ("C3", "2024-02-01", "NaN", "P1", 1),
        ("C4", "2024-02-01", "inf", "P1", 1),
        ("C5", "2024-02-30", "5", "P1", 1),
    ]
    frame = pl.concat((good, pl.DataFrame(bad, schema=good.schema, orient="row")))
    found = evaluated("--purchases", written(frame, tmp_path / "orders.csv"))
    assert found["facts"]["rows_used"] == len(good)
    for words in ("without a customer", "read as a date", "after today", "no finite number"):
        assert any(words in note for note in found["notes"]), words


@pytest.mark.long
def test_refunds_larger_than_purchases_and_one_purchase_each(tmp_path: Path) -> None:
    frame = made_tables.purchases(80)
    refunds = frame.head(300).with_columns(-pl.col("amount") * 5)
    singles = pl.DataFrame(
        [(f"S{number}", made_tables.BEGIN, 1e300, "P1", 1) for number in range(100)],
        schema=frame.schema,
        orient="row",
    )
    path = written(pl.concat((frame, refunds, singles)), tmp_path / "orders.csv")
    found = evaluated("--purchases", path)
    assert found["facts"]["refunds"] == 300
    for section in found["sections"]:
        for figure in section["figures"]:
            assert math.isfinite(figure["model"]["value"])


def test_nobody_buys_in_the_horizon(tmp_path: Path) -> None:
    frame = made_tables.purchases(60).filter(pl.col("date") < pl.datetime(2024, 6, 1))
    path = written(frame, tmp_path / "orders.csv")
    found = evaluated("--purchases", path, "--cut", "2024-05-30", "--horizon", "400")
    assert any("the file ends on" in note for note in found["notes"])


def test_a_cut_outside_the_file_is_refused(tmp_path: Path) -> None:
    path = written(made_tables.purchases(30), tmp_path / "orders.csv")
    assert "purchases go from 2024" in refused("--purchases", path, "--cut", "2020-01-01")
    assert "leaves nothing" in refused("--purchases", path, "--cut", "2030-01-01")


def test_a_short_history_answers_by_pareto_nbd_alone(tmp_path: Path) -> None:
    frame = made_tables.purchases(120, days=40)
    found = evaluated("--purchases", written(frame, tmp_path / "orders.csv"))
    assert found["sections"][0]["figures"][0]["model"]["value"] >= 0


def test_an_outcome_of_three_kinds_needs_to_know_the_good_one(tmp_path: Path) -> None:
    frame = made_tables.outcomes().with_columns(
        pl.when(pl.col("age") > 70).then(pl.lit("maybe")).otherwise(pl.col("y")).alias("y")
    )
    path = written(frame, tmp_path / "contacts.csv")
    assert "3 different values" in refused("--outcomes", path, "--target", "y")
    assert "is never 'ja'" in refused("--outcomes", path, "--target", "y", "--good", "ja")
    found = evaluated(
        "--outcomes", path, "--target", "y", "--good", "yes", "--retrain-every", "150"
    )
    assert found["facts"]["good_outcome"] == "y = yes"


def test_choices_never_seen_in_training_count_as_last(tmp_path: Path) -> None:
    frame = made_tables.calls()
    late = pl.col("start") > pl.datetime(2024, 1, 25)
    new = pl.when(late & (pl.col("choice") == "sales")).then(pl.lit("fax"))
    frame = frame.with_columns(new.otherwise(pl.col("choice")).alias("choice"))
    found = evaluated("--calls", written(frame, tmp_path / "calls.csv"), "--cut", "2024-01-20")
    assert any("never chosen before" in note for note in found["notes"])


def test_impossible_probabilities_are_left_out(tmp_path: Path) -> None:
    frame = made_tables.offers()
    bad = frame.head(40).with_columns(pl.Series("probability", [0.0, -1.0, 1.5, float("nan")] * 10))
    path = written(pl.concat((frame, bad)), tmp_path / "offers.csv")
    found = evaluated("--offers", path)
    assert found["facts"]["rows_used"] == len(frame)


@pytest.mark.parametrize(
    "arguments", [(), ("--purchases", "a", "--calls", "b"), ("--outcomes", "a")]
)
def test_wrong_usage_is_exit_two(arguments: tuple[str, ...]) -> None:
    assert evaluate(*arguments).exit_code == 2


@pytest.mark.parametrize("kind", ["purchases", "calls", "offers"])
def test_a_file_flipped_here_and_there_never_breaks_the_command(tmp_path: Path, kind: str) -> None:
    frame = getattr(made_tables, kind)()
    whole = written(frame.head(300), tmp_path / "file.csv").read_bytes()
    dice = random.Random(11)
    for number in range(3):
        broken = bytearray(whole)
        for _ in range(40):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        path = tmp_path / f"{number}.csv"
        path.write_bytes(bytes(broken))
        done = evaluate(f"--{kind}", path)
        assert done.exit_code in (0, 1), done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
