"""Numbers, amounts, dates and times in Mandarin words, in simplified characters.

二 or 两: as the Modern Chinese Dictionary (现代汉语词典) has it for numbers of several places:
二 in the hundreds, tens and ones; before 千, 万 and 亿 both are right, after 万 or 亿 a 千 rather
takes 二. So 二百, 两千, 两万, 两亿, and 三万二千. A two alone before its unit (两美元, 两天)
is 两; decimals and digits one by one are 二. The digit 1 is 一 in telephone numbers too: 幺 is a
habit of the mainland only, and a number read back must be understood everywhere.
"""

from __future__ import annotations

import re
from datetime import date, time

from config.number_parts import Decimals

#: Whole numbers from here on are left as digits.
LIMIT = 10**16

_DIGITS = "零一二三四五六七八九"
_PLACES = ((1000, "千"), (100, "百"), (10, "十"), (1, ""))
_WEEKDAYS = "一二三四五六日"
#: Hour from which each holds: CLDR's day periods of zh.
_PERIODS = (
    (19, "晚上"),
    (13, "下午"),
    (12, "中午"),
    (8, "上午"),
    (5, "早上"),
    (0, "凌晨"),
)


#: Words that count what stands before them. Not 月, 日, 号, 层, 楼 and 级: they name rather than
#: count (二月 is February, 二楼 one certain floor).
_COUNTERS = re.compile(
    r"小时|分钟|星期|美元|欧元|英镑|公里|公斤|人民币|"
    r"[个位名人天年周次遍件台张条本只块元角份家套杯瓶箱包种秒岁倍项封笔辆部支把双对间页字步行]"
)


def counts(word: str) -> bool:
    """True where a text that begins like this counts the number before it: 天, 个月."""
    return _COUNTERS.match(word) is not None


def cardinal(number: int) -> str:
    """`number` is from 0 to below LIMIT."""
    if number == 0:
        return _DIGITS[0]
    words = _large(number)
    # Only at the front of a whole number ten is said without its one.
    return words[1:] if words.startswith("一十") else words


def counted(number: int, unit: str) -> str:
    """A number before its unit: 两美元, 十二美元."""
    return f"{'两' if number == 2 else cardinal(number)}{unit}"


def _large(number: int) -> str:
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            count, rest = divmod(number, size)
            head = "两" if count == 2 else _large(count)
            return f"{head}{name}{_rest(rest, size)}"
    return _section(number, head=True)


def _rest(rest: int, size: int) -> str:
    """What follows 万 or 亿; one 零 stands for any run of missing places."""
    if rest == 0:
        return ""
    gap = _DIGITS[0] if rest < size // 10 else ""
    if rest >= 10**4:
        count, ones = divmod(rest, 10**4)
        return f"{gap}{_section(count, head=False)}万{_rest(ones, 10**4)}"
    return gap + _section(rest, head=False)


def _section(number: int, *, head: bool) -> str:
    """Four places, from 1 to 9999. `head`: nothing larger stands before it."""
    words, gap = "", False
    for size, name in _PLACES:
        digit, number = divmod(number, size)
        if digit == 0:
            gap = bool(words)
            continue
        two_thousand = head and name == "千" and digit == 2
        words += (_DIGITS[0] if gap else "") + ("两" if two_thousand else _DIGITS[digit]) + name
        gap = False
    return words


def digits_of(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def number(parts: Decimals) -> str:
    """三点一四；负六"""
    words = cardinal(parts.whole)
    if parts.decimals:
        words = f"{words}点{digits_of(parts.decimals)}"
    return f"负{words}" if parts.negative else words


def day(value: date, *, with_year: bool) -> str:
    """[二零二六年]十一月二十四日星期二"""
    named = f"{cardinal(value.month)}月{cardinal(value.day)}日星期{_WEEKDAYS[value.weekday()]}"
    return f"{digits_of(str(value.year))}年{named}" if with_year else named


def clock(value: time) -> str:
    """下午三点半"""
    period = next(name for hour, name in _PERIODS if value.hour >= hour)
    hour = value.hour if value.hour <= 12 else value.hour - 12
    words = f"{period}{counted(hour, '点')}"
    if value.minute == 30:
        return f"{words}半"
    if value.minute == 0:
        return words
    gap = _DIGITS[0] if value.minute < 10 else ""
    return f"{words}{gap}{cardinal(value.minute)}分"


def moment(day_words: str, clock_words: str) -> str:
    return f"{day_words}{clock_words}"
