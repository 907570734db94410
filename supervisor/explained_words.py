"""Identity, numbers and reasons of an explained call, in the words of people. Pure."""

from __future__ import annotations

from typing import Any

from config.conditions import seen_as

#: By the outcome of the look-up.
_OUTCOMES = {
    "none": "nobody in the CRM has this number",
    "multiple": "several people in the CRM have this number: nobody is guessed",
    "withheld": "the number is withheld",
    "internal": "an extension of the house: not looked up",
    "own": "one of our own numbers: not looked up",
    "error": "the CRM could not be asked",
    "timeout": "the CRM did not answer in time",
}
#: By the method, where it says more.
_METHODS = {
    "unreadable": "not a number that can be called: not looked up",
    "nothing": "not looked up",
}
_RECOGNISED = {"e164": "by the number", "typed_key": "by what they typed"}


def identity_in_words(identity: dict[str, Any]) -> str:
    outcome, method, sure = identity["outcome"], identity["method"], identity["confidence"]
    if outcome != "unique":
        return _METHODS.get(method) or _OUTCOMES.get(outcome, outcome)
    how_sure = "" if sure is None else f", sure to {share(sure)}"
    return f"recognised {_RECOGNISED.get(method, f'by {method}')}{how_sure}"


def share(value: float | None) -> str:
    """In per cent, of two digits that count."""
    return "" if value is None else f"{float(f'{100 * value:.2g}'):g}%"


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def value_in_words(value: Any) -> str:
    """Of a fact as JSON holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"{value['amount']} {value['currency']}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def sets_among(facts: dict[str, Any]) -> dict[str, str]:
    """By fact: the words with which reasons tell a list of codes, again in each of them."""
    return {
        name: seen_as(name, frozenset(map(str, value)))[1]
        for name, value in facts.items()
        if isinstance(value, list)
    }


def in_short(reason: str, sets: dict[str, str]) -> str:
    """Without the whole list of codes each time one of them is asked for."""
    for name, words in sets.items():
        reason = reason.replace(f"{words}, not with ", f"{name} without ")
        reason = reason.replace(f"{words}, with ", f"{name} with ")
    return reason
