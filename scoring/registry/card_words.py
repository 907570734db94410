"""What a card's page says, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.registry.card import ModelKind

#: By kind: what its answer is, what it is for, what it must not be used for.
PURPOSE: Mapping[str, Mapping[ModelKind, tuple[str, str, str]]] = {
    "en": {
        ModelKind.CHURN: (
            "The probability that a contact buys nothing within the horizon.",
            "For rules, queue priority, and a hint to the agent.",
            "Not to refuse service, raise a price or judge a person; not for contacts without a "
            "single purchase.",
        ),
        ModelKind.PURCHASES: (
            "How many purchases of a contact are expected within the horizon.",
            "For rules, and to compare groups of contacts.",
            "Not as a forecast of income for one contact, nor for credit.",
        ),
        ModelKind.OFFERS: (
            "The probability that a contact takes an offer that is made in a call.",
            "To choose which offer is made, of those that the rulebook allows.",
            "Not to make an offer that the rulebook or a refusal forbids; not for prices.",
        ),
        ModelKind.INTENTS: (
            "The probability that a caller chooses an entry of a menu.",
            "To order a menu's entries.",
            "Not to take an entry away, and not to make callers wait.",
        ),
    },
    "zh": {
        ModelKind.CHURN: (
            "客户在期限内不再购买的概率。",
            "用于规则、队列优先级和座席提示。",
            "不得用于拒绝服务、提价或评价个人；不适用于从未购买过的客户。",
        ),
        ModelKind.PURCHASES: (
            "客户在期限内预计的购买次数。",
            "用于规则，以及比较客户群体。",
            "不得作为单个客户的收入预测，也不得用于信贷。",
        ),
        ModelKind.OFFERS: (
            "客户接受通话中所提优惠的概率。",
            "在规则允许的优惠中选择一个。",
            "不得提出规则或客户已拒绝的优惠；不得用于定价。",
        ),
        ModelKind.INTENTS: (
            "来电者选择某个菜单项的概率。",
            "用于排列菜单项的顺序。",
            "不得删除菜单项，也不得让来电者等待。",
        ),
    },
}

#: What a figure means to somebody who has never met it; more figures need no words.
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "auc": "of two customers, one with and one without: how often the right one ranks higher; "
        "0.5 is a coin",
        "log_loss": "how wrong its probabilities are; less is better",
        "ece": "how far promised shares lie from what came true; less is better",
        "mae": "how far off it is on average; less is better",
        "rmse": "the same, large misses counting more; less is better",
        "top_1": "how often its first guess was chosen",
        "mean_position": "where in its order the chosen entry stood, on average; 1 is the best",
    },
    "zh": {
        "auc": "一位发生、一位未发生的两位客户中，正确排序的比例；0.5 等于抛硬币",
        "log_loss": "概率的误差；越小越好",
        "ece": "预测比例与实际比例的差距；越小越好",
        "mae": "平均偏差；越小越好",
        "rmse": "平均偏差，大误差权重更高；越小越好",
        "top_1": "首选即为实际选择的比例",
        "mean_position": "实际选择在其排序中的平均位置；1 为最佳",
    },
}

HEADINGS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "name": "English",
        "what": "What it says",
        "use": "What it may be used for",
        "misuse": "What it must not be used for",
        "gate": "The gate",
        "passed": "Passed",
        "failed": "Did not pass",
        "champion": "compared with",
        "metrics": "How good it is, on days after those that were learned from",
        "figure": "figure",
        "model": "this model (95 % interval)",
        "slices": "The same by group of callers",
        "group": "group",
        "calibration": "Do its probabilities hold?",
        "axes": "across: forecast; up: share that came true; on the line both are the same",
        "importance": "What it looks at",
        "data": "What it was learned from",
        "window": "days",
        "rows": "rows",
        "contacts": "contacts",
        "horizon": "horizon in days",
        "trained": "trained at",
        "schema": "kind of row",
        "history": "When it was put to use",
        "forced": "against the gate's word",
        "none": "none",
        "private": (
            "It never sees names, numbers, addresses, how long a call lasted, nor anything that "
            "was written after a call was answered."
        ),
    },
    "zh": {
        "name": "中文",
        "what": "含义",
        "use": "可用于",
        "misuse": "不得用于",
        "gate": "准入检验",
        "passed": "通过",
        "failed": "未通过",
        "champion": "对比版本",
        "metrics": "在训练期之后的日期上的表现",
        "figure": "指标",
        "model": "本模型（95% 区间）",
        "slices": "按来电者分组",
        "group": "分组",
        "calibration": "概率是否可信？",
        "axes": "横轴：预测；纵轴：实际发生的比例；在直线上两者相等",
        "importance": "依据",
        "data": "训练数据",
        "window": "日期",
        "rows": "行数",
        "contacts": "客户数",
        "horizon": "期限（天）",
        "trained": "训练时间",
        "schema": "数据行类型",
        "history": "启用记录",
        "forced": "违背准入检验",
        "none": "无",
        "private": "它从不使用姓名、号码、地址、通话时长，也不使用接听之后写下的任何内容。",
    },
}
