# ruff: noqa: E501 (examples stand beside what comes of them)
"""`check` is the server's loader, the author's own examples, and what callers can bear."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from config.problems import Problem
from config.rulebook_loader import SHIPPED, load_rulebook
from config.surroundings import BARE, Surroundings
from supervisor import check
from supervisor.dry_run import dry_run
from supervisor.menu_waits import MenuWait
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit


def rendered(problems: tuple[Problem, ...], *waits: MenuWait) -> str:
    console = Console(file=io.StringIO(), width=60)
    check.render(problems, console, waits)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def found(folder: Path, around: Surroundings = BARE) -> list[str]:
    problems = check.check(folder, around=around)
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
RULEBOOKS = sorted(SHIPPED.parent.iterdir())


def test_three_rulebooks_are_shipped() -> None:
    assert [folder.name for folder in RULEBOOKS] == ["bank", "hospital", "shop"]


@pytest.mark.parametrize("folder", RULEBOOKS, ids=lambda folder: folder.name)
def test_a_shipped_rulebook_is_good_and_its_examples_hold(folder: Path) -> None:
    problems = check.check(folder)
    assert problems == ()
    assert rendered(problems) == "the rulebook is good\n"
    rulebook = load_rulebook(folder).or_raise()
    assert rulebook.tests
    assert dry_run(rulebook, NOW) == []


def test_without_a_folder_it_is_the_shop() -> None:
    assert check.check() == ()


def test_problems_are_printed_one_to_a_line(tmp_path: Path) -> None:
    problems = check.check(write_rulebook(tmp_path, menus=option(sya="x")))
    assert not check.is_good(problems)
    assert rendered(problems) == (
        f"{tmp_path}/menus.yaml:7: unknown key 'sya'; did you mean 'say'?\n"
        "1 error: this rulebook is not published\n"
    )


def test_how_long_callers_listen_is_printed_where_it_is_known() -> None:
    ordered = MenuWait("main", 500, 9.04, 5.5)
    fixed = MenuWait("billing", 20, 7.0, 6.0, is_ordered=False)
    assert table_of(ordered) == ["menu|callers|as written|as ordered", "main|500|9.0 s|5.5 s"]
    assert table_of(fixed) == ["menu|callers|as written|if ordered", "billing|20|7.0 s|6.0 s"]
    both = [line.rstrip() for line in rendered((), ordered, fixed).splitlines()[-3:]]
    assert [
        line.endswith(end) for line, end in zip(both, ("ordered", "5.5 s", "6.0 s"), strict=True)
    ]
    assert len(both[2]) > len(both[1])


def table_of(wait: MenuWait) -> list[str]:
    lines = rendered((), wait).splitlines()[-2:]
    return ["|".join(re.split(r" {2,}", line.strip())) for line in lines]


EXAMPLES = """
tests:
  - name: everything
    given: {dialled: "+1 800 555 0100", at: "2026-11-23T10:00", facts: {caller.owns: [LAPTOP]}}
    expect: {menu: main, options: [sales, agent], digits: {sales: "1"}, queue: null}
  - name: wrong
    given: {}
    expect: {menu: null, options: [agent], digits: {sales: "2"}, queue: vip, says: ["Bye"]}
  - name: Maria
    given: {number: "+12025550101"}
    expect: {menu: main}
"""


def test_an_example_tells_what_is_said_instead(tmp_path: Path) -> None:
    example = "tests: [{name: it, given: {}, expect: {says: ['Welcome!', 'Goodbye']}}]\n"
    fails = "tests.yaml:1: the example 'it' fails: it does not say"
    assert found(write_rulebook(tmp_path, tests=example)) == [
        f"{fails} 'Goodbye'; it says 'Welcome.', 'To order', 'To speak to a person'",
        f"{fails} 'Welcome!'; it says 'Welcome.'",
    ]


def test_an_example_that_fails_is_an_error_in_its_place(tmp_path: Path) -> None:
    fails = "the example 'wrong' fails:"
    assert found(write_rulebook(tmp_path, tests=EXAMPLES)) == [
        f"tests.yaml:6: {fails} it does not say 'Bye'; it says 'Welcome.', 'To order', 'To speak to a person'",
        f"tests.yaml:6: {fails} menu: expected none; it is main",
        f"tests.yaml:6: {fails} options: expected agent; it is sales, agent",
        f"tests.yaml:6: {fails} queue: expected vip; it is none",
        f"tests.yaml:6: {fails} the digit of sales: expected 2; it is 1",
        "tests.yaml:9: warning: the example 'Maria' is not tried: it names a number and no facts",
    ]


SHOP = """
numbers:
  default:
    {menu: main, language: en, timezone: America/New_York, lead: on_answer, hours: shop,
     closed: {menu: closed}}
