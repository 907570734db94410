"""Every recipe of docs/menu-rules.md is a good rulebook, as printed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from config import template_grammar
from config.condition_reader import OPERATORS
from config.surroundings import BARE
from supervisor import check
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


def test_there_are_at_least_ten() -> None:
    assert len(RECIPES) >= 10
    assert set(START) == {"numbers.yaml", "menus.yaml"}


@pytest.mark.parametrize("title", ["The start", *RECIPES])
def test_a_recipe_is_good_as_printed(title: str, tmp_path: Path) -> None:
    for name, content in {**START, **files_of(title)}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    # As recipe 15 says, the administrator has allowed the host.
    around = replace(BARE, webhook_hosts=frozenset({"api.example.com"}))
    assert [str(problem) for problem in check.check(tmp_path, around=around)] == []


def test_the_reference_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "menu-reference.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run: switchboard schema --markdown > docs/menu-reference.md"
    )


def test_every_operator_and_filter_is_told() -> None:
    told = {word for words, _ in FILTERS for word in words.split(", ")}
    assert told == set(template_grammar.FILTERS)
    assert set(OPERATOR_EXAMPLES) == set(OPERATORS)
