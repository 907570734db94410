"""One line of the tables of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `aim`: what was wanted, and whether it was reached."""

    what: str
    figure: str
    beside: str
    aim: str


def with_aim(wanted: str, reached: bool) -> str:
    return f"{wanted}: {'reached' if reached else '**missed**'}"
