"""The language of rulebooks as JSON Schema (draft 2020-12), for editors: made from the same shapes
that the loader reads with, so that neither knows a key which the other does not.

What hangs together across parts (names, ways, languages) only the loader can see.
"""

from __future__ import annotations

import copy
from typing import Any, get_args

from config.condition_schema import condition_schemas
from config.reading.actions import ACTION_SHAPES, MAX_TYPED
from config.reading.calendars import HolidaysPart
from config.reading.examples import TestPart
from config.reading.experiments import ArmPart, ExperimentPart
from config.reading.hours import HoursPart
from config.reading.leads import LONGEST_WAIT_S, LeadPart
from config.reading.menus import MenuPart, OfferSlotPart, OptionPart, RetryPart
from config.reading.numbers import NumberPart, PopPart, RecordCallsPart
from config.reading.offers import CapPart, OfferPart
from config.reading.parts import FACT_NAME, LANGUAGE, NAME, SHAPE_KEY, Lead, Part
from config.reading.periods import ClosurePart, PromotionPart
from config.reading.programmes import HoldEntryPart
from config.reading.rules import THEN_SHAPES, RulePart, RulesPart
from config.reading.segments import SegmentPart
from config.reading.skills import SkillPart
from config.reading.webhooks import WebhookPart
from config.rulebook import RULE_GROUPS

Schema = dict[str, Any]

_SHAPES: tuple[type[Part], ...] = (
    ArmPart,
    CapPart,
    ClosurePart,
    ExperimentPart,
    HoldEntryPart,
    HolidaysPart,
    HoursPart,
    LeadPart,
    MenuPart,
    NumberPart,
    OfferPart,
    OfferSlotPart,
    OptionPart,
    PopPart,
    PromotionPart,
    RecordCallsPart,
    RetryPart,
    RulesPart,
    SegmentPart,
    SkillPart,
    TestPart,
    WebhookPart,
)
_SECTIONS = {
    "texts": "Texts with a name, for `say: NAME`.",
    "numbers": "What was dialled decides where the story starts.",
    "hours": "When somebody is there.",
    "holidays": "Calendars of holidays with a name, for several hours.",
    "closures": "Doors shut for a while.",
    "promotions": "From one day to another: facts like promotion.black_week.",
    "segments": "Groups of contacts in your own words, for `caller.segments`.",
    "skills": "Agents' penalties in their queues tell what they can do.",
    "webhooks": "Systems of the company's own that are asked during a call.",
    "menus": "What callers may choose from.",
    "rules": "In each group the first rule that matches answers its question.",
    "programmes": "What is heard while waiting, again and again.",
    "offers": "Products that are proposed, and how often at most.",
    "experiments": "Ways to treat callers side by side; one that does harm ends by itself.",
    "tests": "Examples that `switchboard check` tries.",
}


