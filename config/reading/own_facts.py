"""Facts that a rulebook adds to those of `config.facts`: their names come before everything else,
because texts and conditions anywhere may use them.

    hours.<hours>  opens.<hours>  promotion.<promotion>  typed.<field>  answers.<webhook>.<value>
    experiment.<experiment>
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.facts import Fact, FactKind
from config.opening_hours import Doors
from config.reading.webhooks import ANSWER_KINDS

_DOORS = Fact(FactKind.TEXT, tuple(Doors))
_OPENS = Fact(FactKind.MOMENT)
_YES_NO = Fact(FactKind.YES_NO)
_TYPED = Fact(FactKind.TEXT)


def own_facts(section: str, raw: dict[str, Any]) -> Iterator[tuple[str, Fact]]:
    """Whatever is wrong in `raw` is left to its reader."""
    match section:
        case "hours":
            for name in raw:
                yield f"hours.{name}", _DOORS
                yield f"opens.{name}", _OPENS
        case "promotions":
            for name in raw:
                yield f"promotion.{name}", _YES_NO
        case "webhooks":
            for name, webhook in raw.items():
                yield from _answers(name, webhook)
        case "experiments":
            for name, experiment in raw.items():
                yield f"experiment.{name}", Fact(FactKind.TEXT, _arms(experiment))
        case "menus" | "numbers" | "rules" | "offers":
            for field in _collected(raw):
                yield f"typed.{field}", _TYPED


def _arms(experiment: Any) -> tuple[str, ...]:
    arms = experiment.get("arms") if isinstance(experiment, dict) else None
    return tuple(name for name in arms if isinstance(name, str)) if isinstance(arms, dict) else ()


def _answers(name: str, webhook: Any) -> Iterator[tuple[str, Fact]]:
    answers = webhook.get("answers") if isinstance(webhook, dict) else None
    for value, kind in answers.items() if isinstance(answers, dict) else ():
        known = ANSWER_KINDS.get(kind) if isinstance(kind, str) else None
        yield f"answers.{name}.{value}", Fact(known or FactKind.TEXT)


def _collected(raw: Any) -> Iterator[str]:
    """Every `collect: FIELD`, wherever it stands."""
    todo = [raw]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            field = part.get("collect")
            if isinstance(field, str):
                yield field
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
