"""The page on the contacts' quality: whole in one file, and names are only text in it."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from crm_adapter.embedded.quality import Quality
from supervisor.quality_page import page
from supervisor.quality_words import share
from tests.fakes.contact_quality import HOSTILE, hostile_report

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Read(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_are_only_text() -> None:
    read = Read(page(hostile_report(), at=AT))
    assert not read.tags & {"script", "img", "iframe", "link", "object", "b"}
    assert not [name for name in read.attributes if name.startswith("on")]
    for name in HOSTILE:
        assert name in read.text
    assert "A0<b>" in read.text


def test_it_loads_nothing() -> None:
    html = page(hostile_report(), at=AT)
    assert "default-src 'none'" in html
    assert not Read(html).attributes & {"src", "href", "srcset", "action"}
    assert not re.search(r"url\(|@import|https?://", html)


def test_it_says_the_figures_in_both_languages() -> None:
    text = Read(page(hostile_report(), at=AT)).text
    for words in ("10,000", "90.0 %", "< 0.1 %", "99.9 %", "电话号码", "Telephone number", "2,345"):
        assert words in text
    assert text.count("The 6 surest of 2,345") == 1


@pytest.mark.parametrize("found", [None, "none"])
def test_without_duplicates(found: str | None) -> None:
    report = hostile_report()
    none = None
    if found and report.duplicates:
        none = dataclasses.replace(report.duplicates, pairs=(), count=0, by_kind={})
    text = Read(page(dataclasses.replace(report, duplicates=none), at=AT)).text
    assert ("None found." if found else "Not looked for.") in text


def test_no_contacts_at_all() -> None:
    empty = Quality(0, dict.fromkeys(hostile_report().numbers, 0), (), 0, 0)
    assert "–" in page(empty, at=AT)


def test_shares_never_round_to_all_or_nothing() -> None:
    assert share(9_999, 10_000) == "99.9 %"
    assert share(10_000, 10_000) == "100.0 %"
    assert share(1, 10_000) == "< 0.1 %"
    assert share(0, 10_000) == "0.0 %"
    assert share(0, 0) == "–"
