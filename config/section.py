"""What one section of the settings is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Section(BaseModel):
    """The text below a key is its description, here and in the README."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
