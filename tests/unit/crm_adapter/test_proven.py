"""Every hosted CRM says how it was proven, in the table and on its own page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crm_worlds.hosted import HOSTED
from tests.crm_worlds.proven import PROVEN

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


def test_every_hosted_crm_is_in_the_table() -> None:
    assert set(HOSTED) <= set(PROVEN)


@pytest.mark.parametrize("crm", sorted(HOSTED))
def test_its_page_says_the_same(crm: str) -> None:
    proven = PROVEN[crm]
    assert proven.how in ("vendor models", "documentation")
    page = (ROOT / proven.page).read_text(encoding="utf-8")
    assert f"Proven by: **{proven.how}**" in page
    assert proven.version in page
    assert "## Known gaps" in page


@pytest.mark.parametrize("crm", sorted(HOSTED))
def test_documented_exchanges_are_replayed(crm: str) -> None:
    assert len(list((ROOT / "tests" / "fixtures" / "crm" / crm).glob("*.json"))) >= 2
