"""What is sealed opens for its place and its key alone, and SQL is asked nothing that it could not
answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, bindparam, insert, select, text, update

from calls.errors import Misconfigured
from crm_adapter.live.index_tables import number_choices, phone_index
from storage import migrate
from storage.database import Database
from storage.seal_tables import seals as seals_table
from storage.sealed import guard
from storage.sealed.columns import (
    NotAskedOfSealed,
    SealedJson,
    SealedKey,
    SealedText,
    found_by,
)
from storage.sealed.resealing import Resealing
from storage.sealed.seals import PREFIX, NotOpened, Seals
from tests.declared_tables import declared_metadata

pytestmark = pytest.mark.unit

ONE, OTHER = Seals(b"1" * 32), Seals(b"2" * 32)


@given(st.text(), st.booleans())
def test_what_is_sealed_opens_again(value: str, alike: bool) -> None:
    sealed = ONE.sealed(value, "number", alike=alike)
    assert (sealed == ONE.sealed(value, "number", alike=alike)) == (alike or not value)
    if value:
        assert ONE.opened(sealed, "number", alike=alike) == value
        for seals, place in ((OTHER, "number"), (ONE, "email")):
            with pytest.raises(NotOpened):
                seals.opened(sealed, place, alike=alike)


@given(st.text())
def test_what_looks_sealed_is_sealed_as_a_text(name: str) -> None:
    kind = SealedText("calls.from_name")
    told = PREFIX + name
    sealed = Resealing(ONE, None).text(told, kind)
    assert ONE.opened(sealed, kind.place, alike=False) == told
    assert Resealing(ONE, None).text(sealed, kind) == sealed
    assert Resealing(None, ONE).text(sealed, kind) == told


def test_another_key_takes_over_and_a_third_is_refused() -> None:
    kind, value = SealedJson("pops.payload"), {"name": "Maria"}
    sealed = kind.sealed(value, ONE)
    again = Resealing(OTHER, ONE).json(sealed, kind)
    assert kind.opened(again, OTHER) == value
    assert Resealing(OTHER, ONE).json(again, kind) == again
    with pytest.raises(NotOpened):
        Resealing(OTHER, ONE).json(kind.sealed(value, Seals(b"3" * 32)), kind)


def test_each_column_has_its_place_and_the_guard_knows_each_table() -> None:
    found = guard.columns_of(declared_metadata())
    assert sorted(table.name for table in found) == sorted(guard.TABLES)
    for table, columns in found.items():
        for column in columns:
            if isinstance(column.type, SealedText | SealedJson) and not isinstance(
                column.type, SealedKey
            ):
                assert column.type.place == f"{table.name}.{column.name}"


def test_sql_is_not_asked_what_it_cannot_answer() -> None:
    for asked in (
        lambda: phone_index.c.name == "Maria",
        lambda: phone_index.c.name.contains("Mar"),
        lambda: phone_index.c.e164.like("%0101"),
        lambda: phone_index.c.e164 > "+1",
        phone_index.c.e164.desc,
        lambda: phone_index.c.e164 == bindparam("number", type_=String),
    ):
        with pytest.raises(NotAskedOfSealed):
            asked()
    assert str(phone_index.c.name != "") == "crm_phone_index.name != :name_1"
    assert "IN" in str(phone_index.c.e164.in_(["+1"]))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("maria garcia", "garc"),
        ("+12025550187", "025550187"),
        ("王小明", "小明"),
        ("late: luna-solo", "luna"),
    ],
)
def test_a_word_is_found_by_its_beginning_a_number_by_its_end(text: str, asked: str) -> None:
    assert asked in set(found_by(text))


async def test_it_starts_with_the_right_key_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with Database(url, seals=ONE) as database:
        await migrate.upgrade(database)
        await guard.check(database)
        await guard.check(database)
        async with database.engine.begin() as link:
            row = {"e164": "+12025550101", "crm": "odoo", "contact_id": "7", "agent": "anna"}
            now = guard.row_of(ONE, guard.SEALED)["at"]
            await link.execute(insert(number_choices).values(row | {"chosen_at": now}))
        async with database.read() as link:
            mine = select(number_choices.c.e164).where(number_choices.c.e164 == "+12025550101")
            assert await link.scalar(mine) == "+12025550101"
            raw = await link.scalar(text("SELECT e164 FROM crm_number_choices"))
            assert raw.startswith(PREFIX)
    for seals, why in (
        (OTHER, f"sealed with {ONE.fingerprint}"),
        (None, "privacy.encryption.key_file"),
    ):
        async with Database(url, seals=seals) as database:
            with pytest.raises(Misconfigured, match=why):
                await guard.check(database)
    async with Database(url, seals=ONE) as database:
        async with database.engine.begin() as link:
            await link.execute(update(seals_table).values(state=guard.SEALING))
        with pytest.raises(Misconfigured, match="privacy encrypt` was broken off"):
            await guard.check(database)


async def test_a_database_with_plain_rows_is_sealed_first(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db", seals=ONE) as database:
        await migrate.upgrade(database)
        async with database.engine.begin() as link:
            row = {"e164": "+12025550101", "crm": "odoo", "contact_id": "7", "agent": "anna"}
            at = guard.row_of(ONE, guard.SEALED)["at"]
            await link.execute(insert(number_choices).values(row | {"chosen_at": at}))
        with pytest.raises(Misconfigured, match="switchboard privacy encrypt"):
            await guard.check(database)
