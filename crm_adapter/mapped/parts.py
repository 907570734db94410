"""Words that the mappings for databases and for APIs share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """The text below a key is its description in the published JSON Schema."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        arbitrary_types_allowed=True,
    )


def one_or_many(value: Any) -> Any:
    """A list of one may be written without its dash."""
    return [value] if isinstance(value, dict) else value
