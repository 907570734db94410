"""The words of the segments' page, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.segmenting.segment_names import NAMES_ZH

_EN = {
    "title": "Who our customers are",
    "scored": "{count} contacts, computed {at}.",
    "value_by_margin": "Value is the margin of twelve months, old purchases counting less.",
    "value_by_spend": "Value is the spend of twelve months, old purchases counting less: the CRM "
    "does not tell what every purchase cost.",
    "pareto": "The top 20 % of buyers hold {share} of the value.",
    "pareto_none": "Nobody bought anything within twelve months.",
    "moved": "Who moved since {at}",
    "moved_none": "Nobody moved since {at}.",
    "moved_first": "Movements are known from the second run on.",
    "warnings": "Who may be leaving",
    "warnings_count": "{count} warnings stand, {new} of them new in the last run.",
    "rfm_note": "Recency grows upwards, frequency to the right; the darker, the more contacts.",
    "kind_tier": "Value",
    "kind_lifecycle": "Lifecycle",
    "kind_behaviour": "How often they buy",
    "kind_price_band": "Price band",
    "kind_loyalty": "Loyalty",
    "kind_main_category": "Mostly bought",
    "kind_rfm": "Recency and frequency",
    "kind_own": "Your own segments",
    "not_known": "not known",
}
_ZH = {
    "title": "我们的客户构成",
    "scored": "共 {count} 位联系人，计算于 {at}。",
    "value_by_margin": "价值按近十二个月的毛利计算，较早的购买权重较低。",
    "value_by_spend": "价值按近十二个月的消费额计算，较早的购买权重较低："
    "CRM 未提供每笔购买的成本。",
    "pareto": "前 20 % 的购买者占全部价值的 {share}。",
    "pareto_none": "近十二个月没有任何购买。",
    "moved": "自 {at} 以来的变动",
    "moved_none": "自 {at} 以来没有变动。",
    "moved_first": "从第二次运行起才能看到变动。",
    "warnings": "可能流失的客户",
    "warnings_count": "现有 {count} 条预警，其中 {new} 条为最近一次运行新增。",
    "rfm_note": "纵轴为最近购买，横轴为购买频次；颜色越深，人数越多。",
    "kind_tier": "价值等级",
    "kind_lifecycle": "生命周期",
    "kind_behaviour": "购买频率",
    "kind_price_band": "价位",
    "kind_loyalty": "忠诚度",
    "kind_main_category": "主要购买",
    "kind_rfm": "最近购买与频次",
    "kind_own": "自定义分组",
    "not_known": "未知",
    **NAMES_ZH,
}

WORDS: Mapping[str, Mapping[str, str]] = {"en": _EN, "zh": _ZH}


def named(name: str, language: str) -> str:
    """A segment's name as people read it; English ones are their own words."""
    return WORDS[language].get(name) or name.replace("_", " ")
