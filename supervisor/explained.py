"""What `explain` found, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Hold entries by kind, where they have no text of their own.
_HOLD_WORDS = {
    "music": "music for {seconds:g} s",
    "position": "where the caller stands in the queue, and for how long",
    "callback": "the offer to be called back",
}
#: Of the caller's own arm.
_CONTROL = "in the control group: the plain menu, no offers"


def render(explained: dict[str, Any], console: Console) -> None:
    """`explained` as `supervisor.explain` gives it."""
    _render_caller(explained["identity"], explained["caller"], console)
    decision = explained["decision"]
    if decision is None:
        console.print(Text("no decision was made for this call"))
    else:
        _render_route(decision, explained["dialled"], console)
        _render_menu(decision, console)
        for name, options in decision.get("menus", {}).items():
            console.print(Text(f"came to the menu {name}"))
            _render_options(options, console)
        _render_offers(decision, console)
        _render_hold(decision, console)
        _render_pop(decision, console)
        _render_rules(decision, console)
    if "call" in explained:
        _render_course(explained["call"], console)
    console.print(Text(f"rulebook {explained['rulebook_version'] or 'none'}", style="dim"))


def _render_caller(identity: dict[str, Any], caller: dict[str, Any], console: Console) -> None:
    console.print(Text(_who(caller), style="bold"))
    sure = identity["confidence"]
    how_sure = "" if sure is None else f", sure to {sure:.0%}"
    console.print(Text(f"  {identity['outcome']} by {identity['method']}{how_sure}"))
    several = identity["candidates"] if identity["outcome"] == "multiple" else ()
    for candidate in several:
        console.print(Text(f"  could be {candidate['name']} ({candidate['ref']})"))
    if caller["tier"]:
        console.print(Text(f"  tier {caller['tier']}, {caller['lifecycle']}"))


def _who(caller: dict[str, Any]) -> str:
    if caller["number"] is None and not caller["ref"]:
        return "a caller without a number that can be looked up"
    nameless = f"contact {caller['ref']}, who has no name" if caller["ref"] else None
    who = caller["name"] or caller["company"] or nameless or "nobody the CRM knows"
    return f"{caller['number'] or 'a caller without a number'} is {who}"


def _render_route(decision: dict[str, Any], dialled: str, console: Console) -> None:
    # Calls that were decided by an older version kept less.
    if decision.get("doors"):
        console.print(Text(f"doors: {decision['doors']}"))
    if decision.get("arm") == "control":
        console.print(Text(_CONTROL))
    route = decision["route"]
    by_rule = f" by the rule '{route['rule']}'" if route["rule"] else ""
    kind = "" if route["kind"] == "action" else f"{route['kind']} "
    console.print(Text(f"having dialled {dialled} goes to {kind}{route['target']}{by_rule}"))
    if route["priority"]:
        console.print(Text(f"  with priority {route['priority']}"))


def _render_menu(decision: dict[str, Any], console: Console) -> None:
    if decision["menu"] is None:
        return
    console.print(Text(f"hears the menu {decision['menu']} in {decision['language']}"))
    if decision["greeting"]:
        console.print(Text(f"  “{decision['greeting']}”"))
    _render_options(decision["options"], console)
    if decision.get("model", "none") != "none":
        console.print(Text(f"  probabilities by {decision['model']}"))


def _render_options(options: list[dict[str, Any]], console: Console) -> None:
    table = Table("key", "intent", "says", "wanted", "takes", "because", box=None, padding=(0, 2))
    for option in options:
        wanted, takes = option.get("probability"), option.get("seconds")
        row = (
            option["digit"],
            f"{option['intent']} (offer)" if option.get("offer") else option["intent"],
            option["say"],
            "" if wanted is None else f"{wanted:.0%}",
            "" if takes is None else f"{takes:.1f} s",
            "; ".join(option["reasons"]),
        )
        table.add_row(*map(Text, row))
    console.print(table)


def _render_offers(decision: dict[str, Any], console: Console) -> None:
    table = Table("offer", "", "wanted", "because", box=None, padding=(0, 2))
    for offer in decision["offers"]:
        wanted = offer.get("propensity")
        row = (
            offer["offer"],
            "made" if offer["chosen"] else "no",
            "" if wanted is None else f"{wanted:.0%}",
            "; ".join(offer["reasons"]),
        )
        table.add_row(*map(Text, row))
    if decision["offers"]:
        console.print(table)
    for offer in decision["offers"]:
        if offer["chosen"] and offer.get("agent"):
            console.print(Text(f"  the agent may say: “{offer['agent']}”"))


def _render_hold(decision: dict[str, Any], console: Console) -> None:
    if not decision["hold"]:
        return
    console.print(Text(f"waits with the programme {decision['hold_programme']}"))
    for entry in decision["hold"]:
        words = _HOLD_WORDS.get(entry["kind"], entry["kind"])
        heard = f"“{entry['text']}”" if entry["text"] else words.format(**entry)
        of_offer = f" (offer {entry['offer']})" if entry.get("offer") else ""
        console.print(Text(f"  {heard}{of_offer}"))


def _render_pop(decision: dict[str, Any], console: Console) -> None:
    pop = decision.get("pop") or {"shown": True, "note": None}
    if not pop["shown"]:
        console.print(Text("no card is shown to the agent"))
    if pop["note"]:
        console.print(Text(f"the agent reads: “{pop['note']}”"))
    console.print(Text(f"a stranger becomes a lead: {decision['lead'].replace('_', ' ')}"))


def _render_rules(decision: dict[str, Any], console: Console) -> None:
    table = Table("rule", "", "because", box=None, padding=(0, 2))
    for rule in decision["rules"]:
        mark = "matched" if rule["matched"] else "no"
        table.add_row(*map(Text, (f"{rule['group']}: {rule['name']}", mark, rule["because"])))
    if decision["rules"]:
        console.print(table)


def _render_course(call: dict[str, Any], console: Console) -> None:
    console.print(Text(f"call {call['id']} of {call['arrived_at']}", style="bold"))
    for decision in call["earlier_decisions"]:
        menu = (decision.get("decision") or {}).get("menu")
        console.print(Text(f"  was first decided otherwise: menu {menu or 'none'}"))
    for key in call["keys"]:
        meant = key["intent"] or key["outcome"]
        console.print(Text(f"  in {key['menu']} pressed {key['digits'] or 'nothing'}: {meant}"))
    for field, digits in call["typed"].items():
        console.print(Text(f"  typed {field}: {digits}"))
    for line in _endings(call):
        console.print(Text(f"  {line}"))


def _endings(call: dict[str, Any]) -> list[str]:
    lines = ["was served by the dialplan's fallback"] if call["fallback"] else []
    if call["queue"]:
        lines.append(f"waited in the queue {call['queue']}")
    if call["routed"]:
        lines.append(f"left for {call['routed']['kind']} {call['routed']['target'] or ''}".strip())
    if call["callback"]:
        lines.append(f"asked to be called back by {call['callback']['queue']}")
    lines += [f"was rung to {agent}" for agent in call["agents"]]
    lines.append((call["outcome"] or "goes on").replace("_", " "))
    return lines
