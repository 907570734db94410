"""The order by probability over length is never worse than the written one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.rulebook_loader import SHIPPED, load_rulebook
from supervisor.menu_waits import MenuWait, menu_waits
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def waits(folder: Path, chosen: dict[str, dict[str, float]], each_s: float) -> list[MenuWait]:
    rulebook = load_rulebook(folder).or_raise()
    return list(menu_waits(rulebook, chosen, seconds=lambda text, language: each_s, now=NOW))


def test_what_most_want_comes_first(tmp_path: Path) -> None:
    more = "".join(f"      - {{intent: i{n}, say: S{n}, do: {{queue: q}}}}\n" for n in (1, 2))
    folder = write_rulebook(tmp_path, menus=option() + more)
    [fixed] = waits(folder, {"main": {"sales": 1.0}}, 2.0)
    assert not fixed.is_ordered
    menus = folder / "menus.yaml"
    menus.write_text(menus.read_text() + "    order: by_propensity\n")
    chosen = {"main": {"sales": 10.0, "i1": 0.0, "i2": 90.0, "agent": 100.0, "gone": 7.0}}
    # As written: sales 2 s, i2 6 s, the person 8 s; ordered: i2, sales, i1, the person last.
    [wait] = waits(folder, chosen, 2.0)
    assert wait == MenuWait(
        "main", 200, (10 * 2 + 90 * 6 + 100 * 8) / 200, (90 * 2 + 10 * 4 + 800) / 200
    )


def test_menus_of_which_nothing_is_known_are_left_out() -> None:
    assert waits(SHIPPED, {"main": {}, "billing": {"payment": 0.0}, "gone": {"a": 3.0}}, 1.0) == []
