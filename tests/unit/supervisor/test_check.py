"""`check` is the server's loader and the author's own examples."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from supervisor import check
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit


def rendered(problems: tuple[check.Problem, ...]) -> str:
    console = Console(file=io.StringIO(), width=40)
    check.render(problems, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_shipped_rulebook_is_good_and_its_examples_hold() -> None:
    problems = check.check()
    assert problems == ()
    assert rendered(problems) == "the rulebook is good\n"


def test_problems_are_printed_one_to_a_line(tmp_path: Path) -> None:
    problems = check.check(write_rulebook(tmp_path, menus=option(sya="x")))
    assert not check.is_good(problems)
    assert rendered(problems) == (
        f"{tmp_path}/menus.yaml:7: unknown key 'sya'; did you mean 'say'?\n"
        "1 error: this rulebook is not published\n"
    )


EXAMPLES = """
tests:
  - name: everything
    given: {dialled: "1", at: "2026-11-23T10:00", facts: {caller.owns: [LAPTOP]}}
    expect: {menu: main, options: [sales, agent], digits: {sales: "1"}, queue: null}
  - name: wrong
    given: {dialled: "1"}
    expect: {menu: other, options: [agent], digits: {sales: "2"}, queue: vip, says: ["Bye"]}
  - name: Maria
    given: {number: "+12025550101", dialled: "1"}
    expect: {menu: main}
"""


def test_an_example_that_fails_is_an_error_in_its_place(tmp_path: Path) -> None:
    problems = check.check(write_rulebook(tmp_path, tests=EXAMPLES))
    fails = "the example 'wrong' fails:"
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in problems] == [
        f"tests.yaml:6: {fails} it does not say 'Bye'",
        f"tests.yaml:6: {fails} menu is main, not other",
        f"tests.yaml:6: {fails} options is sales, agent, not agent",
        f"tests.yaml:6: {fails} queue is none, not vip",
        f"tests.yaml:6: {fails} the digit of sales is 1, not 2",
        "tests.yaml:9: warning: the example 'Maria' is not tried: it names a number and no facts",
    ]
