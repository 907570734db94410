"""Checks the shape of outside text with pydantic and says what is wrong in the author's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

import pydantic
import pydantic.fields
from pydantic_core import ErrorDetails

from config.oidc_settings import ISSUER
from config.problems import MAX_PROBLEMS, as_said, did_you_mean
from config.yaml_sentences import missing_blank

Path = tuple[str | int, ...]
Report = Callable[[Path, str], None]
M = TypeVar("M", bound=pydantic.BaseModel)

_WANTED = {
    "string_type": "a text (put it in quotes)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "list_type": "a list (- item)",
    "tuple_type": "a list (- item)",
    "path_type": "a path",
}

_MAPPINGS = ("dict_type", "model_type", "model_attributes_type")

#: What is allowed, for people who do not read patterns.
PATTERN_WORDS = {
    r"^[A-Za-z0-9_-]{1,40}$": "a name has 1 to 40 letters a to z, digits, _ and -",
    r"^[A-Za-z0-9_.-]{1,40}$": "a name has 1 to 40 letters a to z, digits, dots, _ and -",
    r"^[A-Za-z0-9_.@-]{1,40}$": "a login has 1 to 40 letters a to z, digits, dots, _, @ and -",
    r"^[A-Za-z][A-Za-z0-9_]{0,39}$": (
        "a name has 1 to 40 letters a to z, digits and _, a letter first"
    ),
    r"^[A-Za-z0-9 .-]{1,40}$": "a subdivision is written like BE or CA",
    r"^[a-z]{2,3}$": "a language is written like en or zh",
    r"^\+[1-9][0-9]{0,14}$": "a number's beginning is written like +49 or +1900",
    r"^[A-Z]{2}$": "a country is written like US or CN",
    r"^https?://[^\s/?#@]+(/[^\s?#]*)?$": (
        "an address is written like https://crm.example.com, without a user, ? and #"
    ),
    r"^https?://[^\s/?#@]+(/[^\s#]*)?$": (
        "an address is written like https://crm.example.com/hook, without a user and #"
    ),
    ISSUER: "a provider is written like https://id.example.com/realms/office",
    r"^https?://\S+$": "an address is written like http://pbx.example.com:8080",
    r"^[A-Za-z0-9_.-]{1,80}$": "a name has 1 to 80 letters a to z, digits, dots, _ and -",
    r"^([A-Za-z0-9_]{1,80})?$": "a name has up to 80 letters a to z, digits and _",
    r"^[A-Za-z0-9-]{1,60}$": "a header has 1 to 60 letters a to z, digits and -",
    r"^(auto|json2|jsonrpc)$": "it is auto, json2 or jsonrpc",
    r"^[0-9]{0,20}$": "it is digits only",
    r"^v[0-9]{2,3}\.[0-9]$": "a version is written like v62.0",
}

_LIMITS = {
    "Input should be": "must be",
    "String should have": "must have",
    "Value should": "must",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "above",
    "less than": "below",
}

#: What an author may not expect to be wanted.
_MISSING = {"then": "'then' is missing: what comes next, like then: {queue: NAME}"}


def check_shape(model: type[M], raw: Any, path: Path, report: Report) -> M | None:
    """The model, or None after `report(path, sentence)` was told everything that is wrong."""
    try:
        return model.model_validate(raw)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False)[:MAX_PROBLEMS]:
            where = tuple(part for part in detail["loc"] if part != "[key]")
            report((*path, *where), _sentence(model, detail, path))
        return None


def _sentence(model: type[pydantic.BaseModel], detail: ErrorDetails, path: Path) -> str:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    kind, context = detail["type"], detail.get("ctx", {})
    name = str(location[-1] if location else path[-1] if path else "this")[:60]
    if kind == "extra_forbidden":
        known = _fields(model, location[:-1])
        hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
        return f"unknown key '{name}'{hint}"
    if kind == "missing":
        return _MISSING.get(name, f"'{name}' is missing")
    if kind == "value_error":
        return str(context["error"])
    return f"{_called(location or path, name)} {_must(kind, detail, context)}"


def _called(path: tuple[int | str, ...], name: str) -> str:
    """People count the items of a list from 1."""
    last = path[-1] if path else None
    return f"item {last + 1} of the list" if isinstance(last, int) else f"'{name}'"


def _must(kind: str, detail: ErrorDetails, context: dict[str, Any]) -> str:
    is_secret = "secret" in str(detail["loc"][-1:])
    said = "what is there" if is_secret else as_said(detail["input"])
    if kind in _MAPPINGS and isinstance(detail["input"], str):
        joined = missing_blank(detail["input"])
        said = f"{said}; {joined}" if joined else said
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {said}"
    if kind in ("literal_error", "enum"):
        if context["expected"] in ("True", "False"):
            return f"must be {str(context['expected']).lower()}, not {said}"
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        hint = did_you_mean(str(detail["input"]), choices.split(", "))
        return f"must be one of {choices}, not {said}{hint}"
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        wanted = PATTERN_WORDS.get(pattern, f"it must look like {pattern}")
        return f"cannot be {said}; {wanted}"
    return _of_size(kind, context) or f"{_limit(detail['msg'])}, not {said}"


def _of_size(kind: str, context: dict[str, Any]) -> str | None:
    if kind == "too_short":
        return "must not be empty"
    return f"holds more than {context['max_length']} items" if kind == "too_long" else None


def _limit(message: str) -> str:
    """Pydantic's own words, a little plainer."""
    for its, ours in _LIMITS.items():
        message = message.replace(its, ours)
    return f"{message[0].lower()}{message[1:]}"


def _fields(model: type[pydantic.BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model that `location` leads to, from `model`."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) or _by_alias(model, part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _by_alias(model: type[pydantic.BaseModel], name: str) -> pydantic.fields.FieldInfo | None:
    return next((one for one in model.model_fields.values() if one.alias == name), None)


def _model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The one model of a field that holds it, or a list of it, or nothing."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    if get_origin(annotation) is dict:
        return None
    found = [model for part in get_args(annotation) if (model := _model_in(part)) is not None]
    return found[0] if len(found) == 1 else None
