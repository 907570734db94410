"""Numbers, amounts, dates and times as words, in English and Mandarin, against golden tables."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.money import Money
from config import spoken_values
from config.spoken_digits import digits
from config.spoken_money import money
from tests.unit.config.heard_numbers import heard_english, heard_mandarin

pytestmark = pytest.mark.unit

NUMBERS: list[tuple[Any, str, str]] = [
    (0, "zero", "零"),
    (2, "two", "二"),
    (10, "ten", "十"),
    (12, "twelve", "十二"),
    (20, "twenty", "二十"),
    (22, "twenty-two", "二十二"),
    (100, "one hundred", "一百"),
    (101, "one hundred one", "一百零一"),
    (110, "one hundred ten", "一百一十"),
    (112, "one hundred twelve", "一百一十二"),
    (200, "two hundred", "二百"),
    (222, "two hundred twenty-two", "二百二十二"),
    (1000, "one thousand", "一千"),
    (1005, "one thousand five", "一千零五"),
    (1010, "one thousand ten", "一千零一十"),
    (1050, "one thousand fifty", "一千零五十"),
    (1500, "one thousand five hundred", "一千五百"),
    (2000, "two thousand", "两千"),
    (2200, "two thousand two hundred", "两千二百"),
    (10_000, "ten thousand", "一万"),
    (10_005, "ten thousand five", "一万零五"),
    (10_500, "ten thousand five hundred", "一万零五百"),
    (15_000, "fifteen thousand", "一万五千"),
    (20_000, "twenty thousand", "两万"),
    (22_000, "twenty-two thousand", "两万二千"),
    (32_000, "thirty-two thousand", "三万二千"),
    (100_000, "one hundred thousand", "十万"),
    (100_010, "one hundred thousand ten", "十万零一十"),
    (105_000, "one hundred five thousand", "十万五千"),
    (120_000, "one hundred twenty thousand", "十二万"),
    (1_000_000, "one million", "一百万"),
    (20_000_000, "twenty million", "两千万"),
    (100_000_000, "one hundred million", "一亿"),
    (100_000_005, "one hundred million five", "一亿零五"),
    (100_120_000, "one hundred million one hundred twenty thousand", "一亿零一十二万"),
    (120_005_000, "one hundred twenty million five thousand", "一亿二千万五千"),
    (200_000_000, "two hundred million", "两亿"),
    (220_000_000, "two hundred twenty million", "两亿二千万"),
    (1_000_000_000_000, "one trillion", "一万亿"),
    (-6, "minus six", "负六"),
    (3.14, "three point one four", "三点一四"),
    (0.1, "zero point one", "零点一"),
    (2.02, "two point zero two", "二点零二"),
    (-0.5, "minus zero point five", "负零点五"),
    (7.0, "seven", "七"),
    (Decimal("1.50"), "one point five", "一点五"),
    (0.0000001, "zero", "零"),
    (10**20, "100,000,000,000,000,000,000", "100,000,000,000,000,000,000"),
]

AMOUNTS = [
    ("12.50", "USD", "twelve dollars and fifty cents", "十二美元五十美分"),
    ("12.50", "CNY", "twelve yuan and fifty fen", "十二元五角"),
    ("12.05", "CNY", "twelve yuan and five fen", "十二元零五分"),
    ("12.55", "CNY", "twelve yuan and fifty-five fen", "十二元五角五分"),
    ("2.22", "CNY", "two yuan and twenty-two fen", "两元两角两分"),
    ("0.50", "CNY", "fifty fen", "五角"),
    ("0.05", "CNY", "five fen", "五分"),
    ("0", "CNY", "zero yuan", "零元"),
    ("1005", "CNY", "one thousand five yuan", "一千零五元"),
    ("2", "USD", "two dollars", "两美元"),
    ("1", "USD", "one dollar", "一美元"),
    ("1.01", "USD", "one dollar and one cent", "一美元一美分"),
    ("0.02", "USD", "two cents", "两美分"),
    ("-7.00", "USD", "minus seven dollars", "负七美元"),
    ("0.004", "USD", "zero dollars", "零美元"),
    ("-0.001", "USD", "zero dollars", "零美元"),
    ("0.995", "USD", "one dollar", "一美元"),
    ("9.99", "EUR", "nine euros and ninety-nine cents", "九欧元九十九欧分"),
    ("0.01", "GBP", "one penny", "一便士"),
    ("3.20", "GBP", "three pounds and twenty pence", "三英镑二十便士"),
    ("12.5", "JPY", "thirteen yen", "十三日元"),
    ("2000", "JPY", "two thousand yen", "两千日元"),
    ("12.50", "HKD", "twelve Hong Kong dollars and fifty cents", "十二点五港元"),
    ("1", "CHF", "one Swiss franc", "一瑞士法郎"),
    ("1.5", "KWD", "one point five Kuwaiti dinars", "一点五科威特第纳尔"),
    ("5", "xyz", "five X Y Z", "五X Y Z"),
]

DAYS = [
    (date(2026, 11, 24), "Tuesday, the twenty-fourth of November", "十一月二十四日星期二"),
    (date(2026, 1, 1), "Thursday, the first of January", "一月一日星期四"),
    (date(2026, 2, 2), "Monday, the second of February", "二月二日星期一"),
    (date(2026, 12, 3), "Thursday, the third of December", "十二月三日星期四"),
    (date(2026, 8, 30), "Sunday, the thirtieth of August", "八月三十日星期日"),
    (date(2026, 10, 12), "Monday, the twelfth of October", "十月十二日星期一"),
    (
        date(2027, 5, 31),
        "Monday, the thirty-first of May twenty twenty-seven",
        "二零二七年五月三十一日星期一",
    ),
    (
        date(2005, 6, 8),
        "Wednesday, the eighth of June two thousand five",
        "二零零五年六月八日星期三",
    ),
    (
        date(1905, 3, 9),
        "Thursday, the ninth of March nineteen oh five",
        "一九零五年三月九日星期四",
    ),
    (
        date(1900, 4, 20),
        "Friday, the twentieth of April nineteen hundred",
        "一九零零年四月二十日星期五",
    ),
    (
        date(9999, 12, 31),
        "Friday, the thirty-first of December ninety-nine ninety-nine",
        "九九九九年十二月三十一日星期五",
    ),
]

CLOCKS = [
    (time(0, 0), "midnight", "凌晨零点"),
    (time(0, 30), "twelve thirty a.m.", "凌晨零点半"),
    (time(2, 5), "two oh five a.m.", "凌晨两点零五分"),
    (time(6, 0), "six a.m.", "早上六点"),
    (time(9, 15), "nine fifteen a.m.", "上午九点十五分"),
    (time(12, 0), "noon", "中午十二点"),
    (time(12, 30), "twelve thirty p.m.", "中午十二点半"),
    (time(14, 0), "two p.m.", "下午两点"),
    (time(15, 30), "three thirty p.m.", "下午三点半"),
    (time(16, 10, 59), "four ten p.m.", "下午四点十分"),
    (time(22, 22), "ten twenty-two p.m.", "晚上十点二十二分"),
]

DIGITS: list[tuple[str | int, str, str]] = [
    ("7", "seven", "七"),
    (1021, "one zero two one", "一零二一"),
    ("12345", "one two three, four five", "一二三，四五"),
    ("1234567", "one two three, four five six seven", "一二三，四五六七"),
    ("AB-1203", "A B, one two zero three", "A B，一二零三"),
    (
        "+14155550101",
        "plus one, four one five, five five five, zero one zero one",
        "加一，四一五，五五五，零一零一",
    ),
    (
        "+8613800138000",
        "plus eight six, one three eight, zero zero one three, eight zero zero zero",
        "加八六，一三八，零零一三，八零零零",
    ),
    ("+999", "plus nine nine nine", "加九九九"),
]

THIS_YEAR = date(2026, 7, 1)


def test_the_tables_are_long_enough() -> None:
    assert len(NUMBERS) + len(AMOUNTS) + len(DAYS) + len(CLOCKS) + len(DIGITS) >= 100


@pytest.mark.parametrize(("value", "english", "mandarin"), NUMBERS)
def test_numbers(value: Any, english: str, mandarin: str) -> None:
    assert spoken_values.number(value, "en") == english
    assert spoken_values.number(value, "zh") == mandarin


@pytest.mark.parametrize(("amount", "currency", "english", "mandarin"), AMOUNTS)
def test_amounts(amount: str, currency: str, english: str, mandarin: str) -> None:
    value = Money(Decimal(amount), currency)
    assert money(value, "en-GB") == english
    assert money(value, "zh-CN") == mandarin


@pytest.mark.parametrize(("value", "english", "mandarin"), DAYS)
def test_days(value: date, english: str, mandarin: str) -> None:
    assert spoken_values.day(value, "en", THIS_YEAR) == english
    assert spoken_values.day(value, "zh", THIS_YEAR) == mandarin


@pytest.mark.parametrize(("value", "english", "mandarin"), CLOCKS)
def test_clocks(value: time, english: str, mandarin: str) -> None:
    assert spoken_values.clock(value, "en") == english
    assert spoken_values.clock(value, "zh") == mandarin


@pytest.mark.parametrize(("value", "english", "mandarin"), DIGITS)
def test_digits(value: str | int, english: str, mandarin: str) -> None:
    assert digits(value, "en") == english
    assert digits(value, "cmn") == mandarin


def test_a_moment_is_a_day_and_a_time() -> None:
    at = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert (
        spoken_values.moment(at, "en", THIS_YEAR)
        == "Tuesday, the twenty-fourth of November, at three thirty p.m."
    )
    assert spoken_values.moment(at, "zh", THIS_YEAR) == "十一月二十四日星期二下午三点半"
    assert spoken_values.moment(at, "zh").startswith("二零二六年")


def test_other_languages_are_written_as_cldr_has_them() -> None:
    at = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    assert money(Money(Decimal("1234.5"), "EUR"), "de") == "1.234,50 Euro"
    assert spoken_values.number(1234.5, "de") == "1.234,5"
    assert spoken_values.day(at.date(), "fr", THIS_YEAR) == "mardi 24 novembre 2026"
    assert spoken_values.clock(at, "es") == "15:30"
    assert spoken_values.moment(at, "de") == "Dienstag, 24. November 2026, 15:30"
    assert digits("12345", "de") == "1 2 3, 4 5"
    assert spoken_values.number(5, "xx-nowhere") == "5"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("sNaN"), 10**400, True, "7"])
@pytest.mark.parametrize("language", ["en", "zh", "de", "", "☃"])
def test_what_is_no_number_is_not_said(value: Any, language: str) -> None:
    with pytest.raises(ValueError, match="number"):
        spoken_values.number(value, language)
    with pytest.raises(ValueError, match="number"):
        money(Money(value, "USD"), language)


@pytest.mark.parametrize("currency", ["", "$", "USDX", "U1D", "元", "\0\0\0"])
def test_an_amount_of_what_is_not_said(currency: str) -> None:
    with pytest.raises(ValueError, match="without a currency"):
        money(Money(Decimal(1), currency), "en")


def test_values_of_another_kind_are_not_said() -> None:
    wrong: Any = "2026-11-24"
    for speak in (spoken_values.day, spoken_values.clock, spoken_values.moment, money):
        with pytest.raises(ValueError, match="str is not"):
            speak(wrong, "en")
    for nothing in ("", "  ", "--", "1" * 65, True, None):
        with pytest.raises(ValueError, match=r"digit|has no"):
            digits(nothing, "en")  # type: ignore[arg-type]


@given(cents=st.integers(0, 99_999_999), currency=st.sampled_from(["USD", "EUR"]))
def test_every_amount_is_heard_as_it_was_meant(cents: int, currency: str) -> None:
    value = Money(Decimal(cents) / 100, currency)
    assert heard_english(money(value, "en")) == value.amount
    assert heard_mandarin(money(value, "zh")) == value.amount


@given(fen=st.integers(0, 99_999_999))
def test_every_amount_of_yuan_is_heard_as_it_was_meant(fen: int) -> None:
    value = Money(Decimal(fen) / 100, "CNY")
    assert heard_english(money(value, "en")) == value.amount
    assert heard_mandarin(money(value, "zh")) == value.amount


@given(number=st.integers(0, 10**15 - 1))
def test_every_number_is_heard_as_it_was_meant(number: int) -> None:
    assert heard_english(spoken_values.number(number, "en")) == number
    assert heard_mandarin(spoken_values.number(number, "zh")) == number


@given(at=st.datetimes(), language=st.sampled_from(["en", "zh", "de", "ar", "th", "fa", "nowhere"]))
def test_every_point_in_time_can_be_said(at: datetime, language: str) -> None:
    for value in (at, at.replace(tzinfo=UTC)):
        assert spoken_values.moment(value, language)
        assert spoken_values.clock(value, language)


@given(
    number=st.floats() | st.decimals() | st.integers(),
    language=st.text(max_size=8) | st.sampled_from(["en", "zh", "de", "hi"]),
    currency=st.text(max_size=4) | st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_hostile_values_are_said_or_refused(number: Any, language: str, currency: str) -> None:
    for speak in (
        lambda: spoken_values.number(number, language),
        lambda: money(Money(number, currency), language),
        lambda: digits(str(number), language),
        lambda: digits(currency, language),
    ):
        with suppress(ValueError):
            assert speak()


def test_a_leap_second_s_neighbours_and_midnight() -> None:
    before = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert spoken_values.clock(before, "en") == "eleven fifty-nine p.m."
    assert spoken_values.clock(before + timedelta(seconds=1), "en") == "midnight"
