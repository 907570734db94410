"""The report on the contacts' quality as one HTML file: it loads nothing, runs no script, and
shows names only as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

from crm_adapter.embedded.duplicates import Duplicates, Pair
from crm_adapter.embedded.likeness import Person
from crm_adapter.embedded.quality import NumberQuality, Quality
from supervisor.quality_style import STYLE
from supervisor.quality_words import FIELDS, NAMES, NUMBERS, SHARED
from supervisor.quality_words import share as plain_share

#: Of the surest pairs; more is work for the command line.
PAIRS_SHOWN = 100
_BAR = 240


def page(quality: Quality, *, at: datetime) -> str:
    """`at`: when it was measured."""
    title = _both("Quality of the contacts", "联系人数据质量")
    parts = [
        _heading(title, at),
        _totals(quality),
        _section(_both("Fields", "字段"), _fields(quality)),
        _section(_both("Numbers", "号码"), _numbers(quality)),
        _section(_both("Duplicates", "重复联系人"), _duplicates(quality.duplicates)),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<title>Quality of the contacts · 联系人数据质量</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n" + "\n".join(parts) + "\n</main>\n"
        "</body>\n</html>\n"
    )


def _both(english: str, chinese: str) -> str:
    return (
        f'<span class="en">{escape(english)}</span><span class="zh" lang="zh">{escape(chinese)}'
        "</span>"
    )


def _heading(title: str, at: datetime) -> str:
    return (
        '<header><div class="languages">'
        '<label><input type="radio" name="language" id="in-en" checked>English</label>'
        '<label><input type="radio" name="language" id="in-zh">中文</label></div>'
        f'<h1>{title}</h1><p class="when">{escape(at.strftime("%Y-%m-%d %H:%M %Z"))}</p></header>'
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _totals(quality: Quality) -> str:
    found = quality.duplicates
    tiles = [
        (f"{quality.contacts:,}", _both("contacts", "联系人")),
        (
            _share(quality.numbers[NumberQuality.VALID], sum(quality.numbers.values())),
            _both("of the numbers are valid", "的号码有效"),
        ),
        (f"{quality.unreachable:,}", _both("without number and e-mail", "无号码且无邮件")),
        ("–" if found is None else f"{found.count:,}", _both("likely duplicates", "可能重复")),
    ]
    inside = "".join(f"<div><strong>{value}</strong>{label}</div>" for value, label in tiles)
    return f'<div class="tiles">{inside}</div>'


def _fields(quality: Quality) -> str:
    head = (
        _both("Field", "字段"),
        _both("Filled", "已填写"),
        _both("Share", "比例"),
        _both("Missing", "缺失"),
    )
    rows = (
        (
            _both(*FIELDS[gap.field]),
            _bar(gap.filled, quality.contacts),
            _share(gap.filled, quality.contacts),
            f"{quality.contacts - gap.filled:,}",
        )
        for gap in quality.fields
    )
    return _table(head, rows, numeric=(2, 3))


def _numbers(quality: Quality) -> str:
    total = sum(quality.numbers.values())
    head = (_both("Number", "号码"), "", _both("Share", "比例"), _both("How many", "数量"))
    rows = [
        (_both(*NUMBERS[kind]), _bar(count, total), _share(count, total), f"{count:,}")
        for kind, count in quality.numbers.items()
    ]
    shared = quality.shared_numbers
    note = _both(
        f"Numbers that several contacts have: {shared:,}. Households and companies share numbers; "
        "that alone is no duplicate.",
        f"多个联系人共用的号码：{shared:,} 个。家庭和公司会共用号码，仅此不算重复。",
    )
    return _table(head, rows, numeric=(2, 3)) + f"<p>{note}</p>"


def _duplicates(found: Duplicates | None) -> str:
    if found is None:
        return f"<p>{_both('Not looked for.', '未查找。')}</p>"
    if not found.count:
        return f"<p>{_both('None found.', '未发现。')}</p>"
    kinds = ((_both(*SHARED[kind]), f"{count:,}") for kind, count in sorted(found.by_kind.items()))
    head = (_both("What they share", "共同点"), _both("Pairs", "对数"))
    body = _table(head, kinds, numeric=(1,))
    shown = found.pairs[:PAIRS_SHOWN]
    if len(shown) < found.count:
        body += "<p>" + _both(
            f"The {len(shown)} surest of {found.count:,}:",
            f"共 {found.count:,} 对，以下为最可能的 {len(shown)} 对：",
        )
        body += "</p>"
    pair_head = (
        _both("Keep", "保留"),
        _both("Merge into it", "并入"),
        _both("Because", "依据"),
        _both("Sure", "可信度"),
    )
    return body + _table(pair_head, map(_pair, shown), numeric=(3,))


def _pair(pair: Pair) -> tuple[str, ...]:
    alike = pair.likeness
    reasons = [NAMES[alike.names], *(SHARED[kind] for kind in alike.shared)]
    because = _both(
        ", ".join(reason[0] for reason in reasons), "、".join(reason[1] for reason in reasons)
    )
    return _person(pair.one), _person(pair.two), because, f"{alike.confidence:.0%}"


def _person(person: Person) -> str:
    name = f"{person.first} {person.last}".strip() or "–"
    company = f"<br><small>{escape(person.company)}</small>" if person.company else ""
    return f"<bdi>{escape(name)}</bdi>{company}<br><code>{escape(person.id)}</code>"


def _table(
    head: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, numeric: tuple[int, ...]
) -> str:
    def cells(row: tuple[str, ...], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if index in numeric else ''}>{cell}</{tag}>"
            for index, cell in enumerate(row)
        )

    lines = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{cells(head, "th")}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _bar(part: int, whole: int) -> str:
    filled = round(_BAR * part / whole) if whole else 0
    return (
        f'<svg viewBox="0 0 {_BAR} 10" width="{_BAR}" height="10" role="img" '
        f'aria-label="{_share(part, whole)}">'
        f'<rect class="whole" width="{_BAR}" height="10" rx="5"/>'
        f'<rect class="part" width="{filled}" height="10" rx="5"/></svg>'
    )


def _share(part: int, whole: int) -> str:
    return escape(plain_share(part, whole))
