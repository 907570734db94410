"""A right to create that our user lacks is named by `check`, before the first call needs it. Shown
on every world that lets rights be taken away (`WorldKind.rights`)."""

from __future__ import annotations

import re

import pytest

from crm_adapter.adapter import CrmAdapter, Forbidden
from tests.crm_worlds.samples import LEAD, RECORD, TASK
from tests.crm_worlds.world import RightsWorld, WorldKind

pytestmark = pytest.mark.contract


async def _written(crm: CrmAdapter, right: str) -> str:
    if right == "lead":
        return await crm.create_lead(LEAD, "key-1")
    if right == "call":
        return await crm.log_call(RECORD, "key-1")
    return await crm.create_task(TASK, "key-1")


async def test_a_missing_right_to_create_is_named_without_writing(
    world: RightsWorld, world_kind: WorldKind, right: str
) -> None:
    await world.crm.check()
    assert list(getattr(world.crm, "warnings")) == []  # noqa: B009
    world.take_away(right)
    with pytest.raises(Forbidden, match=re.escape(world_kind.rights[right])):
        await world.crm.check()
    # It is the right that a write needs, and nothing was written to find out.
    with pytest.raises(Forbidden):
        await _written(world.crm, right)
    assert not [*await world.leads(), *await world.calls(), *await world.tasks()]
