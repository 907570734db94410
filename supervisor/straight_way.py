"""What a caller comes to without pressing a key: texts, questions, a menu, an end. Pure."""

from __future__ import annotations

from typing import Any

from config.actions import (
    Action,
    AskCallback,
    CheckPin,
    Collect,
    Ending,
    Record,
    SayText,
    ToMenu,
    followers,
)
from ivr.routes import described
from ivr.rules import CallPlan

#: Actions nest in the file, so no way is longer.
_LONGEST = 50


def straight_way(plan: CallPlan) -> list[dict[str, Any]]:
    """From the first action to the first menu or the end; questions are taken as answered. As JSON:
    `does` names the action, `to` is what `ivr.routes.described` says, `says` what is spoken."""
    steps: list[dict[str, Any]] = []
    action: Action | None = plan.entry
    while action is not None and len(steps) < _LONGEST:
        steps.append(_step(action, plan))
        further = () if isinstance(action, ToMenu | Ending) else followers(action).actions
        action = next(iter(further), None)
    return steps


def _step(action: Action, plan: CallPlan) -> dict[str, Any]:
    says, seconds = None, None
    match action:
        case SayText():
            says = plan.say(action.text)
        case ToMenu():
            says = plan.menu(action.menu).greeting
        case Record():
            says, seconds = plan.say(action.say), action.max_s
        case Collect() | CheckPin() | AskCallback():
            says = plan.say(action.say)
    does = described(action).partition(" ")[0]
    return {"does": does, "to": described(action), "says": says, "seconds": seconds}
