"""`switchboard explain`: what a caller would meet now, and why; the same code as in a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from calls.call import Call, CallId
from calls.caller import Caller
from calls.deadlines import Deadline
from calls.ports import ContactDirectory
from config.rulebook import Rulebook
from ivr import rules

#: A person at a keyboard waits longer than a caller.
DEADLINE_S = 5.0
_WITHHELD = ("", "anonymous", "withheld", "private", "unknown", "restricted")


class RulebookSource(Protocol):
    """`config.publishing.Rulebooks`, or one loaded from a folder."""

    @property
    def current(self) -> Rulebook: ...


async def explain(
    number: str,
    *,
    dialled: str | None,
    directory: ContactDirectory,
    rulebooks: RulebookSource,
    now: datetime,
    region: str = "US",
) -> dict[str, Any]:
    """As JSON: identity, caller, rulebook_version, decision. `dialled` None: the rulebook's first
    number. `now` is aware; `region` is the country for numbers where the rulebook says none."""
    rulebook = rulebooks.current
    dialled = dialled or next(iter(rulebook.numbers.values())).key
    call = Call(
        id=CallId("explain", "0"),
        channel="explain",
        from_raw=number,
        from_name="",
        withheld=number.strip().lower() in _WITHHELD,
        dialled=dialled,
        language="en",
        arrived_at=now,
    )
    caller = await directory.identify(
        call,
        region=rulebook.number_for(dialled).region or region,
        deadline=Deadline.after(DEADLINE_S),
    )
    plan = rules.decide(rulebook, call, caller, now)
    return {
        "identity": _identity(caller),
        "caller": _caller(caller),
        "rulebook_version": rulebook.version,
        "dialled": dialled,
        "decision": plan.decision.as_json(),
    }


def _identity(caller: Caller) -> dict[str, Any]:
    identity = caller.identity
    return {
        "outcome": identity.outcome.value,
        "method": identity.method,
        "confidence": identity.confidence,
        "candidates": [
            {"ref": str(one.ref), "name": one.name, "company": one.company}
            for one in identity.candidates
        ],
        "degraded": list(caller.degraded),
    }


def _caller(caller: Caller) -> dict[str, Any]:
    contact, segments = caller.contact, caller.segments
    return {
        "number": caller.number,
        "known": caller.is_known,
        "ref": str(contact.ref) if contact else None,
        "name": contact.name if contact else None,
        "company": contact.company if contact else None,
        "language": contact.language if contact else None,
        "tier": segments.tier.value if segments else None,
        "lifecycle": segments.lifecycle.value if segments else None,
        "segment_reasons": list(segments.reasons) if segments else [],
    }


def render(explained: dict[str, Any], console: Console) -> None:
    """The same for people."""
    identity, caller, decision = (explained[key] for key in ("identity", "caller", "decision"))
    console.print(Text(_who(caller), style="bold"))
    console.print(
        Text(
            f"  {identity['outcome']} by {identity['method']}, sure to {identity['confidence']:.0%}"
        )
    )
    several = identity["candidates"] if identity["outcome"] == "multiple" else ()
    for candidate in several:
        console.print(Text(f"  could be {candidate['name']} ({candidate['ref']})"))
    if caller["tier"]:
        console.print(Text(f"  tier {caller['tier']}, {caller['lifecycle']}"))
    route = decision["route"]
    by_rule = f" by the rule '{route['rule']}'" if route["rule"] else ""
    calls = f"having dialled {explained['dialled']} "
    console.print(Text(f"{calls}goes to {route['kind']} {route['target']}{by_rule}"))
    if route["priority"]:
        console.print(Text(f"  with priority {route['priority']}"))
    _render_menu(decision, console)
    _render_hold(decision, console)
    _render_rules(decision, console)
    console.print(Text(f"rulebook {explained['rulebook_version']}", style="dim"))


def _who(caller: dict[str, Any]) -> str:
    if caller["number"] is None:
        return "a caller without a number that can be looked up"
    nameless = f"contact {caller['ref']}, who has no name" if caller["ref"] else None
    who = caller["name"] or caller["company"] or nameless or "nobody the CRM knows"
    return f"{caller['number']} is {who}"


def _render_menu(decision: dict[str, Any], console: Console) -> None:
    if decision["menu"] is None:
        return
    console.print(Text(f"hears the menu {decision['menu']} in {decision['language']}"))
    if decision["greeting"]:
        console.print(Text(f"  “{decision['greeting']}”"))
    table = Table("key", "intent", "says", "because", box=None, padding=(0, 2))
    for option in decision["options"]:
        row = (option["digit"], option["intent"], option["say"], "; ".join(option["reasons"]))
        table.add_row(*map(Text, row))
    console.print(table)


def _render_hold(decision: dict[str, Any], console: Console) -> None:
    if not decision["hold"]:
        return
    console.print(Text(f"waits with the programme {decision['hold_programme']}"))
    for entry in decision["hold"]:
        heard = f"“{entry['text']}”" if entry["text"] else f"music for {entry['seconds']:g} s"
        console.print(Text(f"  {heard}"))


def _render_rules(decision: dict[str, Any], console: Console) -> None:
    table = Table("rule", "", "because", box=None, padding=(0, 2))
    for rule in decision["rules"]:
        mark = "matched" if rule["matched"] else "no"
        table.add_row(*map(Text, (f"{rule['group']}: {rule['name']}", mark, rule["because"])))
    if decision["rules"]:
        console.print(table)
