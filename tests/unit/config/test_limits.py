"""Whatever somebody writes, an answer comes soon: sentences, a bounded number of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.problems import MAX_PROBLEMS
from config.rulebook_files import RulebookFiles
from config.rulebook_loader import load_files, load_rulebook
from tests.fakes.rulebook_folder import GOOD, write_rulebook

pytestmark = pytest.mark.unit

#: Of processor time, which a busy machine stretches too; without its limits each takes minutes.
SOON_S = 10.0


# Times are this process's own: on a busy machine the clock on the wall says nothing of the loader.


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
    "aliases of aliases": {
        "texts": "a: &a {x: 1, y: 2}\n"
        + "".join(
            f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(9)
        )
    },
    "an alias again and again": {"texts": "a: &a [1]\n" + "x: [" + "*a, " * 60_000 + "]\n"},
    "hours without end": {"hours": lines("hours:\n", "  h{n}: {{week: {{mon: nine}}}}\n", 15_000)},
    "actions in actions": {
        "menus": "menus:\n  main:\n    failure: "
        + "{say: A, then: " * 400
        + "{}"
        + "}" * 400
        + "\n"
    },
    "rules that lead nowhere": {
        "rules": lines(
            "rules:\n  route:\n",
            "    - {{name: r{n}, when: {{caller.open_orders: {n}}}, then: {{menu: x{n}}}}}\n",
            4_000,
        )
    },
    "offers without caps": {
        "offers": lines("offers:\n", "  o{n}: {{product: P, agent: A}}\n", 5_000)
    },
    "texts without end": {"texts": lines("texts:\n", "  t{n}: hello\n", 20_000)},
    "options without end": {
        "more": lines(
            "menus:\n  more:\n    options:\n",
            "      - {{intent: i{n}, say: '{n} {{{{ caller.first_name }}}}', do: {{queue: a}}}}\n",
            8_000,
        )
    },
    "names like thousands of others": {
        "texts": lines("texts:\n", "  text_name_{n}: hello\n", 4_500),
        "more": lines(
            "menus:\n  more:\n    options:\n",
            "      - {{intent: i{n}, say: tixt_nome_x{n}, do: {{queue: a}}}}\n",
            200,
        ),
    },
    "an endless value": {"texts": "a: '" + "''" * 400_000 + "'\n"},
}


@pytest.mark.parametrize("name", LARGE)
def test_an_answer_comes_soon(name: str) -> None:
    contents = {name: content.encode() for name, content in GOOD.items()}
    contents |= {f"{file}.yaml": text.encode() for file, text in LARGE[name].items()}
    started = time.process_time()
    loaded = load_files(RulebookFiles("rulebook", contents))
    assert time.process_time() - started < SOON_S
    assert loaded.rulebook is None
    assert 1 <= len(loaded.problems) <= MAX_PROBLEMS + 1
    assert all(problem.sentence for problem in loaded.problems)


def test_what_is_left_out_is_said() -> None:
    unknown = lines("", "x{n}: 1\n", 1_000).encode()
    problems = load_files(RulebookFiles("rulebook", {"a.yaml": unknown})).problems
    assert problems[-1].sentence.endswith("more problems are left out")


def test_a_hundred_megabytes_are_not_even_read(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path)
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(100_000_000)
    started = time.process_time()
    [problem] = load_rulebook(folder).problems
    assert time.process_time() - started < SOON_S
    assert str(problem) == f"{folder}/huge.yaml:1: the file has more than 1,000,000 bytes"


def test_many_rules_are_compared_soon() -> None:
    rules = lines(
        "rules:\n  route:\n",
        "    - name: r{n}\n"
        "      when: {{any: [{{caller.open_orders: {n}}}, {{caller.recency: {{gt: {n}}}}}]}}\n"
        "      then: {{queue: a}}\n",
        1_500,
    )
    contents = {name: content.encode() for name, content in GOOD.items()}
    started = time.process_time()
    loaded = load_files(RulebookFiles("rulebook", {**contents, "rules.yaml": rules.encode()}))
    assert time.process_time() - started < SOON_S
    assert loaded.errors == ()


def test_a_text_given_again_and_again_is_made_once() -> None:
    words = "{% if caller.known %}Hello {{ caller.first_name }}, {% endif %}" * 30
    menus = f"texts:\n  hello: &hello '{words}'\n" + lines(
        "menus:\n  more:\n    options:\n",
        "      - {{intent: i{n}, say: *hello, do: {{queue: a}}}}\n",
        1_000,
    )
    contents = {name: content.encode() for name, content in GOOD.items()}
    started = time.process_time()
    loaded = load_files(RulebookFiles("rulebook", {**contents, "more.yaml": menus.encode()}))
    assert time.process_time() - started < SOON_S
    assert loaded.errors == ()


def test_a_country_is_looked_up_once(tmp_path: Path) -> None:
    hours = "".join(
        f"  h{n}: {{week: {{mon: '09:00-18:00'}}, holidays: {{country: US, subdivision: NY}}}}\n"
        for n in range(150)
    )
    folder = write_rulebook(tmp_path, hours=f"hours:\n{hours}")
    load_rulebook(folder)
    started = time.process_time()
    assert load_rulebook(folder).errors == ()
    assert time.process_time() - started < SOON_S
