"""Which address is opened for whom, and with which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config.pop_address import FIELDS
from config.pop_settings import PopUrl
from screenpop.delivery.open_address import OpenAddresses
from screenpop.pops.content import OpenShown, PopContent
from screenpop.pops.stories import Stories
from tests.acceptance.desktop.hostile import NAMES
from tests.fakes.ringing_call import (
    RingingCall,
    household,
    now,
    stranger,
    victoria,
    withheld_caller,
)

pytestmark = pytest.mark.unit

EVERYTHING = "https://h.example/?" + "&".join(f"{name}={{{name}}}" for name in FIELDS)


def content_of(call: RingingCall, *happened: Any, selected: str | None = None) -> PopContent:
    stories = Stories()
    for event in (call.arrived(), *happened, call.queued()):
        stories.learn(event)
    stories.of(call.id).selected = selected
    return stories.of(call.id).as_content(now().date())


def opened(content: PopContent, *addresses: PopUrl) -> OpenShown | None:
    return OpenAddresses(addresses)(content, "anna")


def values_of(address: OpenShown | None) -> dict[str, Sequence[str]]:
    assert address is not None
    return parse_qs(urlsplit(address.url).query, keep_blank_values=True)


def test_every_field_has_its_word() -> None:
    call = RingingCall()
    content = content_of(call, call.identified(victoria()), call.pressed("2", "where_is_my_order"))
    said = values_of(opened(content, PopUrl(url=EVERYTHING)))
    assert {name: value for name, [value] in said.items()} == {
        "number": "+12025550102",
        "network_name": "V STONE",
        "dialled": "+18005550100",
        "queue": "support",
        "call_id": str(call.id),
        "uniqueid": call.id.linkedid,
        "agent": "anna",
        "contact": "embedded:c-102",
        "contact_id": "c-102",
        "name": "Victoria Stone",
        "company": "Stone & Daughters",
        "language": "en",
        "attestation": "A",
        "outcome": "unique",
        "tier": "vip",
        "intent": "where_is_my_order",
        "arrived": str(round(call.call.arrived_at.timestamp())),
    }


def test_a_withheld_number_is_nobodys() -> None:
    call = RingingCall(number="+12025550199", withheld=True)
    said = values_of(
        opened(content_of(call, call.identified(withheld_caller())), PopUrl(url=EVERYTHING))
    )
    assert (said["number"], said["network_name"], said["name"]) == ([""], [""], [""])


@pytest.mark.parametrize(
    ("caller", "selected", "path"),
    [
        (victoria(), None, "/c/c-102"),
        (household(), None, "/search"),
        (household(), "embedded:c-202", "/c/c-202"),
        (stranger(), None, "/search"),
        (None, None, None),
    ],
)
def test_known_callers_have_their_page_and_unknown_ones_another(
    caller: Any, selected: str | None, path: str | None
) -> None:
    """Who is not looked up yet has none: they may be known in a moment."""
    addresses = (
        PopUrl(url="https://h.example/c/{contact_id}", callers="known", open="auto"),
        PopUrl(url="https://h.example/search?{number}", callers="unknown"),
    )
    call = RingingCall()
    content = content_of(call, *([call.identified(caller)] if caller else []), selected=selected)
    shown = opened(content, *addresses)
    assert (urlsplit(shown.url).path if shown else None) == path
    if shown is not None:
        assert shown.mode == ("click" if path == "/search" else "auto")


def test_a_queue_of_its_own_address_has_no_other() -> None:
    default = PopUrl(url="https://h.example/all")
    sales = PopUrl(url="https://h.example/sales", queues=("sales",))
    support = PopUrl(url="https://h.example/support", queues=("support",), callers="unknown")
    call = RingingCall()
    content = content_of(call, call.identified(victoria()))
    assert values_of(opened(content, sales, default)) == {}
    assert (opened(content, sales, default) or default).url.endswith("/all")
    assert opened(content, sales) is None
    assert opened(content, default, support) is None


@pytest.mark.parametrize("name", NAMES)
def test_hostile_callers_stay_one_value(name: str) -> None:
    call = RingingCall(name=name)
    content = content_of(call, call.identified(stranger()))
    shown = opened(content, PopUrl(url="https://h.example/find?n={network_name}&end=1"))
    assert shown is not None
    assert urlsplit(shown.url).netloc == "h.example"
    assert values_of(shown)["end"] == ["1"]
    assert set(values_of(shown)) == {"n", "end"}
    assert not set(shown.url) & set("<>\"'`{}\\ \r\n\0")
