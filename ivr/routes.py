"""Where a call goes first: the closed door, a rule's own way, or the number's menu. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from calls.decision import Route
from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    HangUp,
    Record,
    SayText,
    ToMenu,
    ToQueue,
    ToTarget,
    ToVoicemail,
)
from config.opening_hours import Doors
from config.rulebook import Consequence, NumberEntry, RouteTo


@dataclass(frozen=True, slots=True)
class RouteTaken:
    """`menu` is the first one heard, if any; `person` stands in for the person of every menu."""

    route: Route
    entry: Action
    menu: str | None = None
    person: ToQueue | None = None
    closed: Action | None = None
    #: None where the number keeps no hours.
    doors: Doors | None = None


def route_of(
    number: NumberEntry, winner: tuple[str, Consequence] | None, doors: Doors | None
) -> RouteTaken:
    """Closed doors go before every route rule: a queue may have nobody in it. A rule for those
    hours belongs to a number without `closed`, where it can ask for the hours itself."""
    if doors not in (None, Doors.OPEN) and number.closed is not None:
        return _straight(number.closed, closed=number.closed, doors=doors)
    rule, then = winner or (None, None)
    if not isinstance(then, RouteTo):
        return _straight(ToMenu(number.menu), doors=doors)
    if then.action is None:
        return _straight(ToMenu(then.menu or number.menu), rule=rule, doors=doors)
    if then.skip_menu or not isinstance(then.action, ToQueue):
        return _straight(then.action, rule=rule, doors=doors)
    menu = then.menu or number.menu
    route = Route("queue", then.action.queue, then.action.priority, False, rule)
    return RouteTaken(route, ToMenu(menu), menu, person=then.action, doors=doors)


def _straight(
    entry: Action,
    *,
    rule: str | None = None,
    closed: Action | None = None,
    doors: Doors | None = None,
) -> RouteTaken:
    """Without a question before it; texts on the way are said."""
    goal = entry
    while isinstance(goal, SayText):
        goal = goal.then
    if isinstance(goal, ToMenu):
        route = Route("menu", goal.menu, rule=rule)
        return RouteTaken(route, entry, goal.menu, closed=closed, doors=doors)
    if isinstance(goal, ToQueue):
        route = Route("queue", goal.queue, goal.priority, True, rule)
        person = goal if closed is None else None
        return RouteTaken(route, entry, person=person, closed=closed, doors=doors)
    route = Route("action", described(goal), skip_menu=True, rule=rule)
    return RouteTaken(route, entry, closed=closed, doors=doors)


def described(action: Action) -> str:
    """For people: `voicemail 100`, `record message`."""
    word, field = _WORDS[type(action)]
    return f"{word} {getattr(action, field)}" if field else word


#: By action: what it is called, and what of it says where to.
_WORDS: dict[type[Action], tuple[str, str | None]] = {
    ToQueue: ("queue", "queue"),
    ToMenu: ("menu", "menu"),
    Back: ("back", None),
    HangUp: ("hangup", None),
    SayText: ("say", None),
    Collect: ("collect", "field"),
    CheckPin: ("pin", None),
    Record: ("record", "what"),
    ToVoicemail: ("voicemail", "mailbox"),
    ToTarget: ("transfer", "target"),
    AskCallback: ("callback", "queue"),
    AskWebhook: ("webhook", "webhook"),
}
