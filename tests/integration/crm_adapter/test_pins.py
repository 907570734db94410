"""PINs are checked, counted and locked the same on both databases."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.hash_of_nothing import hash_of_nothing
from crm_adapter.adapter import Unavailable
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.pins import Pins, hash_pin
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.crm_rows import add_contact

pytestmark = pytest.mark.integration

#: As small as argon2 allows: what is tested here is not its cost.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PIN = "0417"


class CountingHasher(PasswordHasher):
    """Counts what it verifies, and does so only while `gate` is open."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.gate.set()
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 -- theirs
        self.verified += 1
        assert self.gate.wait(10)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
async def maria(any_database: Database) -> ContactRef:
    pin_hash = hash_pin(PIN, hasher=QUICK)
    return await add_contact(any_database, "C-1", account_number="7001", pin_hash=pin_hash)


@pytest.fixture
async def pins(
    any_database: Database, maria: ContactRef, clock: FakeClock, hasher: CountingHasher
) -> AsyncIterator[Pins]:
    crm = EmbeddedCrm(database=any_database)
    pins = Pins(database=any_database, hashes=crm, hasher=hasher, now=clock)
    yield pins
    await pins.close()
    await crm.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_the_right_pin_and_no_other(pins: Pins, maria: ContactRef) -> None:
    assert await pins.check(maria, PIN, deadline=soon())
    for wrong in ("417", "00417", "0418"):
        assert not await pins.check(maria, wrong, deadline=soon())
    assert await pins.check(maria, PIN, deadline=soon())


@pytest.mark.parametrize("typed", ["", "#", "0417 ", "٠٤١٧", "0" * 13])
async def test_what_is_no_pin_costs_no_try(
    pins: Pins, maria: ContactRef, hasher: CountingHasher, typed: str
) -> None:
    for _ in range(6):
        assert not await pins.check(maria, typed, deadline=soon())
    assert await pins.check(maria, PIN, deadline=soon())
    assert hasher.verified == 1


async def test_nobody_waits_for_a_hash_and_one_of_nothing_is_compared_with_in_full(
    any_database: Database, maria: ContactRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm, hasher = EmbeddedCrm(database=any_database), PasswordHasher()
    ordinary = hasher.hash(PIN)
    monkeypatch.delattr(PasswordHasher, "hash")
    pins = Pins(database=any_database, hashes=crm, hasher=hasher)
    assert await pins.check(maria, PIN, deadline=soon())
    nothing = hash_of_nothing(hasher)
    assert extract_parameters(nothing) == extract_parameters(ordinary)
    assert nothing != hash_of_nothing(hasher)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nothing, PIN)
    await pins.close()
    await crm.close()


async def test_after_five_wrong_ones_the_right_one_waits_for_the_hour(
    pins: Pins, maria: ContactRef, clock: FakeClock
) -> None:
    for _ in range(5):
        assert not await pins.check(maria, "9999", deadline=soon())
        clock.advance(minutes=10)
    assert not await pins.check(maria, PIN, deadline=soon())
    clock.advance(minutes=9, seconds=59)
    assert not await pins.check(maria, PIN, deadline=soon())
    clock.advance(seconds=1)
    # The oldest wrong one is an hour old: one more try, and it is right.
    assert await pins.check(maria, PIN, deadline=soon())
    assert not await pins.check(maria, "9999", deadline=soon())
    assert not await pins.check(maria, PIN, deadline=soon())


async def test_right_ones_do_not_buy_more_wrong_ones(pins: Pins, maria: ContactRef) -> None:
    for _ in range(5):
        assert await pins.check(maria, PIN, deadline=soon())
        assert not await pins.check(maria, "9999", deadline=soon())
    assert not await pins.check(maria, PIN, deadline=soon())


async def test_any_number_at_once_from_two_processes_get_five_wrong_answers(
    any_database: Database, any_database_url: str, maria: ContactRef, clock: FakeClock
) -> None:
    async with Database(any_database_url) as other:
        hashers = [CountingHasher(), CountingHasher()]
        both = [
            Pins(database=database, hashes=EmbeddedCrm(database=database), hasher=hasher, now=clock)
            for database, hasher in zip((any_database, other), hashers, strict=True)
        ]
        guesses = [
            pins.check(maria, f"{guess:04}", deadline=soon())
            for guess in range(9000, 9012)
            for pins in both
        ]
        assert not any(await asyncio.gather(*guesses))
        assert sum(hasher.verified for hasher in hashers) == 5
        assert not await both[0].check(maria, PIN, deadline=soon())


async def test_the_lock_outlives_the_process(
    any_database: Database, pins: Pins, maria: ContactRef, clock: FakeClock
) -> None:
    for _ in range(5):
        assert not await pins.check(maria, "9999", deadline=soon())
    crm = EmbeddedCrm(database=any_database)
    reborn = Pins(database=any_database, hashes=crm, hasher=QUICK, now=clock)
    assert not await reborn.check(maria, PIN, deadline=soon())


@pytest.mark.parametrize("nobody", ["C-2", "C-404"])
async def test_who_has_no_pin_is_asked_like_any_other(
    any_database: Database, pins: Pins, hasher: CountingHasher, nobody: str
) -> None:
    await add_contact(any_database, "C-2", account_number="7001")
    for _ in range(7):
        assert not await pins.check(ContactRef("embedded", nobody), PIN, deadline=soon())
    assert hasher.verified == 5


async def test_another_crm_s_contact_has_no_pin_here(pins: Pins, maria: ContactRef) -> None:
    assert not await pins.check(ContactRef("other", maria.id), PIN, deadline=soon())


async def test_an_answer_too_late_is_a_no_and_costs_the_right_one_no_try(
    pins: Pins, maria: ContactRef, hasher: CountingHasher
) -> None:
    hasher.gate.clear()
    for _ in range(2):
        assert not await pins.check(maria, PIN, deadline=Deadline.after(0.2))
    hasher.gate.set()
    await pins.close()
    for _ in range(4):
        assert not await pins.check(maria, "9999", deadline=soon())
    assert await pins.check(maria, PIN, deadline=soon())


async def test_a_crm_that_is_away_is_a_no_and_costs_no_try(
    any_database: Database, maria: ContactRef, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        async def pin_hash_of(self, contact: ContactRef, *, deadline: Deadline) -> str | None:
            raise Unavailable(f"no {contact}")

    away = Pins(database=any_database, hashes=Away(), hasher=QUICK)
    with caplog.at_level(logging.DEBUG):
        for _ in range(6):
            assert not await away.check(maria, PIN, deadline=soon())
    assert PIN not in caplog.text
    assert maria.id not in caplog.text
    crm = EmbeddedCrm(database=any_database)
    assert await Pins(database=any_database, hashes=crm).check(maria, PIN, deadline=soon())


def test_only_digits_become_a_pin() -> None:
    with pytest.raises(ValueError, match="1 to 12 digits"):
        hash_pin("12a4")
    assert hash_pin("2468", hasher=QUICK) != hash_pin("2468", hasher=QUICK)
