"""Addresses and networks as the settings name them."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator


def _checked(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        why = f"'{text[:60]}' is no network: write it like 10.0.0.5 or 10.0.0.0/24"
        raise ValueError(why) from None
    return text


NetworkText = Annotated[str, AfterValidator(_checked)]
