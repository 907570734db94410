"""Conditions as JSON Schema: every fact with the operators and values that fit it."""

from __future__ import annotations

from typing import Any

from config.condition_reader import MAX_LIST, MAX_PATTERN, OPERATORS_BY_KIND
from config.facts import FACTS, PROPENSITY, PROPENSITY_FACT, SEGMENT_FACTS, Fact, FactKind
from config.opening_hours import Doors

Schema = dict[str, Any]

_PART = "[A-Za-z][A-Za-z0-9_]{0,39}"
#: Facts that a rulebook adds itself.
_OWN: dict[str, Fact] = {
    rf"^hours\.{_PART}$": Fact(FactKind.TEXT, tuple(Doors)),
    rf"^opens\.{_PART}$": Fact(FactKind.MOMENT),
    rf"^promotion\.{_PART}$": Fact(FactKind.YES_NO),
    rf"^experiment\.{_PART}$": Fact(FactKind.TEXT),
    rf"^typed\.{_PART}$": Fact(FactKind.TEXT),
}
_ANSWERS = rf"^answers\.{_PART}\.{_PART}$"
_ANSWER_KINDS = (FactKind.TEXT, FactKind.WHOLE, FactKind.NUMBER, FactKind.YES_NO)

_VALUES: dict[FactKind, Schema] = {
    FactKind.YES_NO: {"type": "boolean"},
    FactKind.WHOLE: {"type": "integer"},
    FactKind.NUMBER: {"type": "number"},
    FactKind.TEXT: {"type": "string"},
    FactKind.SET: {"type": "string"},
    FactKind.MONEY: {"type": "number"},
    FactKind.DATE: {},
    FactKind.MOMENT: {},
}


def condition_schemas() -> dict[str, Schema]:
    """`condition`; `offer_condition`, which may ask for the propensity too; and
    `segment_condition`, which asks for what is known of a contact without a call."""
    plain = {name: _asked(fact) for name, fact in FACTS.items()}
    propensity = {PROPENSITY: _asked(PROPENSITY_FACT)}
    return {
        "condition": _condition("condition", plain),
        "offer_condition": _condition("offer_condition", {**plain, **propensity}),
        "segment_condition": _condition(
            "segment_condition", {name: plain[name] for name in SEGMENT_FACTS}, own=False
        ),
    }


def _condition(name: str, facts: dict[str, Schema], *, own: bool = True) -> Schema:
    inner = {"$ref": f"#/$defs/{name}"}
    several = {"type": "array", "items": inner, "minItems": 1}
    return {
        "description": "Facts and what they must be; all of them together.",
        "type": "object",
        "minProperties": 1,
        "properties": {"all": several, "any": several, "not": inner, **facts},
        "patternProperties": _patterns() if own else {},
        "additionalProperties": False,
        "examples": [
            {"caller.tier": "vip", "caller.open_complaints": {"gt": 0}},
            {"any": [{"hours.shop": "closed"}, {"not": {"caller.known": True}}]},
        ]
        if own
        else [{"caller.monetary": {"gte": 4}, "caller.lifecycle": ["at_risk", "dormant"]}],
    }


def _patterns() -> Schema:
    return {
        **{pattern: _asked(fact) for pattern, fact in _OWN.items()},
        _ANSWERS: {"anyOf": [_asked(Fact(kind)) for kind in _ANSWER_KINDS]},
    }


def _asked(fact: Fact) -> Schema:
    value = {"enum": list(fact.choices)} if fact.choices else {**_VALUES[fact.kind]}
    bounds = {"minimum": fact.least, "maximum": fact.most}
    value |= {name: bound for name, bound in bounds.items() if bound is not None}
    operators = {
        "type": "object",
        "minProperties": 1,
        "properties": {name: _operand(name, value) for name in OPERATORS_BY_KIND[fact.kind]},
        "additionalProperties": False,
    }
    shorthand = [value] if value and fact.kind is not FactKind.MONEY else []
    if "in" in OPERATORS_BY_KIND[fact.kind]:
        shorthand.append(_operand("in", value))
    described = {"description": f"{str(fact.kind).capitalize()}."}
    return {**described, "anyOf": [*shorthand, operators]}


def _operand(operator: str, value: Schema) -> Schema:
    match operator:
        case "exists":
            return {"type": "boolean"}
        case "in" | "not_in":
            return {"type": "array", "items": value, "minItems": 1, "maxItems": MAX_LIST}
        case "between":
            return {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
        case "matches":
            return {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN}
    return value
