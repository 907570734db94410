"""What `explain` found, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from supervisor.decided_anew import routed
from supervisor.explained_call import render_course
from supervisor.explained_tables import print_table
from supervisor.explained_words import (
    identity_in_words,
    in_short,
    seconds,
    sets_among,
    share,
    value_in_words,
)

#: Hold entries by kind, where they have no text of their own.
_HOLD_WORDS = {
    "music": "music for {seconds:g} s",
    "position": "where the caller stands in the queue, and for how long",
    "callback": "the offer to be called back",
}
#: Of the caller's own arm.
_CONTROL = "in the control group: the plain menu, no offers"
_OPTIONS = ("key", "intent", "says", "wanted", "takes", "because")
_LEGEND = "wanted: how likely this caller chooses it; takes: how long it is to listen to"
_OFFER_LEGEND = "wanted: how likely this caller buys it within the horizon, asked or not"
#: Steps of a straight way, where their names say too little.
_STEP_WORDS = {
    "hangup": "we hang up",
    "record message": "a message is recorded",
    "record name": "the caller's name is recorded",
}
#: Steps of a straight way on which a caller ends.
_ENDS = ("queue", "hangup", "voicemail", "transfer")


def render(explained: dict[str, Any], console: Console) -> None:
    """`explained` as `supervisor.explain` gives it."""
    if "asked_for" in explained:
        console.print(Text(f"{explained['asked_for']}: {explained['call']['id']}"))
    decision = explained["decision"]
    _render_caller(explained["identity"], explained["caller"], console)
    _render_tried(explained.get("tried") or {}, console)
    if decision is None:
        console.print(Text("no decision was made for this call"))
    else:
        _render_decision(explained, decision, console)
    if "call" in explained:
        render_course(explained["call"], console)
    console.print(Text(f"rulebook {explained['rulebook_version'] or 'none'}", style="dim"))


def _render_decision(explained: dict[str, Any], decision: dict[str, Any], console: Console) -> None:
    sets = sets_among(decision.get("facts", {}))
    for name, words in sets.items():
        if decision["facts"][name]:
            console.print(Text(f"  {words}"))
    _render_route(explained, decision, console)
    way = explained.get("way") or []
    # What is one step, the route says; the menu it leads to is below.
    steps = way if len(way) > 1 or (way and way[0]["says"]) else []
    for step in steps:
        _render_step(step, console)
    _render_menus(decision, way[-1] if way else None, sets, console)
    _render_offers(decision, sets, console)
    if not (way and way[-1]["does"] in _ENDS[1:]):
        _render_hold(decision, console)
    _render_pop(decision, console)
    _render_rules(decision, sets, console)


def _render_caller(identity: dict[str, Any], caller: dict[str, Any], console: Console) -> None:
    console.print(Text(_who(caller, identity["outcome"]), style="bold"))
    console.print(Text(f"  {identity_in_words(identity)}"))
    several = identity["candidates"] if identity["outcome"] == "multiple" else ()
    for candidate in several:
        console.print(Text(f"  could be {candidate['name']} ({candidate['ref']})"))
    if caller["tier"]:
        console.print(Text(f"  tier {caller['tier']}, {caller['lifecycle']}"))


def _who(caller: dict[str, Any], outcome: str) -> str:
    if caller["number"] is None and not caller["ref"]:
        return "a caller without a number that can be looked up"
    nameless = f"contact {caller['ref']}, who has no name" if caller["ref"] else None
    nobody = "the number of several people" if outcome == "multiple" else "nobody the CRM knows"
    who = caller["name"] or caller["company"] or nameless or nobody
    return f"{caller['number'] or 'a caller without a number'} is {who}"


def _render_tried(tried: dict[str, Any], console: Console) -> None:
    if tried.get("at"):
        console.print(Text(f"tried at {tried['at']}"))
    for name, value in tried.get("facts", {}).items():
        console.print(Text(f"tried with {name}={value_in_words(value)}"))


def _render_route(explained: dict[str, Any], decision: dict[str, Any], console: Console) -> None:
    # Calls that were decided by an older version kept less.
    if decision.get("doors"):
        console.print(Text(f"doors: {decision['doors']}"))
    if decision.get("arm") == "control":
        console.print(Text(_CONTROL))
    for experiment, arm in decision.get("arms", {}).items():
        console.print(Text(f"in the experiment {experiment}: the arm {arm}"))
    dialled = explained["dialled"]
    if explained.get("entry") == "default" != dialled:
        dialled += " (not listed: the entry `default` is used)"
    console.print(Text(f"having dialled {dialled} goes to {routed(decision['route'])}"))


def _render_step(step: dict[str, Any], console: Console) -> None:
    if step["does"] == "menu":
        return  # printed with its options
    if step["says"]:
        console.print(Text(f"  “{step['says']}”"))
    if step["does"] != "say":
        upto = f", of up to {step['seconds']:g} s" if step["seconds"] else ""
        console.print(Text(f"then {_STEP_WORDS.get(step['to'], step['to'])}{upto}"))


def _render_menus(
    decision: dict[str, Any],
    goal: dict[str, Any] | None,
    sets: dict[str, str],
    console: Console,
) -> None:
    """`goal` is the end of the straight way, None of a call that was."""
    if decision["menu"] is not None:
        console.print(Text(f"hears the menu {decision['menu']} in {decision['language']}"))
        if decision["greeting"]:
            console.print(Text(f"  “{decision['greeting']}”"))
        _render_options(decision["options"], sets, console)
    for name, options in decision.get("menus", {}).items():
        console.print(Text(f"{'then hears' if goal else 'came to'} the menu {name}"))
        if goal and goal["says"]:
            console.print(Text(f"  “{goal['says']}”"))
        _render_options(options, sets, console)
    if decision["menu"] is not None and decision.get("model", "none") != "none":
        versions = ", ".join(f"{kind} {v}" for kind, v in decision.get("models", {}).items())
        by = f"{decision['model']} ({versions})" if versions else decision["model"]
        console.print(Text(f"  probabilities by {by}", style="dim"), soft_wrap=True)


def _render_options(options: list[dict[str, Any]], sets: dict[str, str], console: Console) -> None:
    rows = [
        (
            option["digit"],
            f"{option['intent']} (offer)" if option.get("offer") else option["intent"],
            option["say"],
            share(option.get("probability")),
            seconds(option.get("seconds")),
            in_short("; ".join(option["reasons"]), sets),
        )
        for option in options
    ]
    print_table(_OPTIONS, rows, console, text="says")
    if any(row[3] or row[4] for row in rows):
        console.print(Text(f"  {_LEGEND}", style="dim"))


def _render_offers(decision: dict[str, Any], sets: dict[str, str], console: Console) -> None:
    rows = [
        (
            offer["offer"],
            "made" if offer["chosen"] else "no",
            share(offer.get("propensity")),
            _chance(offer.get("probability")),
            in_short("; ".join(offer["reasons"]), sets),
        )
        for offer in decision["offers"]
    ]
    print_table(("offer", "", "wanted", "chance", "because"), rows, console)
    if any(row[2] for row in rows):
        console.print(Text(f"  {_OFFER_LEGEND}", style="dim"))
    for offer in decision["offers"]:
        if offer["chosen"] and offer.get("agent"):
            console.print(Text(f"  the agent may say: “{offer['agent']}”"))


def _chance(probability: float | None) -> str:
    """Said only where chance had a part in it."""
    return share(probability) if probability is not None and 0 < probability < 1 else ""


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


def _render_rules(decision: dict[str, Any], sets: dict[str, str], console: Console) -> None:
    rows = [
        (
            f"{rule['group']}: {rule['name']}",
            "matched" if rule["matched"] else "no",
            in_short(rule["because"], sets),
        )
        for rule in decision["rules"]
    ]
    print_table(("rule", "", "because"), rows, console)
