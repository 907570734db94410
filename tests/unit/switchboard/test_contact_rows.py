"""No table that knows contacts is forgotten when two of them are merged."""

from __future__ import annotations

import pytest

from crm_adapter.embedded import contact_rows as of_crm
from scoring import contact_rows as of_scoring
from tests.declared_tables import declared_metadata

pytestmark = pytest.mark.unit

#: They know contacts, and merging leaves them: why.
_LEFT = {
    "crm_merges": "tells of merges",
    "crm_phone_index": "a copy of other CRMs; our own is not copied",
}


def test_every_table_with_a_contact_is_moved() -> None:
    moved = {rows.table.name for rows in (*of_crm.CONTACT_ROWS, *of_scoring.CONTACT_ROWS)}
    known = {
        table.name
        for table in declared_metadata().tables.values()
        if {"contact_id", "contact", "contact_ref", "kept_id", "ref"} & set(table.c.keys())
    }
    assert known - moved == set(_LEFT)
