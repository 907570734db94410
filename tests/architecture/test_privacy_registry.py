"""Whatever is kept of people has a kind: a new table or column nobody thought of is refused."""

from __future__ import annotations

from typing import get_args

import pytest
from sqlalchemy import inspect

from config.privacy_settings import KEEP_DAYS, KeptKind, PrivacySettings
from switchboard.privacy.held import Held, Kind
from switchboard.privacy.registry import AGEING, OF_PEOPLE, REGISTRY
from tests.declared_tables import declared_metadata

pytestmark = pytest.mark.architecture

#: Columns by which a table could name somebody.
_NAMING = ("number", "contact_id", "e164", "from_raw", "call_id", "linkedid", "payload", "address")


def test_every_table_has_one_entry() -> None:
    names = [held.table.name for held in REGISTRY]
    assert len(names) == len(set(names))
    assert set(names) == set(declared_metadata().tables)


def test_a_table_of_nobody_has_no_column_that_names_somebody() -> None:
    # Which calls were counted, by the PBX's own number of them, for two days; where a process is.
    known = {("folded_calls", "linkedid"), ("leases", "address")}
    of_nobody = [held for held in REGISTRY if held.kind is Kind.NOBODY]
    naming = {
        (held.table.name, column.name)
        for held in of_nobody
        for column in held.table.c
        if column.name in _NAMING
    }
    assert naming == known
    assert not [held for held in of_nobody if held.of is not None]


@pytest.mark.parametrize(
    "held", [held for held in OF_PEOPLE if held.blank], ids=lambda held: held.table.name
)
def test_of_a_row_that_stays_every_column_is_thought_of(held: Held) -> None:
    columns = {column.name for column in held.table.c}
    key = {column.name for column in inspect(held.table).primary_key}
    assert set(held.blank) | set(held.stays) | key == columns
    assert not set(held.blank) & set(held.stays)


def test_every_kind_of_the_settings_ages_something() -> None:
    kinds = set(get_args(KeptKind))
    assert set(KEEP_DAYS) == kinds == set(PrivacySettings().keep_days)
    # Messages are files.
    assert {held.kind.value for held in AGEING} == kinds - {"messages"}
