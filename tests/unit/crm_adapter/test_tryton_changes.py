"""Tryton's changes, where what it tells of them cannot be believed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from calls.deadlines import Deadline
from config.crm_settings import TrytonSettings
from crm_adapter.adapter import Unavailable
from crm_adapter.adapters.tryton import TrytonCrm

pytestmark = pytest.mark.unit

AT = {"__class__": "datetime", "year": 2026, "month": 3, "day": 2}
AT |= {"hour": 9, "minute": 30, "second": 0}


async def changes(monkeypatch: pytest.MonkeyPatch, rows: list[Any]) -> bool:
    settings = TrytonSettings(
        url="http://127.0.0.1:1", database="acme", username="u", password=SecretStr("p")
    )
    crm = TrytonCrm(settings=settings, region="GB")

    async def told(*args: Any, **more: Any) -> list[Any]:
        return rows

    monkeypatch.setattr(crm._rpc, "rows", told)
    return (await crm.changes(None, limit=1, deadline=Deadline.after(30))).more


@pytest.mark.parametrize("record_id", [None, "x", {}, 1.5])
async def test_a_page_that_cannot_be_gone_on_from_is_none(
    monkeypatch: pytest.MonkeyPatch, record_id: Any
) -> None:
    assert await changes(monkeypatch, [{"id": 7, "last_modified_at": AT}])
    with pytest.raises(Unavailable):
        await changes(monkeypatch, [{"id": record_id, "last_modified_at": AT}])
    with pytest.raises(Unavailable):
        await changes(monkeypatch, [{"id": 7, "last_modified_at": AT | {"month": 13}}])
