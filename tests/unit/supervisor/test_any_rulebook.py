"""Whatever becomes of a good rulebook, it is told in sentences, or it serves any caller."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.located_yaml import read_yaml
from config.rulebook_files import RulebookFiles
from config.rulebook_loader import SHIPPED, load_files
from config.surroundings import Surroundings
from supervisor import check

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
AROUND = Surroundings(transfer_targets=frozenset({"reception"}), direct_dial=("2XX",))
Step = tuple[str | int, ...]


def whole(folder: Path) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yaml")):
        sections.update(read_yaml(path.name, path.read_bytes()).data)
    return sections


def steps_in(part: Any, path: Step = ()) -> list[Step]:
    inner = (
        part.items()
        if isinstance(part, dict)
        else enumerate(part)
        if isinstance(part, list)
        else ()
    )
    return [path, *(step for key, value in inner for step in steps_in(value, (*path, key)))]


GOOD = [whole(folder) for folder in sorted(SHIPPED.parent.iterdir())]
PLACES = [(number, step) for number, book in enumerate(GOOD) for step in steps_in(book) if step]
PARTS = st.sampled_from(PLACES).map(lambda place: at(GOOD[place[0]], place[1]))
VALUES: list[Any] = [None, True, False, 0, -1, 1.5, 10**12, "", "0", "x", "main", "{{ x }}"]
VALUES += [[], {}, [[]], [None], {"": ""}, {"when": {}}, {"hangup": True}, {"back": True}]
VALUES += [{"menu": "main"}, {"say": "A", "then": {"back": True}}, "09:00-18:00", "2026-11-23"]
VALUES += ["{{ opens.shop }}", "{{ caller.balance | money }}"]
JUNK = st.one_of(st.sampled_from(VALUES), PARTS)


def at(part: Any, step: Step) -> Any:
    for key in step:
        part = part[key]
    return part


def changed(book: Any, step: Step, junk: Any, how: str) -> None:
    """In place, as far as an earlier change left the place there."""
    try:
        around = at(book, step[:-1])
        if how == "drop":
            del around[step[-1]]
        elif how == "rename" and isinstance(around, dict):
            around[str(junk)[:20]] = around.pop(step[-1])
        else:
            around[step[-1]] = copy.deepcopy(junk)
    except (KeyError, IndexError, TypeError):
        return


@given(
    number=st.integers(0, len(GOOD) - 1),
    changes=st.lists(
        st.tuples(st.integers(0, 10**6), JUNK, st.sampled_from(["replace", "drop", "rename"])),
        min_size=1,
        max_size=3,
    ),
)
def test_a_changed_rulebook_is_told_or_serves(
    number: int, changes: list[tuple[int, Any, str]]
) -> None:
    book = copy.deepcopy(GOOD[number])
    for which, junk, how in changes:
        steps = [step for step in steps_in(book) if step]
        changed(book, steps[which % len(steps)], junk, how) if steps else None
    text = yaml.safe_dump(book, allow_unicode=True, sort_keys=False)
    loaded = load_files(RulebookFiles("book", {"all.yaml": text.encode()}), around=AROUND)
    assert (loaded.rulebook is None) is bool(loaded.errors)
    assert all(problem.sentence and problem.file for problem in loaded.problems)
    if loaded.rulebook is not None:
        check.examine(loaded.rulebook, now=NOW)
