"""What a mapping for a database may hold, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.problems import ProblemsFound
from crm_adapter.sql.expressions import ColumnName, Expression
from crm_adapter.sql.mapping import load_sql_mapping
from tests.fakes.shop_database import MAPPING

pytestmark = pytest.mark.unit


def test_an_expression_is_columns_and_texts() -> None:
    assert Expression("a || ' it''s ' || t.b").terms == (
        ColumnName("a"),
        " it's ",
        ColumnName("b", "t"),
    )
    assert Expression('"Last Name"').column == ColumnName("Last Name")
    assert Expression("'EUR'").terms == ("EUR",)


@pytest.mark.parametrize(
    "source",
    [
        "a; DROP TABLE b",
        "lower(a)",
        "a + b",
        "a b",
        "a ||",
        "|| a",
        "",
        "'open",
        "(SELECT 1)",
        "a -- b",
        "a.b.c",
        "1",
        "a = 'x'",
        "x" * 501,
    ],
)
def test_nothing_else_is_one(source: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|missing|empty|at most"):
        Expression(source)


@pytest.mark.parametrize(
    ("was", "becomes", "line", "words"),
    [
        ("first_name: first_name", "first_name: upper(x)", 7, "only columns, 'texts' and ||"),
        ("  id: cust_no\n", "", 1, "'id' is missing"),
        ("mode: suffix", "mode: sufix", 17, "did you mean 'suffix'?"),
        ("{id}", "{name}", 18, "unknown name '{name}'"),
        ("$display", "$dispaly", 46, "unknown name '$dispaly'; did you mean 'display'?"),
        ("unique: call_key", "unique: ext_key", 57, "its key: $call_id or $call_uuid"),
        ("phones: [phone, mobile]\n", "\n", 1, "'phones' is missing"),
        ("$next", "$nxt", 66, "unknown name '$nxt'"),
        ("email: email", "email: rep_of.login", 65, "of a joined table"),
        ("table: customers", 'table: "a;b"', 2, "'table' cannot be"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, was: str, becomes: str, line: int, words: str
) -> None:
    assert was in MAPPING
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING.replace(was, becomes, 1))
    with pytest.raises(ProblemsFound) as raised:
        load_sql_mapping(file)
    found = [str(one).removeprefix(f"{tmp_path}/") for one in raised.value.problems]
    assert any(one.startswith(f"shop.yaml:{line}: ") and words in one for one in found), found


def test_a_regexp_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING.replace("mode: suffix", "mode: regexp"))
    [warning] = load_sql_mapping(file).warnings
    assert "reads every row" in str(warning)


def test_an_unknown_preset_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="no such preset"):
        load_sql_mapping("preset:nothing")
