"""An amount with its currency: compared by amount, spoken by `config.spoken_values`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """`currency` is ISO 4217 (`USD`)."""

    amount: Decimal
    currency: str