hours:
  shop: {week: {mon-fri: "09:00-18:00"}, holidays: {country: US}}
closures:
  flood: {from: "2026-12-02T08:00", to: "2026-12-02T12:00"}
webhooks:
  stock: {url: "https://api.example.com/stock", answers: {pieces: whole}}
offers:
  case: {product: CASE, when: {propensity: {gte: 0.3}}, menu: "A case",
         do: {queue: sales}, cap: {heard: 1, per_days: 9}}
menus:
  main:
    greeting: "Good day."
    direct_dial: true
    options:
      - {intent: sales, say: "To order", do: {queue: sales}}
      - {offer_slot: 1}
      - {intent: status, say: "For an order", do: {collect: code, digits: 4, say: "Which?",
         then: {say: "It is {{ typed.code }}.", then: {back: true}}, failure: {queue: lost}}}
      - {intent: stock, say: "For the stock", do: {webhook: stock,
         then: {say: "{{ answers.stock.pieces }} pieces.", then: {hangup: true}},
         failure: {voicemail: 100}}}
      - {intent: pin, say: "For your account", do: {pin: "The PIN?", then: {menu: account},
         failure: {transfer: office}}}
      - {intent: call_me, say: "To be called", do: {callback: sales, then: {hangup: true}}}
    invalid: {say: "Not this one.", tries: 2, then: {queue: confused}}
    timeout: {say: "Hello?", tries: 2, then: {voicemail: 100@silent}}
    failure: {queue: failed}
  account:
    options:
      - {intent: back, digit: "*", say: "To go back", do: {back: true}}
  closed:
    greeting: "We open {{ opens.shop | time }}."
    options: [{intent: tape, say: "To leave a message", do: {record: message, queue: sales}}]
