# ruff: noqa: E501 (what is promised stands in one line)
"""Every recipe of docs/menu-rules.md is a good rulebook as printed, and does what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import template_grammar
from config.condition_reader import OPERATORS
from config.rulebook_loader import load_rulebook
from config.surroundings import BARE
from supervisor import check
from supervisor.dry_run import dry_run
from supervisor.reference import reference
from supervisor.reference_tables import FILTERS, OPERATOR_EXAMPLES

pytestmark = pytest.mark.unit

GUIDE = (Path(__file__).parents[3] / "docs" / "menu-rules.md").read_text(encoding="utf-8")
CHAPTERS = re.split(r"(?m)^## ", GUIDE)
_BLOCK = re.compile(r"```yaml\n# ([a-z]+\.yaml)\n(.*?)```", re.S)


def files_of(title: str) -> dict[str, str]:
    [chapter] = [chapter for chapter in CHAPTERS if chapter.startswith(title)]
    return dict(_BLOCK.findall(chapter))


START = files_of("The start")
RECIPES = [
    chapter.splitlines()[0]
    for chapter in CHAPTERS
    if chapter.startswith("Recipe") and _BLOCK.search(chapter)
]


def written(title: str, folder: Path) -> None:
    for name, content in {**START, **files_of(title)}.items():
        (folder / name).write_text(content, encoding="utf-8")


def test_there_are_at_least_ten() -> None:
    assert len(RECIPES) >= 10
    assert set(START) == {"numbers.yaml", "menus.yaml"}


#: As recipe 15 says, the administrator has allowed the host.
AROUND = replace(BARE, webhook_hosts=frozenset({"api.example.com"}))
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SHOP, MONDAY = 'dialled: "+18005550100"', 'at: "2026-11-23T10:00"'
ORDER = "caller.open_orders: 1, caller.last_order.product: Luna, caller.last_order.late_days: 3"

#: By recipe: who calls, what comes of it, and what does not.
PROMISED = {
    "Recipe 1:": ("facts: {caller.tier: vip}", "{queue: key_accounts}", "{queue: support}"),
    "Recipe 2:": (
        f'facts: {{caller.known: true, {ORDER}, caller.last_order.due_on: "2026-11-20"}}, presses: ["1"]',
        "{programme: apology, options: [order_status, sales, agent], says: "
        '["For news of your Luna", "Your Luna is due Friday, the twentieth of November."]}',
        "{programme: default}",
    ),
    "Recipe 3:": ('at: "2026-11-21T13:30"', "{doors: closed, menu: closed}", "{doors: open}"),
    "Recipe 4:": (
        'at: "2026-12-24T10:00"',
        '{doors: holiday, says: ["We are closed today. Please call again Monday, the '
        'twenty-eighth of December."]}',
        "{doors: open}",
    ),
    "Recipe 5:": ('dialled: "+18005550188"', '{says: ["订购商品"]}', '{says: ["To order something"]}'),
    "Recipe 6:": (
        "facts: {caller.known: true, caller.owns: [LAPTOP]}",
        "{offer: long_warranty, options: [sales, long_warranty, agent]}",
        "{offer: null}",
    ),
    "Recipe 7:": (
        'facts: {caller.last_order.product: Luna, caller.last_order.status: shipped}, presses: ["1", "4711"]',
        '{menu: main, says: ["Your Luna is shipped."]}',
        "{queue: support}",
    ),
    "Recipe 8:": (
        'facts: {caller.known: true}, presses: ["1"]',
        '{menu: main, says: ["Please enter your PIN."], queue: null}',
        "{queue: support}",
    ),
    "Recipe 9:": (
        'presses: ["1", "1"]',
        '{queue: null, says: ["We will call you back today."]}',
        "{queue: default}",
    ),
    "Recipe 10:": (
        'dialled: "+18005550199", presses: ["1"]',
        "{menu: complaints, queue: complaints, lead: never}",
        "{menu: main}",
    ),
    "Recipe 11:": (
        'dialled: "+18005550101", at: "2026-11-23T19:00"',
        "{lead: always}",
        "{lead: on_answer}",
    ),
    "Recipe 12:": ('presses: ["2"]', "{queue: billing}", "{queue: sales}"),
    "Recipe 14:": ("facts: {caller.known: false}", "{queue: sales}", "{queue: null}"),
    "Recipe 15:": (
        'facts: {answers.stock.pieces: 1005}, presses: ["1", "1"]',
        '{menu: stock, queue: sales, says: ["We have one thousand five machines."]}',
        "{menu: main}",
    ),
    "Recipe 17:": (
        "facts: {experiment.menu_order: by_habit}",
        "{menu: main}",
        "{queue: sales}",
    ),
    "Recipe 16:": ('presses: ["1"]', "{queue: sales}", "{queue: billing}"),
    "Recipe 18:": (
        "facts: {caller.monetary: 5, caller.lifecycle: dormant}",
        "{queue: key_accounts, segments: [win_back]}",
        "{queue: sales}",
    ),
    "Recipe 19:": ('presses: ["1"]', "{queue: sales}", "{queue: billing}"),
}  # fmt: skip


@pytest.mark.parametrize("title", ["The start", *RECIPES])
def test_a_recipe_is_good_as_printed(title: str, tmp_path: Path) -> None:
    written(title, tmp_path)
    assert [str(problem) for problem in check.check(tmp_path, around=AROUND)] == []
    assert dry_run(load_rulebook(tmp_path, around=AROUND).or_raise(), NOW) == []


def test_every_recipe_has_its_promise() -> None:
    promised = [title for title in RECIPES if any(title.startswith(key) for key in PROMISED)]
    assert promised == RECIPES
    assert len(PROMISED) == len(RECIPES)


@pytest.mark.parametrize("title", PROMISED)
def test_a_recipe_does_what_it_says(title: str, tmp_path: Path) -> None:
    given, right, wrong = PROMISED[title]
    written(title, tmp_path)
    for default, key in ((SHOP, "dialled:"), (MONDAY, "at:")):
        given += "" if given.startswith(key) or f", {key}" in given else f", {default}"
    for expect, is_good in ((right, True), (wrong, False)):
        example = f"tests:\n  - {{name: it, given: {{{given}}}, expect: {expect}}}\n"
        (tmp_path / "promised.yaml").write_text(example, encoding="utf-8")
        found = [str(problem) for problem in check.check(tmp_path, around=AROUND)]
        assert (found == []) is is_good, found
        assert all("the example 'it' fails" in line for line in found)


def test_the_reference_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "menu-reference.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run: switchboard schema --markdown > docs/menu-reference.md"
    )


def test_every_operator_and_filter_is_told() -> None:
    told = {word for words, _ in FILTERS for word in words.split(", ")}
    assert told == set(template_grammar.FILTERS)
    assert set(OPERATOR_EXAMPLES) == set(OPERATORS)
