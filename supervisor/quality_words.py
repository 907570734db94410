"""What the report on the contacts' quality says, in English and Chinese."""

from __future__ import annotations

from crm_adapter.embedded.likeness import Names
from crm_adapter.embedded.quality import NumberQuality

#: By field: what it is called.
FIELDS = {
    "number": ("Telephone number", "电话号码"),
    "email": ("E-mail", "电子邮件"),
    "name": ("Name", "姓名"),
    "first_name": ("First name", "名"),
    "last_name": ("Last name", "姓"),
    "company": ("Company", "公司"),
    "language": ("Language", "语言"),
    "owner": ("Owner", "负责人"),
    "customer_number": ("Customer number", "客户编号"),
}
NUMBERS = {
    NumberQuality.VALID: ("valid", "有效"),
    NumberQuality.POSSIBLE: ("possible, in no known range", "可能有效，号段未知"),
    NumberQuality.UNREADABLE: ("unreadable", "无法识别"),
}
SHARED = {
    "number": ("same number", "号码相同"),
    "email": ("same e-mail", "电子邮件相同"),
    "company": ("same company", "公司相同"),
    "name": ("similar name only", "仅姓名相似"),
}
NAMES = {
    Names.SAME: ("same name", "姓名相同"),
    Names.MAYBE: ("one name may be short for the other", "一个姓名可能是另一个的简称"),
    Names.UNKNOWN: ("one has no name", "其中一个没有姓名"),
    Names.OTHER_LAST: ("different last names", "姓不同"),
    Names.OTHER_FIRST: ("different first names", "名不同"),
}


#: Percent: a share is told no more exactly.
_LEAST = 0.1


def share(part: int, whole: int) -> str:
    """Never 100 % while one is missing, never 0 % while one is there."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < _LEAST:
        return f"< {_LEAST} %"
    return f"{percent if part == whole else min(percent, 100 - _LEAST):.1f} %"
