"""What is known of a contact as numbers, seen from the moment the phone rings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class CategoryHistory:
    """Of what one contact bought: this category's share of all lines that name a category, and the
    days since the last of it."""

    share: float
    days_since: float


@dataclass(frozen=True, slots=True)
class ContactFeatures:
    """`values` stand in the order of the names that `schema` stands for; NaN is not known."""

    schema: str
    values: tuple[float, ...]
    #: At most 40; what is left over is `other`.
    categories: Mapping[str, CategoryHistory] = field(default_factory=lambda: MappingProxyType({}))
