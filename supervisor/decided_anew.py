"""A call may be decided anew: who calls was found out late, something was typed. Which decision the
caller heard, and what the others changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_adapter.call_history import CallDetail

#: A decision as it is kept: rulebook_version, decision.
Kept = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Each but `heard` also with `changes`: sentences on what it changed for caller or agent
    against the one before it (`later`), or what the next one changed (`earlier`)."""

    heard: Kept | None
    earlier: tuple[Kept, ...] = ()
    later: tuple[Kept, ...] = ()


def decisions_of(detail: CallDetail) -> Decisions:
    """The one that stood when the first menu was left, else when the caller came to the queue,
    else the last."""
    if detail.decision is None:
        return Decisions(None)
    last = {"rulebook_version": detail.rulebook_version, "decision": detail.decision}
    kept = [*detail.earlier_decisions, last]
    moment = detail.choices_at[0] if detail.choices_at else detail.queued_at
    place = len(kept) - 1
    if moment is not None:
        stood = [i for i, one in enumerate(kept) if (at := made_at(one)) and at <= moment]
        place = max(stood, default=0)
    changed = [list(_changes(kept[i], kept[i + 1], detail)) for i in range(len(kept) - 1)]
    return Decisions(
        heard=_with_menus(kept[place], kept[place + 1 :]),
        earlier=tuple(kept[i] | {"changes": changed[i]} for i in range(place)),
        later=tuple(kept[i] | {"changes": changed[i - 1]} for i in range(place + 1, len(kept))),
    )


def _with_menus(heard: Kept, later: list[Kept]) -> Kept:
    """Also those that the caller came to when it was decided anew."""
    decision = heard["decision"]
    came_to = {
        name: options
        for one in reversed(later)
        for name, options in one["decision"].get("menus", {}).items()
        if name != decision["menu"]
    }
    if not came_to:
        return heard
    menus = came_to | decision.get("menus", {})
    return heard | {"decision": decision | {"menus": menus}}


def made_at(kept: Kept) -> datetime | None:
    """None for decisions that were kept without their time."""
    at = kept["decision"].get("at")
    return datetime.fromisoformat(at) if at else None


def _changes(kept: Kept, later: Kept, detail: CallDetail) -> Iterator[str]:
    """Not of what the caller was past by then."""
    before, after, at = kept["decision"], later["decision"], made_at(later)
    in_menus = at is None or any(choice >= at for choice in detail.choices_at)
    in_queue = at is not None and detail.queued_at is not None and at > detail.queued_at
    if _known(before) != _known(after):
        yield "the caller is known" if _known(after) else "the caller is not known any more"
    if before["language"] != after["language"]:
        yield f"speaks {after['language']}"
    if _goal(before) != _goal(after) and not in_queue:
        yield f"goes to {routed(after['route'])}"
    if _menu(before) != _menu(after) and in_menus:
        yield _menu_in_short(after)
    if _offer(before) != _offer(after):
        yield f"makes the offer {_offer(after)}" if _offer(after) else "makes no offer"
    if before["hold"] != after["hold"]:
        programme = after["hold_programme"]
        same = " with other messages" if programme == before["hold_programme"] else ""
        yield f"waits with the programme {programme or 'of the queue'}{same}"
    yield from _for_agents(before, after)


def _for_agents(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = before.get("pop") or {}, after.get("pop") or {}
    if old != new and not new.get("shown", True):
        yield "no card is shown to the agent"
    elif old != new:
        yield f"the agent reads: “{new['note']}”" if new.get("note") else "the agent reads no note"
    if before.get("lead") != after.get("lead"):
        yield f"a stranger becomes a lead: {str(after.get('lead')).replace('_', ' ')}"


def routed(route: dict[str, Any]) -> str:
    kind = "" if route["kind"] == "action" else f"{route['kind']} "
    by_rule = f" by the rule '{route['rule']}'" if route["rule"] else ""
    priority = f" with priority {route['priority']}" if route["priority"] else ""
    return f"{kind}{route['target']}{by_rule}{priority}"


def _known(decision: dict[str, Any]) -> Any:
    return decision.get("facts", {}).get("caller.known")


def _goal(decision: dict[str, Any]) -> tuple[Any, ...]:
    route = decision["route"]
    return route["kind"], route["target"], route["priority"]


def _menu(decision: dict[str, Any]) -> tuple[Any, ...]:
    options = [(one["digit"], one["intent"], one["say"]) for one in decision["options"]]
    return decision["menu"], decision["greeting"], options


def _menu_in_short(decision: dict[str, Any]) -> str:
    if decision["menu"] is None:
        return "has no menu"
    options = ", ".join(f"{one['digit']} {one['intent']}" for one in decision["options"])
    return f"the menu {decision['menu']}, where heard from then on, is: {options}"


def _offer(decision: dict[str, Any]) -> str | None:
    return next((one["offer"] for one in decision["offers"] if one["chosen"]), None)
