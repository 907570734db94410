"""A mapping's secrets that everybody knows: refused where they lead to another machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yarl import URL

from config.known_secrets import is_known
from config.this_machine import is_this_machine
from crm_adapter.mapped.files import MappingFile, Way
from crm_adapter.rest.shapes import RestMapping

#: Parts of keys, beside the `value` of a header.
_NAMES = ("pass", "secret", "token", "key")


def check_known_secrets(mapping: RestMapping, file: MappingFile) -> None:
    """After values from outside were put in. What webhooks are believed by leads to us, where
    anybody may send some."""
    data = file.document.data
    addresses = (mapping.base_url, mapping.auth.token_url)
    is_here = all(_leads_here(one) for one in addresses if one)
    for way in (*_known(data.get("auth"), ("auth",)), *_known(data.get("headers"), ("headers",))):
        if is_here:
            file.warn(way, f"'{way[-1]}' is one that everybody knows: have the CRM take another")
        else:
            file.report(
                way,
                f"'{way[-1]}' is one that everybody knows, and leads to another machine: have the "
                "CRM take another",
            )
    for way in _known(data.get("webhook"), ("webhook",)):
        file.report(way, f"'{way[-1]}' is one that everybody knows: make another, there too")


def _known(value: Any, way: Way) -> Iterator[Way]:
    if isinstance(value, str):
        name = str(way[-1]).lower()
        if (name == "value" or any(part in name for part in _NAMES)) and is_known(value):
            yield way
        return
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield from _known(item, (*way, key))


def _leads_here(address: str) -> bool:
    try:
        return is_this_machine(URL(address).host or "")
    except ValueError:
        return False  # no address, which is told elsewhere
