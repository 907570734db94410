"""The page of segments: both languages, and text of a CRM that stays text."""

from __future__ import annotations

from typing import Any

import pytest

from calls.segments import Behaviour, LifecycleStage, Loyalty, PriceBand, Tier
from switchboard.segment_page import segment_page
from switchboard.segment_words import WORDS, named

pytestmark = pytest.mark.unit


def told(**more: Any) -> dict[str, Any]:
    return {
        "ran_at": "2026-11-28T02:30:00+00:00",
        "compared_with": "2026-11-27T02:30:00+00:00",
        "contacts": 200,
        "value_by": "spend",
        "pareto_share": 0.7461,
        "sizes": {
            "tier": {"vip": 20, "ordinary": 180},
            "own": {"win_back": 3},
            "main_category": {"<script>alert(1)</script>": 9},
            "rfm": {"55": 100, "11": 50},
        },
        "sizes_before": {},
        "movements": {"tier": [["ordinary", "vip", 4]]},
        "titles": {"win_back": {"en": "Win back", "zh": "重点挽回"}},
        "churn_warnings": {"count": 2, "new": 1, "newest": [{"contact": "a:1", "because": "<b>"}]},
    } | more


def test_what_it_says_in_english() -> None:
    page = segment_page(told(), "en")
    assert "The top 20 % of buyers hold 74.6 % of the value." in page
    assert "does not tell what every purchase cost" in page
    assert "Win back" in page
    assert "ordinary → vip" in page
    assert "2 warnings stand, 1 of them new" in page
    assert page.count("<rect") == 2 + 1 + 1 + 25


def test_what_it_says_in_mandarin() -> None:
    page = segment_page(told(), "zh")
    assert "前 20 % 的购买者占全部价值的 74.6 %。" in page
    assert "重点挽回" in page
    assert "普通 → VIP" in page


def test_text_stays_text() -> None:
    page = segment_page(told(), "en")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_with_nothing_to_show() -> None:
    empty = told(
        contacts=0, pareto_share=None, sizes={}, movements={}, compared_with=None,
        churn_warnings={"count": 0, "new": 0, "newest": []},
    )  # fmt: skip
    for language in WORDS:
        page = segment_page(empty, language)
        assert WORDS[language]["pareto_none"] in page
        assert WORDS[language]["moved_first"] in page


def test_every_class_has_a_name_in_mandarin() -> None:
    for one in (*Tier, *LifecycleStage, *Behaviour, *PriceBand, *Loyalty):
        assert named(one.value, "zh") != one.value.replace("_", " ")
    assert set(WORDS["en"]) <= set(WORDS["zh"])
