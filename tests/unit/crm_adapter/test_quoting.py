"""What of a CRM's own words is repeated."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from crm_adapter.http.quoting import LONGEST, quoted

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "number",
    [
        "+442079460018",
        "00442079460018",
        "020 7946 0018",
        "(020) 7946-0018",
        "+44 (0)20 7946 0018",
        "1.202.555.0150",
        "202/555/0150",
        "020\u00a07946\u00a00018",
        "020\u200b7946\u200b0018",
        "020\u20117946\u20110018",
        "０２０７９４６００１８",
        "٠٢٠٧٩٤٦٠٠١٨",
        "0 2 0 7 9 4 6 0 0 1 8",
        "0\n20\t79\x0046\r00\x1b18",
        "79460",
    ],
)
def test_a_number_is_masked_however_it_is_written(number: str) -> None:
    said = quoted(f"the phone {number} is taken")
    assert said == "the phone *** is taken"


@pytest.mark.parametrize(
    "address",
    ["ann.lee@example.com", "ann+x@example", "ann＠example.com", "müller@exämple.de", "a@b@c"],
)
def test_an_address_is_masked(address: str) -> None:
    said = quoted(f"duplicate of <{address}>, see there")
    assert "@" not in said
    assert "ann" not in said
    assert "example" not in said
    assert said.startswith("duplicate of <***")


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07x",
        "line\r\n2026-03-02 ERROR forged",
        "abc\u202etxt.exe",
        "\ud800 lone",
        "a\u2028b\u2029c",
        "\x00\x08\x7f\x9b",
    ],
)
def test_it_is_one_line_of_plain_letters(hostile: str) -> None:
    said = quoted(hostile)
    assert said.isprintable()
    assert said == said.encode("utf-8").decode()


@pytest.mark.parametrize(
    "markup",
    ["[red]x[/red]", "[/]", "[bold", "[link=https://evil.example]x[/link]", "［red］x", "\\[x]"],
)
def test_it_is_no_markup(markup: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200, color_system="truecolor")
    console.print(f"acme: {quoted(markup)}", highlight=False)
    assert "\x1b" not in out.getvalue()
    assert "x" in out.getvalue() or "x" not in markup


@pytest.mark.parametrize("text", [None, 3, [], {"a": 1}, b"x", True])
def test_what_is_no_text_says_nothing(text: object) -> None:
    assert quoted(text) == ""


def test_the_words_stay_and_their_length_is_bearable() -> None:
    assert quoted("No access to 'Lead' (code 403).") == "No access to 'Lead' (code 403)."
    assert len(quoted("word " * 10_000)) == LONGEST
    assert quoted("word " * 10_000, 7) == "word wo"


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text", ["1-" * 1_000_000, "a@" * 1_000_000, "(" * 1_000_000, "1   " * 999]
)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    assert len(quoted(text)) <= LONGEST
