"""`switchboard check`: the server's own loader, then the author's example tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from calls.call import Call, CallId
from calls.caller import Caller, Identity, IdentityOutcome
from config.problems import Problem, Severity
from config.rulebook import ExampleTest, Rulebook
from config.rulebook_loader import SHIPPED, load_rulebook
from config.surroundings import BARE, Surroundings
from ivr import rules

DEFAULT_AT = "2026-01-05T10:00"


def check(folder: Path | None = None, *, around: Surroundings = BARE) -> tuple[Problem, ...]:
    """Everything wrong with the rulebook in `folder` (None: the shipped example)."""
    loaded = load_rulebook(folder or SHIPPED, around=around)
    if loaded.rulebook is not None:
        loaded = loaded.with_problems(examine(loaded.rulebook))
    return loaded.problems


def is_good(problems: tuple[Problem, ...]) -> bool:
    return not any(problem.is_error for problem in problems)


def render(problems: tuple[Problem, ...], console: Console) -> None:
    """One problem to a line as `file:line: sentence`, never wrapped, then the sum."""
    for problem in problems:
        console.print(Text(str(problem), "red" if problem.is_error else "yellow"), soft_wrap=True)
    errors = sum(problem.is_error for problem in problems)
    if errors:
        console.print(Text(f"{errors} error{'s' * (errors != 1)}: this rulebook is not published"))
    else:
        warnings = len(problems)
        ending = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
        console.print(Text(f"the rulebook is good{ending}"))


def examine(rulebook: Rulebook) -> list[Problem]:
    """Runs the author's own examples; each that fails is an error in its place."""
    problems = []
    for test in rulebook.tests:
        if test.number is not None and not test.facts:
            sentence = f"the example '{test.name}' is not tried: it names a number and no facts"
            problems.append(Problem.at(test.place, sentence, Severity.WARNING))
            continue
        for why in _failures(rulebook, test):
            problems.append(Problem.at(test.place, f"the example '{test.name}' fails: {why}"))
    return problems


def _failures(rulebook: Rulebook, test: ExampleTest) -> Iterator[str]:
    plan = _plan(rulebook, test)
    decision = plan.decision
    shown = {option.intent: option for option in decision.options}
    found: dict[str, Any] = {
        "menu": decision.menu,
        "options": list(shown),
        "queue": decision.route.target if decision.route.kind == "queue" else None,
        "programme": decision.hold_programme,
    }
    for key, wanted in test.expect.items():
        if key == "digits":
            for intent, digit in dict(_mapping(wanted)).items():
                actual = shown[intent].digit if intent in shown else None
                if actual != digit:
                    yield f"the digit of {intent} is {actual}, not {digit}"
        elif key == "says":
            spoken = [decision.greeting, *(option.say for option in decision.options)]
            spoken += [entry.text for entry in decision.hold]
            for text in _list(wanted):
                if text not in spoken:
                    yield f"it does not say '{text}'"
        elif found[key] != wanted:
            yield f"{key} is {_said(found[key])}, not {_said(wanted)}"


def _mapping(value: object) -> dict[str, str]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def _said(value: Any) -> str:
    return (
        ", ".join(value) if isinstance(value, list) else str(value if value is not None else "none")
    )


def _plan(rulebook: Rulebook, test: ExampleTest) -> rules.CallPlan:
    """A stranger's facts with the example's own on top; all of them may be spoken."""
    at = datetime.fromisoformat(test.at or DEFAULT_AT).astimezone()
    call = Call(CallId("check", "1"), "", test.number or "", "", False, test.dialled, "en", at)
    caller = Caller(test.number, Identity(IdentityOutcome.NONE, "example", 0.0))
    given = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in test.facts.items()
    }
    return rules.decide(rulebook, call, caller, at, given=given)
