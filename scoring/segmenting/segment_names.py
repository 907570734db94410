"""Segments by name in Chinese. Their English names are their own words."""

from __future__ import annotations

from collections.abc import Mapping

NAMES_ZH: Mapping[str, str] = {
    "vip": "VIP",
    "important": "重要",
    "ordinary": "普通",
    "no_value": "低价值",
    "potential": "有潜力",
    "prospect": "潜在客户",
    "new": "新客户",
    "active": "活跃",
    "loyal": "忠诚",
    "at_risk": "有流失风险",
    "dormant": "沉睡",
    "lost": "已流失",
    "won_back": "已挽回",
    "short_gaps": "经常",
    "middle_gaps": "偶尔",
    "long_gaps": "很少",
    "low": "低",
    "middle": "中",
    "high": "高",
    "newcomer": "新来者",
    "growing": "成长中",
    "settled": "稳定",
    "devoted": "忠实",
    "drifting": "渐行渐远",
    "unknown": "未知",
}


def segment_zh(name: str) -> str:
    return NAMES_ZH.get(name, name)
