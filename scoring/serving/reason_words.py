"""Sentences for reasons, in English and Chinese. Pure.

By group of features: templates, the first of which holds whose values are all known. A value is
rounded as a person would say it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

LANGUAGES = ("en", "zh")


class Template(NamedTuple):
    needs: tuple[str, ...]
    en: str
    zh: str


TEMPLATES: Mapping[str, tuple[Template, ...]] = {
    "recency": (
        Template(
            ("recency_days", "mean_gap_days"),
            "last order {recency_days} days ago, usual gap {mean_gap_days}",
            "上次购买在{recency_days}天前，通常间隔{mean_gap_days}天",
        ),
        Template(
            ("recency_days",),
            "last order {recency_days} days ago",
            "上次购买在{recency_days}天前",
        ),
        Template((), "no order known", "没有已知的购买"),
    ),
    "rhythm": (
        Template(
            ("mean_gap_days", "last_gap_days"),
            "orders about every {mean_gap_days} days, last gap {last_gap_days}",
            "大约每{mean_gap_days}天购买一次，最近一次间隔{last_gap_days}天",
        ),
        Template((), "no rhythm of orders yet", "还没有购买规律"),
    ),
    "frequency": (
        Template(
            ("visits", "visits_decayed_90d"),
            "{visits} orders so far, {visits_decayed_90d} of late",
            "至今购买{visits}次，近期{visits_decayed_90d}次",
        ),
        Template(("visits",), "{visits} orders so far", "至今购买{visits}次"),
        Template((), "no order known", "没有已知的购买"),
    ),
    "spend": (
        Template(
            ("spend", "last_visit_amount"),
            "spent {spend} so far, {last_visit_amount} the last time",
            "至今消费{spend}，上次{last_visit_amount}",
        ),
        Template(("spend",), "spent {spend} so far", "至今消费{spend}"),
        Template((), "no spending known", "没有已知的消费"),
    ),
    "returns": (
        Template(("returns",), "sent back {returns} times", "退货{returns}次"),
        Template((), "no returns known", "没有已知的退货"),
    ),
    "goods": (
        Template(
            ("products", "lines"),
            "{products} products in {lines} lines of orders",
            "{lines}行订单中有{products}种商品",
        ),
        Template((), "little known of the goods", "对所购商品了解很少"),
    ),
    "category": (
        Template(
            ("category_share", "category_days_since"),
            "{category_share} of their orders are of this kind, "
            "the last {category_days_since} days ago",
            "此类商品占购买的{category_share}，最近一次在{category_days_since}天前",
        ),
        Template((), "nothing of this kind bought yet", "尚未购买过此类商品"),
    ),
    "calls": (
        Template(
            ("days_since_call", "calls_decayed_30d"),
            "last call {days_since_call} days ago, {calls_decayed_30d} calls of late",
            "上次来电在{days_since_call}天前，近期来电{calls_decayed_30d}次",
        ),
        Template((), "has not called before", "以前没有来过电话"),
    ),
    "waits": (
        Template(
            ("last_wait_s", "longest_wait_s"),
            "waited {last_wait_s} s the last time, {longest_wait_s} s at most",
            "上次等待{last_wait_s}秒，最长{longest_wait_s}秒",
        ),
        Template((), "has not waited before", "以前没有等待过"),
    ),
    "choices": (
        Template(
            ("zero_outs_decayed_90d",),
            "asked for a person {zero_outs_decayed_90d} times of late",
            "近期{zero_outs_decayed_90d}次要求人工",
        ),
        Template((), "no earlier choices known", "没有已知的选择"),
    ),
    "offers": (
        Template(
            ("offers_accepted_decayed_90d", "offers_heard_decayed_90d"),
            "took {offers_accepted_decayed_90d} of {offers_heard_decayed_90d} offers heard of late",
            "近期听到{offers_heard_decayed_90d}个优惠，接受{offers_accepted_decayed_90d}个",
        ),
        Template((), "has heard no offer yet", "还没有听过优惠"),
    ),
    "cases": (
        Template(("open_cases",), "{open_cases} open cases", "{open_cases}个未结案例"),
        Template((), "open cases are not known", "未结案例不详"),
    ),
    "orders": (
        Template(
            ("open_orders", "unpaid"),
            "{open_orders} open orders, {unpaid} unpaid",
            "{open_orders}个未交付订单，{unpaid}个未付款订单",
        ),
        Template(("open_orders",), "{open_orders} open orders", "{open_orders}个未交付订单"),
        Template(("unpaid",), "{unpaid} unpaid orders", "{unpaid}个未付款订单"),
        Template((), "open orders are not known", "未交付订单不详"),
    ),
    "price": (
        Template(("price",), "its price of {price}", "价格{price}"),
        Template((), "its price is not known", "价格不详"),
    ),
    "popularity": (
        Template(
            ("popularity",), "{popularity} of all customers have it", "{popularity}的客户拥有"
        ),
        Template((), "how popular it is", "受欢迎程度"),
    ),
    "association": (
        Template(
            ("association",),
            "{association} of those who bought what they have bought this too",
            "购买同样商品的人中有{association}也买了它",
        ),
        Template((), "what else they bought", "其他已购商品"),
    ),
    "moment": (
        Template(("local_hour",), "calls at {local_hour} o'clock", "在{local_hour}点来电"),
        Template((), "when they call", "来电时间"),
    ),
}

#: Columns that are shares of 1.
SHARES = frozenset({"category_share", "popularity", "association"})

#: More of it, or less: of what is wished for, and of a risk.
RAISES = {"en": " (speaks for it)", "zh": "（支持）"}
LOWERS = {"en": " (speaks against it)", "zh": "（反对）"}
RAISES_RISK = {"en": " (raises the risk)", "zh": "（风险升高）"}
LOWERS_RISK = {"en": " (lowers the risk)", "zh": "（风险降低）"}


def sentence(
    group: str,
    values: Mapping[str, float],
    *,
    raises: bool,
    language: str,
    of_risk: bool = False,
) -> str:
    """`values` are of the row, by name; unknown ones are NaN or missing. What no template is for
    is said by the group's name."""
    if of_risk:
        ending = (RAISES_RISK if raises else LOWERS_RISK)[language]
    else:
        ending = (RAISES if raises else LOWERS)[language]
    for template in TEMPLATES.get(group, ()):
        found = {name: values.get(name, math.nan) for name in template.needs}
        if all(math.isfinite(value) for value in found.values()):
            text = template.zh if language == "zh" else template.en
            told = {
                name: as_percent(value) if name in SHARES else rounded(value)
                for name, value in found.items()
            }
            return text.format_map(told) + ending
    return group + ending


def as_percent(share: float) -> str:
    """`23 %`, `0.4 %`"""
    return f"{rounded(100 * share) if abs(share) < 0.1 else round(100 * share)} %"


def rounded(value: float) -> str:
    """`143`, `2.5`, `0.12`"""
    if abs(value) >= 10 or value == round(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
