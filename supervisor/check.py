"""`switchboard check`: the server's own loader, then the author's example tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.problems import Problem
from config.rulebook import Rulebook
from config.rulebook_loader import SHIPPED, load_rulebook
from config.surroundings import BARE, Surroundings
from ivr.direct_dial import NO_EXTENSIONS, Extensions
from ivr.ordering import estimated_seconds
from supervisor.examples import try_examples
from supervisor.menu_lengths import Seconds, too_long
from supervisor.menu_waits import MenuWait


def check(
    folder: Path | None = None,
    *,
    around: Surroundings = BARE,
    seconds: Seconds = estimated_seconds,
) -> tuple[Problem, ...]:
    """Everything wrong with the rulebook in `folder` (None: the shipped example). `seconds` tells
    how long a text is to listen to."""
    loaded = load_rulebook(folder or SHIPPED, around=around)
    if loaded.rulebook is not None:
        extensions = Extensions.of(around.direct_dial)
        loaded = loaded.with_problems(
            examine(loaded.rulebook, extensions=extensions, seconds=seconds)
        )
    return loaded.problems


def is_good(problems: tuple[Problem, ...]) -> bool:
    return not any(problem.is_error for problem in problems)


def render(problems: tuple[Problem, ...], console: Console, waits: Sequence[MenuWait] = ()) -> None:
    """One problem to a line as `file:line: sentence`, never wrapped, then the sum, then how long
    callers listen (`supervisor.menu_waits`) where that is known."""
    for problem in problems:
        console.print(Text(str(problem), "red" if problem.is_error else "yellow"), soft_wrap=True)
    errors = sum(problem.is_error for problem in problems)
    if errors:
        console.print(Text(f"{errors} error{'s' * (errors != 1)}: this rulebook is not published"))
    else:
        warnings = len(problems)
        ending = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
        console.print(Text(f"the rulebook is good{ending}"))
    if waits:
        console.print(_table(waits))


def _table(waits: Sequence[MenuWait]) -> Table:
    """A menu with `order: fixed` is spoken as written, whatever it could be."""
    table = Table("menu", "callers", "as written", box=None, padding=(0, 2))
    kinds = [kind for kind in (True, False) if any(wait.is_ordered is kind for wait in waits)]
    for is_ordered in kinds:
        table.add_column("as ordered" if is_ordered else "if ordered")
    for wait in waits:
        ordered = [f"{wait.ordered_s:.1f} s" if kind is wait.is_ordered else "" for kind in kinds]
        table.add_row(
            *map(Text, (wait.menu, f"{wait.callers}", f"{wait.written_s:.1f} s", *ordered))
        )
    table.title = "Seconds of listening until the right option"
    return table


def examine(
    rulebook: Rulebook,
    *,
    extensions: Extensions = NO_EXTENSIONS,
    seconds: Seconds = estimated_seconds,
    now: datetime | None = None,
) -> list[Problem]:
    """Runs the author's own examples, each that fails an error in its place, and warns of menus
    that are long to listen to. `now` is aware; None: by the clock."""
    problems = list(try_examples(rulebook, extensions))
    problems += too_long(rulebook, now or datetime.now(UTC), seconds)
    return problems
