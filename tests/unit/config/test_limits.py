"""Whatever somebody writes, an answer comes soon: sentences, a bounded number of them."""

from __future__ import annotations

import time

import pytest

from config.problems import MAX_PROBLEMS
from config.rulebook_files import RulebookFiles
from config.rulebook_loader import load_files
from tests.fakes.rulebook_folder import GOOD

pytestmark = pytest.mark.unit


def lines(head: str, line: str, count: int) -> str:
    return head + "".join(line.format(n=number) for number in range(count))


MENU = "  m{n}: {{options: [{{intent: a, say: A, do: {{menu: m{n}}}}}], failure: {{menu: m1}}}}\n"
LARGE = {
    "numbers that lead nowhere": {
        "numbers": lines("numbers:\n", '  "+1800{n:07}": {{menu: x{n}}}\n', 12_000)
    },
    "too many menus": {"menus": lines("menus:\n", MENU, 2_000)},
    "as many menus as may be": {"menus": lines("menus:\n", MENU, 500)},
    "unknown keys": {"menus": lines("menus:\n  main:\n", "    optins{n}: x\n", 20_000)},
    "unknown sections": {"more": lines("", "menu{n}: x\n", 20_000)},
    "unknown facts": {
        "rules": lines(
            "rules:\n  route:\n    - name: a\n      then: {queue: a}\n      when:\n",
            "        caller.frst_nam{n}: x\n",
            20_000,
        )
    },
    "one key again and again": {"menus": "menus: {}\n" * 20_000},
    "bad texts": {"texts": lines("texts:\n", "  t{n}: '{{{{ caller.frist }}}}'\n", 20_000)},
    "deep texts": {"texts": lines("texts:\n", "  t{n}: '{{{{ " + "(" * 900 + "'\n", 500)},
    "an endless key": {"texts": "x" * 1_000 + ": 1\n"},
    "an endless value": {"texts": "a: '" + "''" * 400_000 + "'\n"},
}


@pytest.mark.parametrize("name", LARGE)
def test_an_answer_comes_within_two_seconds(name: str) -> None:
    contents = {name: content.encode() for name, content in GOOD.items()}
    contents |= {f"{file}.yaml": text.encode() for file, text in LARGE[name].items()}
    started = time.monotonic()
    loaded = load_files(RulebookFiles("rulebook", contents))
    assert time.monotonic() - started < 2
    assert loaded.rulebook is None
    assert 1 <= len(loaded.problems) <= MAX_PROBLEMS + 1
    assert all(problem.sentence for problem in loaded.problems)


def test_what_is_left_out_is_said() -> None:
    unknown = lines("", "x{n}: 1\n", 1_000).encode()
    problems = load_files(RulebookFiles("rulebook", {"a.yaml": unknown})).problems
    assert problems[-1].sentence.endswith("more problems are left out")
