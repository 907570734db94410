"""What an adapter makes of what a CRM tells of our user's rights."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter import rights
from crm_adapter.adapter import Forbidden
from crm_adapter.adapters import (
    espocrm_rights,
)
from crm_adapter.rights import Advice, Rights

pytestmark = pytest.mark.unit


async def _asked(told: Rights) -> Rights:
    return told


async def test_all_that_is_missing_is_named_at_once() -> None:
    told = rights.of([("create Lead", False), ("edit Lead", True), ("create Task", False)])
    with pytest.raises(Forbidden, match="may not create Lead; nor create Task: grant it"):
        await rights.warnings_of("acme", _asked(told), Advice("grant it", ""))


async def test_what_is_not_told_of_is_a_warning_each() -> None:
    told = rights.of([("create Lead", None), ("edit Lead", True)])
    assert await rights.warnings_of("acme", _asked(told), Advice("", "")) == [
        "the right to create Lead could not be tried without writing"
    ]


async def test_where_all_is_told_there_is_nothing_to_say() -> None:
    told = rights.of([("create Lead", True)])
    assert await rights.warnings_of("acme", _asked(told), Advice("", "")) == []


@pytest.mark.parametrize(
    ("table", "has"),
    [
        ({"Lead": {"create": "yes"}}, True),
        ({"Lead": {"create": "no"}}, False),
        ({"Lead": {"create": "all"}}, True),
        ({"Lead": True}, True),
        ({"Lead": False}, False),
        ({}, False),
        ({"Lead": {}}, None),
        ({"Lead": {"create": 3.5}}, None),
        ({"Lead": []}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_scope_of_espocrm_without_a_word_may_not_be_used(table: Any, has: bool | None) -> None:
    user = {"user": {"type": "api"}, "acl": {"table": table}}
    assert dict(espocrm_rights.told(user))["create Lead"] is has


def test_an_administrator_of_espocrm_may_do_all() -> None:
    told = dict(espocrm_rights.told({"user": {"type": "admin"}, "acl": {"table": {}}}))
    assert set(told.values()) == {True}
