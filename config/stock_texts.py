"""What is said where an author wrote nothing; `texts` of a rulebook replaces any by its name."""

from __future__ import annotations

STOCK_TEXTS: dict[str, dict[str, str]] = {
    "welcome": {"en": "Welcome.", "zh": "您好，欢迎致电。"},
    "not_understood": {
        "en": "Sorry, that key is not in the menu.",
        "zh": "对不起，没有这个选项。",
    },
    "nothing_pressed": {"en": "Sorry, I did not hear a key.", "zh": "对不起，没有收到您的按键。"},
    "person": {"en": "To speak to a person", "zh": "人工服务"},
    "option_key": {"en": "{{ say }}, press {{ digit }}.", "zh": "{{ say }}，请按{{ digit }}。"},
    "connecting": {"en": "One moment, please.", "zh": "请稍候，正在为您转接。"},
    "goodbye": {"en": "Thank you for calling. Goodbye.", "zh": "感谢您的来电，再见。"},
}

#: Values of a menu entry's own sentence, besides the facts.
OPTION_VALUES = frozenset({"say", "digit"})
