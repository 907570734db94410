"""Words and kinds that the shapes of several sections share.

What has its own reader (texts, actions, conditions) is typed Any here, so that every problem in it
is reported even where something beside it is wrong. `config.json_schema` puts the published shape
in its place.
"""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

#: Queue, menu, intent, programme and rule names: what is also safe in Asterisk's dialplan.
NAME = r"^[A-Za-z0-9_-]{1,40}$"
#: What becomes part of a fact's name, which texts use too.
FACT_NAME = r"^[A-Za-z][A-Za-z0-9_]{0,39}$"
LANGUAGE = r"^[a-z]{2,3}$"
REGION = r"^[A-Z]{2}$"

#: Key under which a field names the published shape of what its own reader reads.
SHAPE_KEY = "x-shape"


def shaped(name: str) -> WithJsonSchema:
    return WithJsonSchema({SHAPE_KEY: name})


def _digit(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_key(value: str) -> str:
    if len(value) != 1 or value not in "0123456789*#":
        raise ValueError(
            f"'digit' must be one key of a telephone (0-9, * or #), not '{value[:20]}'"
        )
    return value


def known_timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(
            f"unknown time zone '{value[:60]}'; write it like Europe/Berlin"
        ) from error
    return value


Name = Annotated[str, Field(pattern=NAME)]
FactName = Annotated[str, Field(pattern=FACT_NAME)]
Digit = Annotated[
    str,
    BeforeValidator(_digit),
    AfterValidator(_one_key),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[0-9*#]$"}, {"enum": [*range(10)]}]}),
]
Digits = Annotated[
    str,
    BeforeValidator(_digit),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}),
]
Clock = Annotated[str, AfterValidator(known_timezone)]
Lead = Literal["never", "on_answer", "on_abandon", "always"]

RawText = Annotated[Any, shaped("text")]
RawLead = Annotated[Any, shaped("lead")]
RawAction = Annotated[Any, shaped("action")]
RawCondition = Annotated[Any, shaped("condition")]


class Part(BaseModel):
    """The text below a key is its description in the published JSON Schema."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )
