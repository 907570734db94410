"""The SQL adapter on a shop's own database, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import Misconfigured
from calls.money import Money
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import SqlSettings
from crm_adapter.adapter import (
    AuthFailed,
    Conflict,
    Forbidden,
    Invalid,
    KeyField,
    NotFound,
    Timeout,
    Unavailable,
    Unsupported,
)
from crm_adapter.http.traces import Exchange
from crm_adapter.sql.adapter import SqlCrm
from tests.fakes.shop_database import MAPPING, execute, rows, tables_for

pytestmark = pytest.mark.integration

LONDON = "+442079460018"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANN = ContactRef("sql", "7")
LEAD = NewLead(
    number="+12025550150",
    call_id=CallId("pbx", "17.1"),
    dialled="+18005550100",
    network_name="'; DROP TABLE leads; --" + "x" * 100,
    created_at=AT,
)
RECORD = CallRecord(
    call_id=CallId("pbx", "17.1"),
    arrived_at=AT,
    number=LONDON,
    dialled="+18005550100",
    contact=ANN,
    identity_outcome="unique",
    outcome=CallOutcome.ANSWERED,
    answered_at=AT + timedelta(seconds=20),
    ended_at=AT + timedelta(seconds=83),
)
PEOPLE = [
    "INSERT INTO reps VALUES (1, 'bob')",
    """INSERT INTO customers (cust_no, first_name, "Last Name", company, lang, tier, phone, mobile,
       rep, owes, card_no, version, updated_at{rev}) VALUES
       (7, 'Ann', 'O''Hara', 'Kiln & Co', 'en_GB', 'gold', '020 7946 0018', '07700 900123', 1,
        -12.50, '0042', 3, '2026-03-01 08:00:00'{ann}),
       (8, 'Ben', NULL, NULL, NULL, NULL, '+1 202 555 0150', NULL, 9, NULL, '42', 1,
        '2026-03-01 08:00:00'{ben})""",
]


@dataclass
class Shop:
    url: str
    crm: SqlCrm
    other: SqlCrm
    file: Path


def people(url: str) -> list[str]:
    values = {"rev": "", "ann": "", "ben": ""}
    if url.startswith("sqlite"):
        values = {"rev": ", phone_rev", "ann": ", '81006497020'", "ben": ", '05105552021'"}
    return [one.format(**values) for one in PEOPLE]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
async def shop(empty_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    await execute(empty_url, [*tables_for(empty_url), *people(empty_url)])
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING)
    crm, other = made(empty_url, file), made(empty_url, file)
    yield Shop(empty_url, crm, other, file)
    await crm.close()
    await other.close()


async def test_each_question_and_its_raw_answer_are_told(shop: Shop) -> None:
    seen: list[Exchange] = []
    settings = SqlSettings.model_validate({"mapping": shop.file, "url": SecretStr(shop.url)})
    crm = SqlCrm(settings=settings, region="GB", trace=seen.append)
    await crm.check()
    seen.clear()
    assert await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
    await crm.close()
    assert {one.method for one in seen} == {"SQL"}
    assert [one for one in seen if one.status and "O'Hara" in one.answer]
    assert not [one for one in seen if one.status != max(0, len(one.answer.splitlines()) - 1)]


def made(url: str, mapping: Path | str, **given: object) -> SqlCrm:
    settings = SqlSettings.model_validate(
        {"mapping": mapping, "url": SecretStr(url), "statement_timeout_s": 30, **given}
    )
    return SqlCrm(settings=settings, region="GB", now=lambda: AT)


def soon() -> Deadline:
    return Deadline.after(30)


async def test_check_finds_all_tables_and_indexes(shop: Shop) -> None:
    await shop.crm.check()
    assert shop.crm.warnings == ()


async def test_a_number_is_found_by_its_last_digits(shop: Shop) -> None:
    [hit] = await shop.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert (hit.candidate.ref, hit.candidate.name) == (ANN, "Ann O'Hara")
    assert hit.numbers == ("020 7946 0018", "07700 900123")
    assert (hit.version, hit.owner) == ("3", "bob")
    assert hit.candidate.url == "https://shop.example/admin/c/7"
    assert await shop.crm.find_by_phone("+442079460019", limit=5, deadline=soon()) == []


@pytest.mark.parametrize("key", ["", "%", "_" * 12, "+1' OR 1=1", "+1" * 5000, "0207946"])
async def test_a_hostile_number_finds_nobody(shop: Shop, key: str) -> None:
    assert await shop.crm.find_by_phone(key, limit=5, deadline=soon()) == []


async def test_a_contact_comes_with_its_history(shop: Shop) -> None:
    await execute(
        shop.url,
        [
            """INSERT INTO sales VALUES
            ('100', 7, '2026-01-05 10:00:00', 10.50, 'GBP', 'sent', 'TEA', 'Tea', 2, NULL),
            ('101', 7, '2026-02-05 10:00:00', -3, 'GBP', 'packed', 'CUP', NULL, NULL, '2026-03-09'),
            ('102', 7, '2026-02-06 10:00:00', 99, 'GBP', 'cancelled', 'POT', 'Pot', 1, NULL),
            ('103', 8, '2026-02-06 10:00:00', 99, 'GBP', 'new', 'POT', 'Pot', 1, NULL),
            ('104', 7, NULL, 99, 'GBP', 'new', 'POT', 'Pot', 1, NULL)""",
            """INSERT INTO tickets VALUES
               (1, 7, 'Cracked', 'complaint', 'open', '2026-02-01 10:00:00'),
               (2, 7, 'Old', 'question', 'closed', '2026-02-03 10:00:00')""",
        ],
    )
    contact = await shop.crm.get(ANN, deadline=soon())
    assert (contact.first_name, contact.last_name, contact.company) == (
        "Ann",
        "O'Hara",
        "Kiln & Co",
    )
    assert (contact.language, contact.owner) == ("en", "bob")
    assert contact.balance == Money(Decimal("-12.50"), "GBP")
    assert [(one.product, one.amount, one.quantity) for one in contact.purchases] == [
        ("CUP", Decimal(-3), 1),
        ("TEA", Decimal("10.50"), 2),
    ]
    assert contact.purchases[1].product_name == "Tea (TEA)"
    assert contact.purchases[1].at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert contact.owns == {"TEA", "CUP"}
    assert [(one.id, one.is_open, one.due_on) for one in contact.orders] == [
        ("101", True, date(2026, 3, 9)),
        ("102", False, None),
        ("100", False, None),
    ]
    assert [(one.subject, one.is_open) for one in contact.cases] == [
        ("Cracked", True),
        ("Old", False),
    ]
    assert len(await shop.crm.get_purchase_history(ANN, limit=1, deadline=soon())) == 1


@pytest.mark.parametrize("record", ["9", "07", "x", "", "7 OR 1=1", "9" * 30, str(2**40), "lead:7"])
async def test_who_is_not_there_is_not_found(shop: Shop, record: str) -> None:
    with pytest.raises(NotFound):
        await shop.crm.get(ContactRef("sql", record), deadline=soon())
    with pytest.raises(NotFound):
        await shop.crm.get(ContactRef("odoo", "7"), deadline=soon())


async def test_typed_keys_are_exact(shop: Shop) -> None:
    await execute(
        shop.url,
        ["INSERT INTO sales (order_no, customer) VALUES ('000123', 7), ('123', 8), ('9', 99)"],
    )
    for field, digits in (
        (KeyField.CUSTOMER_ID, "7"),
        (KeyField.ACCOUNT_NUMBER, "0042"),
        (KeyField.ORDER_NUMBER, "000123"),
    ):
        [found] = await shop.crm.find_by_key(field, digits, limit=5, deadline=soon())
        assert found.ref == ANN
        for other in (f"0{digits}", f"{digits}0", f" {digits}", "%", "", "9"):
            found_by_other = await shop.crm.find_by_key(field, other, limit=5, deadline=soon())
            assert all(one.ref != ANN for one in found_by_other)


async def test_one_key_at_once_from_two_processes_is_one_row(shop: Shop) -> None:
    writes = [crm.create_lead(LEAD, "key-1") for crm in (shop.crm, shop.other) * 5]
    [lead_id] = set(await asyncio.gather(*writes))
    [row] = await rows(shop.url, "SELECT id, phone, name, source, state, made_at FROM leads")
    assert str(row[0]) == lead_id
    assert LEAD.network_name is not None
    assert row[1:5] == (LEAD.number, LEAD.network_name[:20], "CTI", "open")
    assert str(row[5]).startswith("2026-03-02 09:30:00")


async def test_a_write_waits_longer_than_a_question_for_a_locked_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await execute(url, [*tables_for(url), *people(url)])
    file = tmp_path / "shop.yaml"
    file.write_text(f"{MAPPING}\nlimits: {{busy_ms: 1, write_timeout_ms: 60000}}\n")
    crm = made(url, file)
    await crm.check()
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(crm.create_lead(LEAD, "key-1"))
        # So much longer than a question would wait that the write has met the lock.
        done, _ = await asyncio.wait([writing], timeout=0.5)
        assert not done
        other.execute("COMMIT")
        assert await writing
    finally:
        other.close()
        await crm.close()


async def test_who_waits_to_write_leaves_the_connections_to_questions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await execute(url, [*tables_for(url), *people(url)])
    file = tmp_path / "shop.yaml"
    file.write_text(f"{MAPPING}\nlimits: {{write_timeout_ms: 60000}}\n")
    crm = made(url, file, pool=2)
    await crm.check()
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        writing = [asyncio.create_task(crm.create_lead(LEAD, f"key-{n}")) for n in range(4)]
        done, _ = await asyncio.wait(writing, timeout=0.5)
        assert not done
        [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
        assert hit.candidate.ref == ANN
        assert not any(task.done() for task in writing)
        other.execute("COMMIT")
        assert len(set(await asyncio.gather(*writing))) == 4
    finally:
        other.close()
        await crm.close()


async def test_a_lead_is_withdrawn_unless_somebody_confirmed_it(shop: Shop) -> None:
    mistake = await shop.crm.create_lead(LEAD, "key-1")
    real = await shop.crm.create_lead(LEAD, "key-2")
    assert await shop.crm.confirm_lead(real, "anna", "key-3")
    assert await shop.crm.withdraw_lead(mistake, "key-4")
    assert await shop.crm.withdraw_lead(mistake, "key-4")
    assert not await shop.crm.withdraw_lead(real, "key-5")
    assert not await shop.crm.withdraw_lead("99", "key-6")
    found = await rows(shop.url, "SELECT state, source FROM leads ORDER BY id")
    assert found == [("withdrawn", "CTI"), ("real", "anna")]


#: PostgreSQL looks at the key's index, then fills all of them in the order in which they were made:
#: with a slow one first, several writers have looked before any has written.
SLOW_CARDS = [
    "CREATE TABLE cards (id VARCHAR(36) NOT NULL, ext_key VARCHAR(100) NOT NULL)",
    """CREATE FUNCTION slowly(one text) RETURNS text IMMUTABLE LANGUAGE plpgsql
       AS 'BEGIN PERFORM pg_sleep(0.2); RETURN one; END'""",
    "CREATE INDEX cards_slowly ON cards (slowly(ext_key))",
    "ALTER TABLE cards ADD PRIMARY KEY (id)",
    "CREATE UNIQUE INDEX cards_key ON cards (ext_key)",
]


@pytest.fixture
async def shop_of_two_keys(shop: Shop) -> AsyncIterator[Shop]:
    """Its leads are unique by two columns, both made of the key of the write."""
    table = ["CREATE TABLE cards (id VARCHAR(36) PRIMARY KEY, ext_key VARCHAR(100) UNIQUE)"]
    await execute(shop.url, SLOW_CARDS if shop.url.startswith("postgresql") else table)
    start, end = MAPPING.index("lead:\n"), MAPPING.index("call:\n  table")
    lead = "lead: {table: cards, insert: {id: $uuid, ext_key: $idem}, unique: ext_key}\n"
    shop.file.write_text(MAPPING[:start] + lead + MAPPING[end:])
    crm, other = made(shop.url, shop.file), made(shop.url, shop.file)
    yield replace(shop, crm=crm, other=other)
    await crm.close()
    await other.close()


async def test_writers_of_one_key_at_once_are_all_told_the_one_row(shop_of_two_keys: Shop) -> None:
    """Whichever of the unique columns the database names to the slower ones."""
    shop = shop_of_two_keys
    writes = [crm.create_lead(LEAD, "key-1") for crm in (shop.crm, shop.other)]
    [lead] = set(await asyncio.gather(*writes))
    assert await rows(shop.url, "SELECT id, ext_key FROM cards") == [(lead, "key-1")]


async def test_a_row_that_contradicts_another_is_refused(shop_of_two_keys: Shop) -> None:
    """It repeats nothing: no row has its key."""
    shop = shop_of_two_keys
    lead = await shop.crm.create_lead(LEAD, "key-1")
    await execute(shop.url, ["UPDATE cards SET ext_key = 'of somebody else'"])
    with pytest.raises(Invalid, match="another row of 'cards' has what must be unique"):
        await shop.crm.create_lead(LEAD, "key-1")
    assert await rows(shop.url, "SELECT id FROM cards") == [(lead,)]


async def test_a_later_record_rewrites_the_row_and_an_older_one_does_not(shop: Shop) -> None:
    live = replace(RECORD, ended_at=None)
    first = await shop.crm.log_call(live, "revision-1")
    later = replace(RECORD, revision=2)
    writes = [crm.log_call(later, "revision-2") for crm in (shop.crm, shop.other) * 3]
    assert set(await asyncio.gather(*writes)) == {first}
    assert await shop.crm.log_call(live, "revision-1") == first
    [row] = await rows(shop.url, "SELECT ext_key, cust_no, secs, dir, started, ended FROM call_log")
    assert row[:4] == ("revision-2", 7, 63, "inbound")
    assert str(row[4]).startswith("2026-03-02 09:30:20")
    assert str(row[5]).startswith("2026-03-02 09:31:23")


async def test_a_contact_of_another_crm_is_not_written_as_ours(shop: Shop) -> None:
    await shop.crm.log_call(replace(RECORD, contact=ContactRef("odoo", "8")), "key")
    assert await rows(shop.url, "SELECT cust_no FROM call_log") == [(None,)]


async def test_a_task_is_made_once_and_closed(shop: Shop) -> None:
    task = NewTask("callback", CallId("pbx", "1"), AT, LONDON, contact=ANN)
    first = await shop.crm.create_task(task, "key-1")
    assert await shop.other.create_task(task, "key-1") == first
    assert await shop.crm.close_task(first, "key-2")
    assert await shop.crm.close_task(first, "key-2")
    assert not await shop.crm.close_task("none", "key-3")
    assert await rows(shop.url, "SELECT done, cust_no FROM todo") == [(1, 7)]


async def test_fields_change_only_as_allowed_and_as_expected(shop: Shop) -> None:
    change = shop.crm.update_fields
    await change(ANN, {"last_name": "Ng"}, expect_version="3", idem="1")
    for stale in ("3", "x", "", str(2**70)):
        with pytest.raises(Conflict):
            await change(ANN, {"last_name": "Oops"}, expect_version=stale, idem="2")
    with pytest.raises(Invalid):
        await change(ANN, {"cust_no": "9"}, expect_version=None, idem="3")
    with pytest.raises(NotFound):
        await change(ContactRef("sql", "99"), {"email": "x"}, expect_version=None, idem="4")
    found = await rows(shop.url, 'SELECT "Last Name", version FROM customers ORDER BY cust_no')
    assert found == [("Ng", 4), (None, 1)]


async def test_all_that_changed_is_told_page_after_page(shop: Shop) -> None:
    more = ", ".join(f"({n}, 'A', '2026-03-01 08:00:00', 0)" for n in range(10, 30))
    columns = "(cust_no, first_name, updated_at, gone)"
    await execute(shop.url, [f"INSERT INTO customers {columns} VALUES {more}"])
    told: list[str] = []
    cursor: str | None = None
    while True:
        page = await shop.crm.changes(cursor, limit=4, deadline=soon())
        told += [hit.candidate.ref.id for hit in page.changed]
        cursor = page.cursor
        if not page.more:
            break
    assert told == [str(n) for n in (7, 8, *range(10, 30))]
    await execute(
        shop.url, ["UPDATE customers SET updated_at = '2026-03-01 09:00:00' WHERE cust_no = 12"]
    )
    page = await shop.crm.changes(cursor, limit=40, deadline=soon())
    assert page.changed[-1].candidate.ref.id == "12"
    assert [hit.candidate.ref.id for hit in (
        await shop.crm.changes(page.cursor, limit=40, deadline=soon())
    ).changed] == ["12"]  # fmt: skip
    for rotten in ("x", "t|x|", "q||", "t|2026"):
        with pytest.raises(Invalid):
            await shop.crm.changes(rotten, limit=4, deadline=soon())


async def test_wrong_names_are_told_with_their_lines(shop: Shop) -> None:
    shop.file.write_text(
        MAPPING.replace("owner: rep_of.login", "owner: rep_of.logn")
        .replace("table: tickets", "table: tickts")
        .replace("at: ordered_at\n  amount", "at: orderd_at\n  amount")
        .replace("  where: {gone: 0}", "  where: {gon: 0}")
        .replace("unique: ext_key", "unique: phone")
        .replace("ext_key: $idem, phone: $e164, name", "ext_key: $e164, phone: $idem, name")
    )
    crm = made(shop.url, shop.file)
    with pytest.raises(Unavailable) as raised:
        await crm.check()
    found = str(raised.value)
    for words in (
        "shop.yaml:5: 'customers' has no column 'gon'; did you mean 'gone'?",
        "the database has no table or view 'tickts'; did you mean 'tickets'?",
        "'sales' has no column 'orderd_at'; did you mean 'ordered_at'?",
        "no unique index on 'phone'",
    ):
        assert words in found, found
    with pytest.raises(Unavailable, match="tickts"):
        await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    await crm.close()


async def test_a_look_up_that_reads_everything_is_warned_of(shop: Shop) -> None:
    shop.file.write_text(
        MAPPING.replace("phone_index: {column: phone_rev", "phone_index: {column: email")
    )
    crm = made(shop.url, shop.file)
    await crm.check()
    [warning] = crm.warnings
    assert "reads all of 'customers'" in str(warning)
    assert "shop.yaml:17:" in str(warning)
    await crm.close()


@pytest.mark.parametrize(
    ("index", "numbers"),
    [
        ("{column: [phone, mobile], mode: spellings}", [LONDON, "+447700900123"]),
        ("{column: [phone, mobile], mode: regexp}", [LONDON, "+447700900123"]),
        ("{column: mobile, mode: exact_e164}", ["+12025550199"]),
        ("{column: mobile, mode: digits_exact}", ["+12025550198"]),
    ],
)
async def test_every_way_of_looking_up_finds(shop: Shop, index: str, numbers: list[str]) -> None:
    await execute(
        shop.url,
        [
            "INSERT INTO customers (cust_no, mobile, gone) VALUES (20, '+12025550199', 0),"
            " (21, '2025550198', 0), (22, '+12025550199', 1)"
        ],
    )
    was = "{column: phone_rev, mode: suffix, digits: 9}"
    assert was in MAPPING
    shop.file.write_text(MAPPING.replace(was, index))
    crm = made(shop.url, shop.file)
    for number in numbers:
        assert len(await crm.find_by_phone(number, limit=5, deadline=soon())) == 1
    assert await crm.find_by_phone("+442079460999", limit=5, deadline=soon()) == []
    await crm.close()


async def test_without_writes_the_database_is_only_read(shop: Shop) -> None:
    kept = MAPPING[: MAPPING.index("lead:\n")]
    shop.file.write_text(kept)
    crm = made(shop.url, shop.file)
    await crm.check()
    for asked in (
        crm.create_lead(LEAD, "k"),
        crm.log_call(RECORD, "k"),
        crm.close_task("1", "k"),
        crm.update_fields(ANN, {"email": "x"}, expect_version=None, idem="k"),
    ):
        with pytest.raises(Unsupported):
            await asked
    async with crm._store.reading() as connection:
        with pytest.raises(Exception, match=r"read-?only"):
            await connection.exec_driver_sql("DELETE FROM leads")
    await crm.close()


async def test_a_question_ends_at_its_deadline(shop: Shop) -> None:
    with pytest.raises(Timeout):
        await shop.crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(0))


def test_an_address_that_cannot_be_used_is_told_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING)
    for url in (
        "",
        "postgres:hunter2",
        "sqlite:////nowhere/x.db",
        "mysql+aiomysql://u:hunter2@h/d",
        "oracle://u:hunter2@h/d",
    ):
        with pytest.raises(Misconfigured) as raised:
            made(url, file)
        assert "sql.url" in str(raised.value)
        assert "hunter2" not in str(raised.value)


async def test_what_postgresql_refuses_is_named(empty_postgres_url: str, tmp_path: Path) -> None:
    await execute(empty_postgres_url, [*tables_for(empty_postgres_url), "CREATE ROLE poor LOGIN"])
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING)
    host = empty_postgres_url.partition("@")[2]
    crm = made(f"postgresql://poor@{host}", file)
    with pytest.raises(Forbidden, match="lacks a right on table"):
        await crm.check()
    await crm.close()
    gone = made(f"postgresql://nobody@{host}", file)
    with pytest.raises((AuthFailed, Unavailable)):
        await gone.check()
    await gone.close()
    away = made("postgresql://a@127.0.0.1:1/x", file)
    with pytest.raises(Unavailable):
        await away.check()
    await away.close()
    await execute(empty_postgres_url, ["DROP ROLE poor"])


async def test_a_slow_database_gives_the_question_up(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    await execute(
        empty_postgres_url,
        [
            *tables_for(empty_postgres_url),
            "ALTER TABLE customers RENAME TO base",
            "CREATE VIEW customers AS SELECT *, pg_sleep(3) IS NULL AS slow FROM base",
            *people(empty_postgres_url)[:1],
            "INSERT INTO base (cust_no, phone, gone) VALUES (7, '02079460018', 0)",
        ],
    )
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING.replace("where: {gone: 0}", "where: {gone: 0, slow: false}"))
    crm = made(empty_postgres_url, file, statement_timeout_s=0.2)
    with pytest.raises(Timeout, match="gave the question up"):
        await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    await crm.close()
