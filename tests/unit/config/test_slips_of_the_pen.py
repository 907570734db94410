# ruff: noqa: E501 (whole sentences, as they are read)
"""What a newcomer's fingers get wrong, and the exact words that are read then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import option, sentences_about

pytestmark = pytest.mark.unit

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "nothing behind a key": (
        {"menus": option(say="")},
        ["menus.yaml:5: 'say' has no value; write one, or leave the line out"],
    ),
    "nothing behind a key that may be missing": (
        {"menus": option() + "    greeting:\n"},
        ["menus.yaml:7: 'greeting' has no value; write one, or leave the line out"],
    ),
    "a comment for a digit": (
        {"menus": option(digit="#")},
        ["menus.yaml:7: 'digit' has no value; a # begins a comment, so write it in quotes"],
    ),
    "a comment for a digit in the middle": (
        {"menus": option(digit="# the hash key", when="{caller.known: true}")},
        ["menus.yaml:7: 'digit' has no value; a # begins a comment, so write it in quotes"],
    ),
    "an empty section": (
        {"tests": "tests:\n"},
        ["tests.yaml:1: 'tests' has no value; write one, or leave the line out"],
    ),
    "an empty item": (
        {"hold": "programmes:\n  default:\n    - music_s: 20\n    -\n"},
        ["hold.yaml:4: an item of a list is empty"],
    ),
    "no blank after a colon in braces": (
        {"menus": option(do="{queue:sales}")},
        ["menus.yaml:6: a blank is missing after the colon of 'queue'"],
    ),
    "no blank before a brace": (
        {"menus": "menus:\n  main:\n    options:\n      - intent: sales\n        say: A\n        do:{queue: sales}\n"},
        [
            "menus.yaml:4: 'do' is missing",
            "menus.yaml:6: a blank is missing after the colon of 'do'",
        ],
    ),
    "no blank before a quote": (
        {"menus": 'menus:\n  main:\n    greeting:"Welcome."\n    options:\n      - {intent: a, say: A, do: {queue: a}}\n'},
        ["menus.yaml:3: a blank is missing after the colon of 'greeting'"],
    ),
    "no blank before a quote further down": (
        {"menus": 'menus:\n  main:\n    tries: 3\n    greeting:"Welcome."\n    options:\n      - {intent: a, say: A, do: {queue: a}}\n'},
        ["menus.yaml:4: a blank is missing after the colon of 'greeting'"],
    ),
    "no blank and nothing else": (
        {"menus": 'menus:\n  main:\n    greeting:"Welcome."\n'},
        ["menus.yaml:2: 'main' must be a mapping (key: value), not 'greeting:\"Welcome.\"'; a blank is missing after the colon of 'greeting'"],
    ),
    "a wide colon": (
        {"menus": "menus:\n  main:\n    tries: 3\n    greeting：您好\n    options: []\n"},
        ["menus.yaml:4: use the plain colon : and a blank after 'greeting', not the wide ："],
    ),
    "a wide colon after the section": (
        {"texts": "texts：\n  a: A\n"},
        ["texts.yaml:1: use the plain colon : and a blank after 'texts', not the wide ："],
    ),
    "a wide colon in braces": (
        {"menus": option(do="{queue：sales}")},
        ["menus.yaml:6: use the plain colon : and a blank after 'queue', not the wide ："],
    ),
    "a quote left open above another": (
        {"menus": 'menus:\n  main:\n    greeting: "Welcome.\n    options:\n      - intent: sales\n        say: "To order"\n        do: {queue: sales}\n'},
        ["menus.yaml:3: not valid YAML: a quote opened in line 3 is not closed"],
    ),
    "a quote left open in braces": (
        {"menus": 'menus:\n  main:\n    options:\n      - {intent: a, say: "A, do: {queue: a}}\n      - {intent: b, say: "B", do: {queue: b}}\n'},
        ["menus.yaml:4: not valid YAML: a quote opened in line 4 is not closed"],
    ),
    "what another file needs of the one that cannot be read": (
        {
            "menus": 'menus:\n  main:\n    greeting: "Hello\n',
            "numbers": "numbers:\n  default: {menu: main, hours: shop, closed: {say: closed_text, then: {hangup: true}}}\n",
            "tests": "tests:\n  - {name: it, given: {}, expect: {menu: main}}\n",
        },
        ["menus.yaml:3: not valid YAML: a quote opened in line 3 is not closed"],
    ),
    "latin-1": (
        {"texts": 'texts:\n  a: "Grüße"\n'.encode("latin-1")},
        ["texts.yaml:2: the file is not UTF-8 text; save the file as UTF-8"],
    ),
    "a name in letters of its own": (
        {"menus": option(intent="größe")},
        ["menus.yaml:4: 'intent' cannot be 'größe'; a name has 1 to 40 letters a to z, digits, _ and -"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_slip_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    assert sentences_about(tmp_path, **files) == expected


def test_null_is_a_value(tmp_path: Path) -> None:
    menus = option() + "    greeting: null\n"
    assert sentences_about(tmp_path, menus=menus) == []
