"""`switchboard crm import-3cx`: the mapping that a template becomes, and what to say of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crm_adapter.threecx.convert import Converted, convert
from crm_adapter.threecx.report import Level
from crm_adapter.threecx.template import LONGEST
from crm_adapter.threecx.trial import problems_of

_COLOURS = {Level.MISSING: "red", Level.LOST: "yellow", Level.LOOK: "cyan"}


@dataclass(frozen=True, slots=True)
class Made:
    """`problems` are what the REST adapter says of the mapping."""

    converted: Converted
    yaml: str
    problems: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        missing = any(entry.level is Level.MISSING for entry in self.converted.entries)
        return not missing and not self.problems


def made(path: Path) -> Made:
    """Raises TemplateRefused, OSError."""
    with path.open("rb") as file:
        converted = convert(file.read(LONGEST + 1))
    missing = any(entry.level is Level.MISSING for entry in converted.entries)
    # What is missing is said better than its consequences would be.
    problems = () if missing else tuple(problems_of(converted))
    return Made(converted, converted.yaml(), problems)


def show(made: Made, console: Console) -> None:
    if made.converted.entries:
        table = Table("", "in the template", "what")
        for entry in made.converted.entries:
            level = Text(entry.level.value, style=_COLOURS[entry.level])
            table.add_row(level, Text(entry.element), Text(entry.sentence))
        console.print(table)
    for problem in made.problems:
        console.print(Text(f"the mapping does not load: {problem}"), soft_wrap=True)
    if made.is_usable:
        console.print("now try it: switchboard crm check, then switchboard crm test +1202...")
    else:
        console.print("the mapping cannot be used yet: see docs/crm/3cx.md")


def as_json(made: Made) -> dict[str, Any]:
    return {
        "usable": made.is_usable,
        "environment": made.converted.variables,
        "report": [asdict(entry) for entry in made.converted.entries],
        "problems": made.problems,
        "mapping": made.converted.mapping,
    }