def json_schema() -> Schema:
    """Of one file of a rulebook; every section may stand in any file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Switchboard rulebook",
        "description": "What callers hear, where calls go, what is offered and what agents see.",
        "type": "object",
        "properties": {
            name: {**section, "description": _SECTIONS[name]}
            for name, section in _sections().items()
        },
        "additionalProperties": False,
        "minProperties": 1,
        "$defs": _definitions(),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _named(name: str, item: Schema) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": name},
        "additionalProperties": item,
    }


def _sections() -> dict[str, Schema]:
    number = r"^(default|\+?[0-9][0-9 ().-]{0,29})$"
    entries = {"type": "array", "items": _ref("HoldEntryPart"), "minItems": 1}
    return {
        "texts": {"type": "object", "additionalProperties": _ref("text")},
        "numbers": _named(number, _ref("NumberPart")),
        "hours": _named(FACT_NAME, _ref("HoursPart")),
        "holidays": {"type": "object", "additionalProperties": _ref("HolidaysPart")},
        "closures": {"type": "object", "additionalProperties": _ref("ClosurePart")},
        "promotions": _named(FACT_NAME, _ref("PromotionPart")),
        "segments": _named(FACT_NAME, _ref("SegmentPart")),
        "skills": {"type": "object", "additionalProperties": _ref("SkillPart")},
        "webhooks": _named(FACT_NAME, _ref("WebhookPart")),
        "menus": _named(NAME, _ref("MenuPart")),
        "rules": _ref("RulesPart"),
        "programmes": _named(NAME, entries),
        "offers": _named(NAME, _ref("OfferPart")),
        "experiments": _named(FACT_NAME, _ref("ExperimentPart")),
        "tests": {"type": "array", "items": _ref("TestPart")},
    }


def _definitions() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for shape in (*_SHAPES, *ACTION_SHAPES.values()):
        found.update(_of_shape(shape))
    found.update(_by_hand())
    found.update(_actions(found))
    found.update(_rules())
    found.update(condition_schemas())
    return dict(sorted(found.items()))


def _of_shape(shape: type[Part]) -> dict[str, Schema]:
    raw = shape.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    inner = raw.pop("$defs", {})
    return {name: _cleaned(schema) for name, schema in {**inner, shape.__name__: raw}.items()}


def _cleaned(schema: Any) -> Any:
    """Without pydantic's titles and empty defaults; shapes with their own readers by reference."""
    if isinstance(schema, list):
        return [_cleaned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {
        key: _cleaned(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }
    shape = cleaned.pop(SHAPE_KEY, None)
    return {**_ref(shape), **cleaned} if shape else cleaned


def _by_hand() -> dict[str, Schema]:
    spans = {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2} ?- ?[0-9]{1,2}:[0-9]{2}$"}
    day = "(mon|tue|wed|thu|fri|sat|sun)"
    return {
        "text": {
            "description": "A text, one text per language, or the name of one of `texts`.",
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {**_named(LANGUAGE, {"type": "string", "pattern": r"\S"}), "minProperties": 1},
            ],
            "examples": [
                "Welcome{% if caller.first_name %}, {{ caller.first_name }}{% endif %}.",
                {"en": "To order something", "zh": "订购商品"},
                "You have {{ caller.balance | money }}.",
            ],
        },
        "week": {
            "description": "By day or days; what is missing is closed.",
            "type": "object",
            "propertyNames": {"pattern": f"^{day}(-{day})?$"},
            "additionalProperties": {"anyOf": [spans, {"type": "array", "items": spans}]},
            "examples": [{"mon-fri": "09:00-18:00", "sat": ["10:00-13:00", "14:00-16:00"]}],
        },
        "holidays": {"anyOf": [{"type": "string"}, _ref("HolidaysPart")]},
        "moment": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:]{2,8})?$",
            "examples": ["2026-11-23", "2026-11-23T08:00"],
        },
        "mailbox": {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,20}(@[A-Za-z0-9_-]+)?$"},
            ],
            "examples": [100, "100@sales"],
        },
        "digit_count": _digit_count(),
        "hold_callback": {"anyOf": [{"const": True}, {"const": False}, _ref("text")]},
        "lead": {
            "anyOf": [{"enum": [*get_args(Lead)]}, _ref("LeadPart")],
            "examples": [
                "on_answer",
                {"when": "on_abandon", "after_s": 10, "owner": ["last_active", "queue:sales"]},
            ],
        },
        "missed_task": {
            "anyOf": [
                {"type": "boolean"},
                {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_S},
            ],
            "examples": [True, 20],
        },
        "option": {"anyOf": [_ref("OptionPart"), _ref("OfferSlotPart")]},
    }


def _digit_count() -> Schema:
    count = {"type": "integer", "minimum": 1, "maximum": MAX_TYPED}
    pair = {"type": "array", "items": count, "minItems": 2, "maxItems": 2}
    return {"anyOf": [count, pair], "examples": [8, [4, 10]]}


def _actions(found: dict[str, Schema]) -> dict[str, Schema]:
    """An action, and in a route rule the same with `skip_menu` beside it."""
    names = [shape.__name__ for shape in ACTION_SHAPES.values()]
    description = f"What is done: exactly one of {', '.join(ACTION_SHAPES)}."
    examples: list[Any] = [
        {"queue": "sales"},
        {"menu": "main"},
        {"say": "Goodbye.", "then": {"hangup": True}},
        {"collect": "order_number", "say": "Your order?", "then": {"queue": "sales"}},
    ]
    routes = {}
    for name in names:
        route = copy.deepcopy(found[name])
        route["properties"]["skip_menu"] = {
            "type": "boolean",
            "description": "The menu is not spoken.",
        }
        routes[f"Route{name}"] = route
    return {
        "action": {
            "description": description,
            "anyOf": [*map(_ref, names)],
            "examples": examples,
        },
        "route_action": {"description": description, "anyOf": [*map(_ref, routes)]},
        **routes,
    }


def _rules() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for group in RULE_GROUPS:
        rule = _of_shape(RulePart)["RulePart"]
        if group == "route":
            rule["properties"]["then"] = _ref("route_action")
        else:
            shape = THEN_SHAPES[group]
            found.update(_of_shape(shape))
            rule["properties"]["then"] = _ref(shape.__name__)
        found[f"{group}_rule"] = rule
    return found
