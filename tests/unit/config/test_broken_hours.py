# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong about hours, holidays, closures, promotions, segments, skills and webhooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import hours, number, option, rule, sentences_about, webhook

pytestmark = pytest.mark.unit

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    # Hours, holidays, closures, promotions
    "hours without a week": (
        {"hours": hours("timezone: Europe/Berlin")},
        ["hours.yaml:2: 'week' is missing"],
    ),
    "week of the wrong kind": (
        {"hours": hours('week: "09:00-18:00"')},
        ["hours.yaml:3: 'week' must be a mapping like {mon-fri: \"09:00-18:00\"}"],
    ),
    "unknown day": (
        {"hours": hours('week: {montag: "09:00-18:00"}')},
        ["hours.yaml:3: 'montag' is not a day (mon, tue, wed, thu, fri, sat, sun) or days like mon-fri"],
    ),
    "days upside down": (
        {"hours": hours('week: {mon-fr: "09:00-18:00"}')},
        ["hours.yaml:3: 'mon-fr' is not a day (mon, tue, wed, thu, fri, sat, sun) or days like mon-fri"],
    ),
    "day given twice": (
        {"hours": hours('week: {mon-fri: "09:00-18:00", wed: "10:00-12:00"}')},
        ["hours.yaml:3: wed is given twice, the second time by 'wed'"],
    ),
    "hours overlap": (
        {"hours": hours('week: {mon: ["09:00-13:00", "12:00-18:00"]}')},
        ["hours.yaml:3: the hours of mon overlap"],
    ),
    "hours past midnight": (
        {"hours": hours('week: {mon: "22:00-02:00"}')},
        ["hours.yaml:3: '22:00-02:00' ends before it starts; hours past midnight are two: 22:00-24:00, and 00:00-02:00 on the next day"],
    ),
    "hours after midnight": (
        {"hours": hours('week: {mon: "09:00-25:00"}')},
        ["hours.yaml:3: a day ends at 24:00, not '09:00-25:00'"],
    ),
    "hours without minutes": (
        {"hours": hours("week: {mon: 9-18}")},
        ["hours.yaml:3: hours are written like \"09:00-18:00\", not '9-18'"],
    ),
    "hours that are a number": (
        {"hours": hours("week: {mon: 9}")},
        ["hours.yaml:3: hours are written like \"09:00-18:00\", not '9'"],
    ),
    "sixty minutes": (
        {"hours": hours('week: {mon: "09:60-18:00"}')},
        ["hours.yaml:3: hours are written like \"09:00-18:00\", not '09:60-18:00'"],
    ),
    "unknown time zone of hours": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    timezone: Berlin')},
        ["hours.yaml:4: unknown time zone 'Berlin'; write it like Europe/Berlin"],
    ),
    "misspelt key of hours": (
        {"hours": hours('weak: {mon: "09:00-18:00"}')},
        [
            "hours.yaml:2: 'week' is missing",
            "hours.yaml:3: unknown key 'weak'; did you mean 'week'?",
        ],
    ),
    "name with a dash for a fact": (
        {"hours": 'hours:\n  my-shop: {week: {mon: "09:00-18:00"}}\n'},
        ["hours.yaml:2: the name 'my-shop' may hold letters a to z, digits and _ only, a letter first"],
    ),
    "unknown country": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {country: XX}')},
        ["hours.yaml:4: no calendar of holidays is known for 'XX'"],
    ),
    "country in small letters": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {country: de}')},
        ["hours.yaml:4: 'country' cannot be 'de'; a country is written like US or CN"],
    ),
    "unknown subdivision": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {country: DE, subdivision: BX}')},
        ["hours.yaml:4: DE has no subdivision 'BX'; there are: BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH, Augsburg"],
    ),
    "subdivision without country": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {subdivision: BE}')},
        ["hours.yaml:4: 'subdivision' goes with 'country'"],
    ),
    "holiday on no date": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {also: {"24.12.2026": Eve}}')},
        ["hours.yaml:4: a date is written like 2026-12-24, not '24.12.2026'"],
    ),
    "a day that there is not": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: {not: ["2026-02-30"]}')},
        ["hours.yaml:4: there is no day 2026-02-30"],
    ),
    "unknown calendar": (
        {"hours": hours('week: {mon: "09:00-18:00"}\n    holidays: germny') + "holidays: {germany: {country: DE}}\n"},
        ["hours.yaml:4: there are no calendar of holidays 'germny'; did you mean 'germany'?"],
    ),
    "number with unknown hours": (
        {"numbers": number("hours: shp, closed: {queue: support}"), "hours": hours('week: {mon: "09:00-18:00"}')},
        ["numbers.yaml:2: there are no opening hours 'shp'; did you mean 'shop'?"],
    ),
    "hours without closed": (
        {"numbers": number("hours: shop"), "hours": hours('week: {mon: "09:00-18:00"}')},
        ["numbers.yaml:2: 'hours' needs 'closed': what callers meet outside of them"],
    ),
    "closed without hours": (
        {"numbers": number("closed: {queue: support}")},
        ["numbers.yaml:2: 'closed' goes with 'hours'"],
    ),
    "closed leads back in the end": (
        {"numbers": number("hours: shop, closed: {callback: sales, otherwise: {back: true}}"), "hours": hours('week: {mon: "09:00-18:00"}')},
        ["numbers.yaml:2: 'back' leads nowhere before any menu"],
    ),
    "closed leads back": (
        {"numbers": number("hours: shop, closed: {back: true}"), "hours": hours('week: {mon: "09:00-18:00"}')},
        ["numbers.yaml:2: 'back' leads nowhere before any menu"],
    ),
    "closed leads to no menu": (
        {"numbers": number("hours: shop, closed: {menu: closed}"), "hours": hours('week: {mon: "09:00-18:00"}')},
        ["numbers.yaml:2: there is no menu 'closed'"],
    ),
    "closure that ends first": (
        {"hours": 'closures:\n  flood: {from: "2026-11-24", to: "2026-11-23"}\n'},
        ["hours.yaml:2: 'to' must be later than 'from'"],
    ),
    "closure of unknown hours": (
        {"hours": hours('week: {mon: "09:00-18:00"}') + 'closures:\n  flood: {from: "2026-11-23", to: "2026-11-24", hours: [shoop]}\n'},
        ["hours.yaml:5: there are no opening hours 'shoop'; did you mean 'shop'?"],
    ),
    "closure without an end": (
        {"hours": 'closures:\n  flood: {from: "2026-11-24"}\n'},
        ["hours.yaml:2: 'to' is missing"],
    ),
    "closure at an hour without minutes": (
        {"hours": 'closures:\n  flood: {from: "2026-11-24 8h", to: "2026-11-25"}\n'},
        ["hours.yaml:2: 'from' is written like 2026-11-23 or 2026-11-23T08:00, not '2026-11-24 8h'"],
    ),
    "closure on two clocks": (
        {
            "hours": hours('week: {mon: "09:00-18:00"}') + 'closures: {flood: {from: "2026-11-23", to: "2026-11-24"}}\n',
            "numbers": "numbers:\n"
            "  '1': {menu: main, timezone: Asia/Tokyo, hours: shop, closed: {hangup: true}}\n"
            "  default: {menu: main, hours: shop, closed: {hangup: true}}\n",
        },
        [
            "hours.yaml:4: warning: the closure 'flood' goes by the server's clock, because numbers with different clocks keep the hours 'shop'; write the hours' timezone"
        ],
    ),
    "promotion without quotes for a zone": (
        {"hours": 'promotions:\n  sale: {from: "2026-11-23", to: "2026-11-30", timezone: Berlin}\n'},
        ["hours.yaml:2: unknown time zone 'Berlin'; write it like Europe/Berlin"],
    ),
    "promotion with an offset": (
        {"hours": 'promotions:\n  sale: {from: "2026-11-23T08:00Z", to: "2026-11-30"}\n'},
        ["hours.yaml:2: 'from' is written like 2026-11-23 or 2026-11-23T08:00, not '2026-11-23T08:00Z'"],
    ),
    "promotion asked by another name": (
        {"hours": 'promotions:\n  sale: {from: "2026-11-23", to: "2026-11-30"}\n', "rules": rule("{promotion.sales: true}")},
        ["rules.yaml:4: unknown fact 'promotion.sales'; did you mean 'promotion.sale'?"],
    ),
    "doors that there are not": (
        {"hours": hours('week: {mon: "09:00-18:00"}'), "rules": rule("{hours.shop: shut}")},
        ["rules.yaml:4: hours.shop is never 'shut'; there are: open, closed, holiday, closure"],
    ),
    "opening time compared": (
        {"hours": hours('week: {mon: "09:00-18:00"}'), "rules": rule('{opens.shop: {gt: "2026-11-23"}}')},
        ["rules.yaml:4: 'gt' does not fit opens.shop, which is a point in time; there are: exists"],
    ),
    # Recording
    "recorded without a word on consent": (
        {"numbers": number("record: {silence: agree}")},
        ["numbers.yaml:2: 'consent' is missing"],
    ),
    "recorded perhaps": (
        {"numbers": number("record: {consent: asked}")},
        ["numbers.yaml:2: 'consent' must be one of ask, announce, none, not 'asked'; did you mean 'ask'?"],
    ),
    "silence of who is not asked": (
        {"numbers": number("record: {consent: announce, silence: agree}")},
        ["numbers.yaml:2: 'silence' goes with 'consent: ask'"],
    ),
    # Skills and webhooks
    "skill without bounds": (
        {"skills": "skills:\n  mandarin: {}\n"},
        ["skills.yaml:2: the skill 'mandarin' needs max_penalty or min_penalty"],
    ),
    "skill upside down": (
        {"skills": "skills:\n  mandarin: {min_penalty: 5, max_penalty: 1}\n"},
        ["skills.yaml:2: 'min_penalty' is above 'max_penalty': no agent could be rung"],
    ),
    "unknown skill": (
        {"skills": "skills:\n  mandarin: {max_penalty: 1}\n", "menus": option(do="{queue: sales, skills: [mandrin]}")},
        ["menus.yaml:6: there is no skill 'mandrin'; did you mean 'mandarin'?"],
    ),
    "skills nobody can have": (
        {"skills": "skills:\n  a: {max_penalty: 1}\n  b: {min_penalty: 2}\n", "menus": option(do="{queue: sales, skills: [a, b]}")},
        ["menus.yaml:6: no agent can have all of these skills: their penalties exclude each other"],
    ),
    "webhook host": (
        {"webhooks": webhook(url='"https://api.exampel.com/"')},
        ["webhooks.yaml:2: the host 'api.exampel.com' may not be asked; did you mean 'api.example.com'?"],
    ),
    "webhook host that is another's": (
        {"webhooks": webhook(url='"https://evil.test/"')},
        ["webhooks.yaml:2: the host 'evil.test' may not be asked; the settings' rulebook.webhook_hosts lists who may"],
    ),
    "webhook by ftp": (
        {"webhooks": webhook(url='"ftp://api.example.com/"')},
        ["webhooks.yaml:2: 'url' must be an address that begins with https:// or http://"],
    ),
    "webhook in the clear": (
        {"webhooks": webhook(url='"http://api.example.com/"')},
        [
            "webhooks.yaml:2: http without TLS is for this machine and private networks alone: write https, or the address of a proxy of yours that speaks TLS to it"
        ],
    ),
    "webhook with a password": (
        {"webhooks": webhook(url='"https://me:secret@api.example.com/"')},
        ["webhooks.yaml:2: 'url' must not hold a name or password; every question is signed"],
    ),
    "webhook without answers": (
        {"webhooks": webhook(answers="{}")},
        ["webhooks.yaml:2: 'answers' must not be empty"],
    ),
    "unknown kind of answer": (
        {"webhooks": webhook(answers="{pieces: hole}")},
        ["webhooks.yaml:2: 'pieces' must be one of text, whole, number, yes_no, not 'hole'; did you mean 'whole'?"],
    ),
    "webhook too patient": (
        {"webhooks": webhook(deadline_s="60")},
        ["webhooks.yaml:2: 'deadline_s' must be at most 10, not '60'"],
    ),
    "unknown webhook": (
        {"webhooks": webhook(), "menus": option(do="{webhook: stok, then: {queue: sales}}")},
        ["menus.yaml:6: there is no webhook 'stok'; did you mean 'stock'?"],
    ),
    "unknown answer in a text": (
        {"webhooks": webhook(), "menus": option(say='"{{ answers.stock.peces }}"')},
        ["menus.yaml:5: unknown value 'answers.stock.peces' in the text; did you mean 'answers.stock.pieces'?"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    assert sentences_about(tmp_path, **files) == expected