tests:
"""
AROUND = Surroundings(
    transfer_targets=frozenset({"office"}),
    webhook_hosts=frozenset({"api.example.com"}),
    direct_dial=("2XX",),
)
OPEN = 'at: "2026-11-23T10:00"'
KNOWN = f"{OPEN}, facts: {{caller.known: true}}"

#: What is given, what comes of it, and what does not.
WALKS = {
    "one key": (f'{OPEN}, presses: ["1"]', "{menu: main, queue: sales}", "{queue: null}"),
    "a number as a key": (f"{OPEN}, presses: [1]", "{queue: sales}", "{queue: other}"),
    "a person": (f'{OPEN}, presses: ["0"]', "{queue: default}", "{queue: sales}"),
    "wrong keys": (f'{OPEN}, presses: ["9", "9"]', "{queue: confused}", "{queue: failed}"),
    "one wrong key": (f'{OPEN}, presses: ["9", "1"]', '{says: ["Not this one."]}', '{says: ["Hello?"]}'),
    "no keys": (f'{OPEN}, presses: ["", ""]', '{voicemail: "100@silent"}', "{voicemail: 100}"),
    "typed digits": (f'{OPEN}, presses: ["2", "1234"]', '{menu: main, says: ["It is 1234."]}', "{menu: closed}"),
    "wrong digits": (f'{OPEN}, presses: ["2", "1", "2", "3"]', "{queue: lost}", "{queue: null}"),
    "zero in a question": (f'{OPEN}, presses: ["2", "0"]', "{queue: default}", "{queue: lost}"),
    "no webhook": (f'{OPEN}, presses: ["3"]', "{voicemail: 100}", "{voicemail: null}"),
    "a webhook": (
        f'{OPEN}, facts: {{answers.stock.pieces: 7}}, presses: ["3"]',
        '{says: ["seven pieces."], queue: null}',
        "{voicemail: 100}",
    ),
    "a stranger's PIN": (f'{OPEN}, presses: ["4"]', "{transfer: office}", "{menu: account}"),
    "a PIN": (f'{KNOWN}, presses: ["4", "1234"]', "{menu: account}", "{transfer: office}"),
    "and back": (f'{KNOWN}, presses: ["4", "1234", "*"]', "{menu: main}", "{menu: account}"),
    "an extension": (f'{OPEN}, presses: ["234"]', '{transfer: "234"}', "{transfer: office}"),
    "a callback": (f'{OPEN}, presses: ["5", "1"]', "{queue: null}", "{queue: default}"),
    "no callback": (f'{OPEN}, presses: ["5", "2"]', "{queue: default}", "{queue: null}"),
    "a message": ('at: "2026-11-22T10:00", presses: ["1"]', "{menu: closed, queue: null}", "{menu: main}"),
    "open": (OPEN, "{doors: open, lead: on_answer, offer: null}", "{doors: closed}"),
    "Sunday": ('at: "2026-11-22T10:00"', "{doors: closed, menu: closed}", "{doors: open}"),
    "Thanksgiving": ('at: "2026-11-26T10:00"', "{doors: holiday, menu: closed}", "{doors: open}"),
    "the same in ten years": ('at: "2036-11-27T10:00"', "{doors: holiday}", "{doors: open}"),
    "the flood": ('at: "2026-12-02T09:00"', "{doors: closure}", "{doors: open}"),
    "after it": ('at: "2026-12-02T12:00"', "{doors: open}", "{doors: closure}"),
    "an offer": (
        f"{OPEN}, facts: {{caller.known: true, propensity: 0.4}}",
        "{offer: case, options: [sales, case, status, stock, pin, call_me, agent]}",
        "{offer: null}",
    ),
    "too little wish": (f"{OPEN}, facts: {{caller.known: true, propensity: 0.2}}", "{offer: null}", "{offer: case}"),
}  # fmt: skip


@pytest.mark.parametrize("name", WALKS)
def test_an_example_walks_the_menus(name: str, tmp_path: Path) -> None:
    given, right, wrong = WALKS[name]
    head = f"  - {{name: it, given: {{dialled: '1', {given}}}, expect: "
    good = found(
        write_rulebook(tmp_path, numbers="texts: {}", menus=f"{SHOP}{head}{right}}}\n"), AROUND
    )
    assert good == []
    bad = found(
        write_rulebook(tmp_path, numbers="texts: {}", menus=f"{SHOP}{head}{wrong}}}\n"), AROUND
    )
    assert any("the example 'it' fails" in line for line in bad)


LONG = "We are so glad that you called us and hope that you are having a very nice day today. " * 4


def menu(name: str, count: int, to: str, more: str = "") -> str:
    lines = [f"      - {{intent: i{n}, say: S{n}, do: {to}}}\n" for n in range(count)]
    return f"  {name}:\n{more}    options:\n{''.join(lines)}"


def test_a_menu_that_asks_too_much_of_callers_is_warned_of(tmp_path: Path) -> None:
    menus = (
        "menus:\n"
        + menu("main", 6, "{menu: two}", f'    greeting: "{LONG}"\n    budget_s: 20\n')
        + menu("two", 1, "{menu: three}")
        + menu("three", 1, "{menu: four}")
        + menu("four", 1, "{queue: a}")
    )
    warned = found(write_rulebook(tmp_path, menus=menus))
    assert warned[0].startswith("menus.yaml:2: warning: the menu 'main' has up to 6 options")
    start = "menus.yaml:2: warning: the menu 'main' takes up to "
    first, last = (re.sub(r"[0-9.]+ s \(en\)", "N s", line) for line in warned[1:3])
    assert first == f"{start}N s until its first option is heard; its first_option_s is 8"
    assert last == f"{start}N s until its last option is heard; its budget_s is 20"
    assert warned[3:] == [
        "menus.yaml:18: warning: the menu 'four' is the 4th in a row; 3 are enough"
    ]


def test_the_seconds_are_those_of_whoever_measures_them(tmp_path: Path) -> None:
    first, last = check.check(write_rulebook(tmp_path), seconds=lambda text, language: 30.0)
    assert "takes up to 60.0 s (en) until its first option" in first.sentence
    assert "takes up to 90.0 s (en) until its last option" in last.sentence


@pytest.mark.parametrize(("most", "warned"), [("", True), ("    first_option_s: 11\n", False)])
def test_how_long_the_first_option_may_take_is_the_authors(
    tmp_path: Path, most: str, warned: bool
) -> None:
    folder = write_rulebook(tmp_path, menus=option() + '    greeting: "Welcome."\n' + most)
    spoken: dict[str, float] = {"Welcome.": 5.5, "To order, press 1.": 3.0}
    problems = check.check(folder, seconds=lambda text, language: spoken.get(text, 1.0))
    assert [problem.sentence for problem in problems] == [
        "the menu 'main' takes up to 8.5 s (en) until its first option is heard; "
        "its first_option_s is 8"
    ] * warned
