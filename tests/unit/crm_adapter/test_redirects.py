"""A redirect means a merge only where nothing but the record's id differs."""

from __future__ import annotations

import pytest

from crm_adapter.adapter import Redirected, Unavailable
from crm_adapter.http.redirects import merged_into
from crm_adapter.http.replies import Reply, by_status

pytestmark = pytest.mark.unit

ASKED = "https://crm.example/api/contacts/7/calls?a=7"


def told(location: str, status: int = 301) -> Unavailable:
    error = by_status(Reply("acme", status, {"location": location}, b"", ASKED), True)
    assert isinstance(error, Unavailable)
    return error


@pytest.mark.parametrize("status", [301, 302, 308])
@pytest.mark.parametrize(
    "location", ["https://crm.example/api/contacts/9/calls", "/api/contacts/9/calls", "../9/calls"]
)
def test_another_id_in_its_place_is_the_heir(location: str, status: int) -> None:
    error = told(location, status)
    assert isinstance(error, Redirected)
    assert merged_into(error, "7") == "9"
    assert merged_into(error, "lead:7") == "lead:9"
    assert merged_into(error, "8") is None


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://crm.example/api/contacts/9/calls",
        "https://evil.example/api/contacts/9/calls",
        "//evil.example/api/contacts/9/calls",
        "https://crm.example/login",
        "/api/contacts/7/calls/",
        "/v2/contacts/9/calls",
        "/api/contacts/9%2F8/calls",
        "/api/contacts/%00/calls",
        "/api/contacts//calls",
        "https://[broken",
    ],
)
def test_anything_else_is_a_wrong_address(location: str) -> None:
    error = told(location)
    assert "address in the settings" in str(error)
    assert not isinstance(error, Redirected) or merged_into(error, "7") is None
