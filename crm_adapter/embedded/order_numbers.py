"""What a caller types for an order whose owner gave it no number: the digits of its id."""

from __future__ import annotations

import re

from crm_adapter.embedded import tables


def order_number(order_id: str) -> str | None:
    """None where there are no digits, or more than anybody types."""
    digits = re.sub(r"[^0-9]", "", order_id)
    return digits if 0 < len(digits) <= tables.DIGITS else None
