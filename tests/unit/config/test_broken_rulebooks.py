# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong, and the exact words they read then."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.rulebook_loader import load_rulebook
from tests.fakes.rulebook_folder import GOOD, option, rule, write_rulebook

pytestmark = pytest.mark.unit

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "not utf-8": (
        {"menus": b"menus:\n  main: \xff\xfe\n"},
        ["menus.yaml:2: the file is not UTF-8 text; save the file as UTF-8"],
    ),
    "nul": ({"menus": b"menus:\n\0"}, ["menus.yaml:2: the file contains a NUL byte; it is not text; save the file as UTF-8"]),
    "empty": (
        {"menus": "# nothing\n"},
        [
            "menus.yaml:1: the file is empty; it holds one or more of texts, numbers, hours, holidays, "
            "closures, promotions, segments, skills, webhooks, menus, rules, programmes, offers, "
            "experiments, tests"
        ],
    ),
    "too large": ({"texts": b"#" * 1_000_001}, ["texts.yaml:1: the file has more than 1,000,000 bytes"]),
    "value without quotes": (
        {"texts": "texts:\n  a: {{ caller.first_name }}\n"},
        ["texts.yaml:2: a text that begins with { must stand in quotes"],
    ),
    "more options than max_options": (
        {"menus": "menus:\n  main:\n    max_options: 1\n    options:\n"
                  "      - {intent: status, say: A, do: {queue: a}, when: {caller.known: true}}\n"
                  "      - {intent: sales, say: B, do: {queue: a}}\n"
                  "      - {intent: agent, say: C, do: {queue: a}}\n"
                  "      - {intent: billing, say: D, do: {queue: a}}\n"},
        [
            "menus.yaml:8: warning: the option 'billing' is never heard: 1 stand before it, and the "
            "menu's max_options is 1"
        ],
    ),
    "alias bomb": (
        {"texts": BOMB},
        ["texts.yaml:5: the file holds more than 50,000 values, aliases counted"],
    ),
    "alias in itself": (
        {"texts": "texts: &a\n  b: *a\n"},
        ["texts.yaml:2: '*a' stands before the end of its '&'"],
    ),
    "deep": ({"texts": "[" * 50_000}, ["texts.yaml:1: nested more than 30 levels deep"]),
    "python tag": (
        {"texts": "texts:\n  a: !!python/object/apply:os.system [id]\n"},
        [
            "texts.yaml:2: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed; "
            "write plain values"
        ],
    ),
    "half written": (
        {"menus": "menus:\n  main:\n    greeting: \"Wel"},
        ["menus.yaml:3: not valid YAML: a quote opened in line 3 is not closed"],
    ),
    "half a brace": (
        {"numbers": "numbers:\n  default: {menu: main,"},
        ["numbers.yaml:3: not valid YAML: a {{ or [ is not closed, or something before a comma is missing"],
    ),
    "unclosed brace": (
        {"numbers": "numbers:\n  default: {menu: main\n"},
        [
            "numbers.yaml:3: not valid YAML: a {{ is not closed, or a comma is missing; it began in "
            "line 2"
        ],
    ),
    "tab": (
        {"menus": "menus:\n\tmain: {}\n"},
        ["menus.yaml:2: not valid YAML: a line begins with a tab; indent with spaces"],
    ),
    "two documents": (
        {"menus": GOOD["menus.yaml"] + "---\nmenus: {}\n"},
        ["menus.yaml:8: a file holds one YAML document; leave out the line ---"],
    ),
    "list as key": (
        {"texts": "? [a, b]\n: 1\n"},
        ["texts.yaml:1: a key must be a plain word or a text in quotes"],
    ),
    "a list of files": (
        {"texts": "- a\n"},
        ["texts.yaml:1: the file must hold one or more of texts, numbers, hours, holidays, closures, "
         "promotions, segments, skills, webhooks, menus, rules, programmes, offers, experiments, tests"],
    ),
    "unknown section": (
        {"more": "menu: {}\n"},
        ["more.yaml:1: unknown section 'menu'; did you mean 'menus'?"],
    ),
    "section of the wrong kind": (
        {"rules": "rules: [a]\n"},
        ["rules.yaml:1: 'rules' must be a mapping (key: value)"],
    ),
    "duplicate key": (
        {"numbers": "numbers:\n  default: {menu: main}\n  default: {menu: main}\n"},
        ["numbers.yaml:3: the key 'default' is given twice; the first is in line 2"],
    ),
    "menu in two files": (
        {"more": GOOD["menus.yaml"]},
        ["more.yaml:2: 'main' is already given in {folder}/menus.yaml:2"],
    ),
    "no default number": (
        {"numbers": 'numbers:\n  "+18005550100": {menu: main}\n'},
        [
            "numbers.yaml:1: numbers has no 'default'; write default: {{menu: ...}} for every other "
            "number"
        ],
    ),
    "no numbers at all": (
        {"numbers": "texts: {}\n"},
        [
            "{folder}: numbers has no 'default'; write default: {{menu: ...}} for every other number",
        ],
    ),
    "one number twice": (
        {"numbers": 'numbers:\n  "+1 800": {menu: main}\n  "+1800": {menu: main}\n'
                    "  default: {menu: main}\n"},
        ["numbers.yaml:3: '+1800' is the same number as '+1 800' in {folder}/numbers.yaml:2"],
    ),
    "not a number": (
        {"numbers": "numbers:\n  shop: {menu: main}\n  default: {menu: main}\n"},
        ["numbers.yaml:2: 'shop' is not a telephone number, nor the word default"],
    ),
    "unknown menu": (
        {"numbers": "numbers:\n  default: {menu: mian}\n"},
        [
            "numbers.yaml:2: there is no menu 'mian'; did you mean 'main'?",
        ],
    ),
    "several mistakes in one number": (
        {"numbers": "numbers:\n  default:\n    mneu: main\n    lead: sometimes\n    region: us\n"
                    "    timezone: Mars/Base\n"},
        [
            "numbers.yaml:2: 'menu' is missing",
            "numbers.yaml:3: unknown key 'mneu'; did you mean 'menu'?",
            "numbers.yaml:4: 'lead' must be one of never, on_answer, on_abandon, always, not "
            "'sometimes'",
            "numbers.yaml:5: 'region' cannot be 'us'; a country is written like US or CN",
            "numbers.yaml:6: unknown time zone 'Mars/Base'; write it like Europe/Berlin",
        ],
    ),
    "unknown key of an option": (
        {"menus": option(sya="x")},
        ["menus.yaml:7: unknown key 'sya'; did you mean 'say'?"],
    ),
    "wrong type": (
        {"menus": "menus:\n  main:\n    tries: many\n    timeout_s: 0\n    options: none\n"},
        [
            "menus.yaml:3: 'tries' must be a whole number, not 'many'",
            "menus.yaml:4: 'timeout_s' must be at least 0.5, not '0'",
            "menus.yaml:5: 'options' must be a list (- item), not 'none'",
        ],
    ),
    "two keys for a digit": (
        {"menus": option(digit="12")},
        ["menus.yaml:7: 'digit' must be one key of a telephone (0-9, * or #), not '12'"],
    ),
    "digit clash": (
        {"menus": option(digit="1") + '      - {intent: b, say: "B", do: {queue: b}, digit: 1}\n'},
        ["menus.yaml:8: the digit 1 is given twice in the menu 'main'; the first is in line 4"],
    ),
    "intent twice": (
        {"menus": option() + '      - {intent: sales, say: "B", do: {queue: b}}\n'},
        ["menus.yaml:7: the intent 'sales' is given twice in the menu 'main'; the first is in line 4"],
    ),
    "0 is not a person": (
        {"menus": option(digit='"0"', do="{menu: main}")},
        ["menus.yaml:4: the digit 0 always leads to a person: a queue, and without 'when'"],
    ),
    "bad queue name": (
        {"menus": option(do='"{queue: \'x,1&System(rm)\'}"'.strip('"'))},
        [
            "menus.yaml:6: 'queue' cannot be 'x,1&System(rm)'; a name has 1 to 40 letters a to z, digits, _ "
            "and -"
        ],
    ),
    "two actions in one": (
        {"menus": option(do="{queue: a, menu: main}")},
        [
            "menus.yaml:6: an action is exactly one of queue, menu, back, hangup, say, collect, pin, "
            "record, voicemail, transfer, callback and webhook, not queue and menu together"
        ],
    ),
    "say without then": (
        {"menus": option(do='{say: "Hello"}')},
        ["menus.yaml:6: 'then' is missing: what comes next, like then: {{queue: NAME}}"],
    ),
    "unknown text": (
        {"menus": option(say="oder_text"), "texts": 'texts: {order_text: "x"}\n'},
        [
            "menus.yaml:5: there is no text named 'oder_text' under texts; did you mean 'order_text'?"
        ],
    ),
    "option leads nowhere": (
        {"menus": option(do="{menu: billing}")},
        ["menus.yaml:4: there is no menu 'billing'"],
    ),
    "a wrong option hides no other": (
        {"menus": option(say="no_such_text") + "      - {intent: b, say: B, do: {menu: gone}}\n"},
        [
            "menus.yaml:5: there is no text named 'no_such_text' under texts",
            "menus.yaml:7: there is no menu 'gone'",
        ],
    ),
    "silent loop": (
        {"menus": option() + "    failure: {menu: main}\n"},
        [
            "menus.yaml:2: a caller who presses nothing never gets out: failure leads from 'main' to "
            "'main'"
        ],
    ),
    "unreachable menu": (
        {"more": option().replace("main", "lost")},
        ["more.yaml:2: warning: no number, option or rule leads to the menu 'lost'"],
    ),
    "missing language": (
        {"numbers": "numbers:\n  default: {menu: main, language: zh}\n",
         "menus": option(say='{en: "To order"}')},
        ["menus.yaml:5: the text has no 'zh', which default speaks"],
    ),
    "language we ship nothing in": (
        {"numbers": "numbers:\n  default: {menu: main, language: de}\n"},
        [
            "numbers.yaml:2: default speaks 'de', and 3 texts are not written in it: not_understood, "
            "nothing_pressed, option_key; write it as texts: not_understood: de: ...",
        ],
    ),
    "unknown template value": (
        {"menus": option(say='"{{ caller.frist_name }}"')},
        [
            "menus.yaml:5: unknown value 'caller.frist_name' in the text; did you mean "
            "'caller.first_name'?"
        ],
    ),
    "unknown filter": (
        {"menus": option(say='"{{ caller.first_name|uper }}"')},
        ["menus.yaml:5: unknown filter 'uper' in the text; did you mean 'upper'?"],
    ),
    "template syntax": (
        {"menus": option(say='"{% if caller.known %}x"')},
        [
            "menus.yaml:5: the text cannot be read: Unexpected end of template. Jinja was looking for "
            "the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be "
            "closed is 'if'."
        ],
    ),
    "unknown fact": (
        {"rules": rule("{caller.teir: vip}")},
        ["rules.yaml:4: unknown fact 'caller.teir'; did you mean 'caller.tier'?"],
    ),
    "impossible value": (
        {"rules": rule("{caller.tier: vipp}")},
        ["rules.yaml:4: caller.tier is never 'vipp'; did you mean 'vip'?"],
    ),
    "unknown operator": (
        {"rules": rule("{caller.open_orders: {gtt: 0}}")},
        ["rules.yaml:4: unknown operator 'gtt'; did you mean 'gt'?"],
    ),
    "operator of another kind": (
        {"rules": rule("{caller.known: {gt: 0}}")},
        [
            "rules.yaml:4: 'gt' does not fit caller.known, which is true or false; there are: eq, ne, "
            "exists"
        ],
    ),
    "value of another kind": (
        {"rules": rule('{caller.open_orders: {gt: "0"}}')},
        ["rules.yaml:4: caller.open_orders is compared with a whole number, not '0'"],
    ),
    "number for a text": (
        {"rules": rule("{call.dialled: 18005550100}")},
        [
            "rules.yaml:4: call.dialled is compared with a text, not '18005550100' (put it in quotes)"
        ],
    ),
    "regular expression": (
        {"rules": rule('{caller.number: {matches: "^(a+)+$"}}')},
        [
            "rules.yaml:4: 'matches' takes wildcards (* for anything, ? for one character), not a "
            "regular expression"
        ],
    ),
    "between upside down": (
        {"rules": rule("{call.hour: {between: [17, 9]}}")},
        ["rules.yaml:4: 'between' takes the lower value first; 17 is above 9"],
    ),
    "route to two places": (
        {"rules": rule("{caller.known: true}", "{queue: a, menu: main}")},
        [
            "rules.yaml:5: an action is exactly one of queue, menu, back, hangup, say, collect, pin, "
            "record, voicemail, transfer, callback and webhook, not queue and menu together"
        ],
    ),
    "rule after an always": (
        {"rules": "rules:\n  route:\n    - {name: a, then: {queue: a}}\n    - {name: b, then: {queue: b}}\n"},
        ["rules.yaml:4: warning: the rule 'b' is never reached: 'a' in line 3 always matches"],
    ),
    "unknown programme": (
        {"rules": "rules:\n  hold:\n    - {name: a, then: {programme: apolgy}}\n",
         "hold": "programmes:\n  apology: [{music_s: 10}]\n"},
        [
            "rules.yaml:3: there is no hold programme 'apolgy'; did you mean 'apology'?",
        ],
    ),
    "bad hold entry": (
        {"hold": "programmes:\n  default:\n    - music_s: 20\n      say: x\n    - music_s: long\n"},
        [
            "hold.yaml:3: a hold entry is exactly one of music_s, say, offer, position and callback",
            "hold.yaml:5: 'music_s' must be a number, not 'long'",
        ],
    ),
    "example with a wrong fact": (
        {"tests": "tests:\n  - name: a\n    given:\n      at: noon\n      facts: {caller.teir: vip}\n"
                  "    expect: {menu: main}\n"},
        [
            "tests.yaml:4: 'at' is written like 2026-11-23T10:00, not 'noon'",
            "tests.yaml:5: unknown fact 'caller.teir'; did you mean 'caller.tier'?",
        ],
    ),
    "example before all clocks": (
        {"tests": "tests:\n  - name: a\n    given:\n      at: '0001-01-01T00:00'\n"
                  "      facts: {caller.next_appointment.at: '9999-12-31T23:59'}\n"
                  "    expect: {menu: main}\n"},
        [
            "tests.yaml:4: 'at' lies in the years 2000 to 2199",
            "tests.yaml:5: caller.next_appointment.at lies in the years 2000 to 2199",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    started = time.process_time()
    loaded = load_rulebook(write_rulebook(tmp_path, **files))
    assert time.process_time() - started < 10
    folder = str(tmp_path)
    found = [str(problem).removeprefix(folder + "/") for problem in loaded.problems]
    wanted = [
        line.replace("{folder}", folder).replace("{{", "{").replace("}}", "}") for line in expected
    ]
    assert found == wanted
    only_warnings = all("warning: " in line for line in wanted)
    assert (loaded.rulebook is not None) is only_warnings


def test_the_good_one_is_good(tmp_path: Path) -> None:
    loaded = load_rulebook(write_rulebook(tmp_path))
    assert loaded.problems == ()
    assert loaded.or_raise().number_for("1800-555-0100").key == "+18005550100"


def test_mistakes_in_several_files_come_together(tmp_path: Path) -> None:
    files = {
        "rules": rule("{caller.teir: vip}"),
        "menus": option(sya="x"),
        "numbers": "numbers: 5\n",
    }
    loaded = load_rulebook(write_rulebook(tmp_path, **files))
    assert {Path(problem.file).name for problem in loaded.errors} >= {
        "rules.yaml", "menus.yaml", "numbers.yaml",
    }  # fmt: skip


def test_no_folder_and_no_files_are_sentences(tmp_path: Path) -> None:
    missing = load_rulebook(tmp_path / "none").problems
    assert [str(p) for p in missing] == [
        f"{tmp_path}/none: the rulebook folder cannot be read: No such file or directory"
    ]
    assert [str(p) for p in load_rulebook(tmp_path).problems] == [
        f"{tmp_path}: the rulebook folder holds no .yaml file"
    ]


def test_a_menu_cut_at_any_byte_never_raises(tmp_path: Path) -> None:
    whole = GOOD["menus.yaml"].encode()
    for length in range(len(whole)):
        load_rulebook(write_rulebook(tmp_path, menus=whole[:length]))
