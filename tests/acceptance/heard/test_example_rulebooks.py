"""The shipped bank and hospital, walked by real callers; what they hear is found in recordings."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from calls.money import Money
from config import rulebook_loader, spoken_money
from crm_adapter.embedded import demo_cast
from ivr import sound
from switchboard.demo.centre import DemoCentre
from switchboard.demo.private_pbx import QUEUES
from switchboard.demo.sip_scenarios import PhoneShape, Press
from tests.acceptance.example_centre import Example, with_ears
from tests.acceptance.ledger import Ledger
from tests.acceptance.listening import Recording
from tests.acceptance.load import numbers, queue_visits

pytestmark = pytest.mark.acceptance

EXAMPLES = rulebook_loader.SHIPPED.parent
BANK, BANK_ZH = "+18005550200", "+18005550288"
HOSPITAL = "+18005550300"
[STRANGER] = numbers(1)


def always_open(folder: Path) -> None:
    """These tests run at any hour: the doors of the copy stand open, and its examples, which want
    them shut at times, are left out."""
    (folder / "tests.yaml").unlink()
    file = folder / "numbers.yaml"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^    (hours|closed): .*\n", "", text)
    file.write_text(text, encoding="utf-8")


def impatient(folder: Path) -> None:
    """Music of two seconds between the messages."""
    file = folder / "hold.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"music_s: \d+", "music_s: 2", text), encoding="utf-8")


def flu_season(folder: Path) -> None:
    """For ever."""
    file = folder / "numbers.yaml"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"flu_season: .*", 'flu_season: {from: "2020-01-01", to: "2099-12-31"}', text)
    file.write_text(text, encoding="utf-8")


def spoken_ms(sounds: Mapping[str, bytes]) -> int:
    samples = sum(sound.decode_wav(wav).size for wav in sounds.values())
    return round(samples * 1000 / sound.RATE)


Start = Callable[..., AbstractAsyncContextManager[Example]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    @asynccontextmanager
    async def started(
        name: str, *changes: Callable[[Path], None], control_share: float = 0.05
    ) -> AsyncIterator[Example]:
        folder = tmp_path / "rulebook"
        shutil.copytree(EXAMPLES / name, folder)
        for change in changes:
            change(folder)
        rulebook = rulebook_loader.load_rulebook(folder).or_raise()
        named = re.findall(r"\bqueue: (\w+)|callback: (\w+)", _all_text(folder))
        queues = dict.fromkeys([*QUEUES, *(one or other for one, other in named)])
        centre = DemoCentre(
            folder=tmp_path,
            agents=1,
            phone=PhoneShape(ring_ms=None),
            desktops=False,
            queues=[queue for queue in queues if queue != "true"],
            overrides={
                "rulebook": {"path": str(folder), "watch": False, "control_share": control_share}
            },
        )
        assert rulebook.menus
        async with with_ears(centre) as example:
            yield example

    return started


def _all_text(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.yaml"))


async def test_a_stranger_hears_the_banks_menu_in_order(start: Start) -> None:
    async with start("bank", always_open) as bank:
        sounds = await bank.wavs(
            "Harbour Bank.",
            "For your balance, press 1.",
            "For payments and transfers, press 2.",
            "For cards, press 3.",
            "For loans and mortgages, press 4.",
            "If a card is lost or stolen, press 9.",
            "To speak to a person, press 0.",
        )
        to_limit = await bank.wavs("To change a limit, press 1.")
        # Within the time for a key: after the last option, before the menu is said again.
        first = Press(spoken_ms(sounds) + 2500, "3")
        heard = await bank.call(BANK, first, Press(4500, "2"), number=STRANGER, stay_ms=2500)
        *main, last = heard.heard({**sounds, **to_limit})
        assert [last] == list(to_limit)
        assert sorted(main) == sorted(sounds)
        assert (main[0], main[-1]) == ("Harbour Bank.", "To speak to a person, press 0.")
        entry = await bank.entry(STRANGER)
        assert [step["intent"] for step in entry.call.menu_path] == ["cards", "card_new"]
        assert entry.call.queue == "cards"
        decided = [option["say"] for option in entry.call.decision["options"]]
        assert [text.split(",")[0] for text in main[1:]] == decided
        assert [visit.queue for visit in queue_visits(bank.centre.pbx)] == ["cards"]


async def test_a_stranger_hears_the_hospitals_menu_and_waits(start: Start) -> None:
    async with start("hospital", always_open, flu_season, impatient) as hospital:
        greeting = ("Lakeside Hospital.", "In an emergency, hang up and dial nine one one.")
        options = (
            "To make an appointment, press 1.",
            "For a flu shot, press 2.",
            "For a ward or test results, press 3.",
            "If something went wrong, press 4.",
            "To speak to a person, press 0.",
        )
        waiting = (
            "You are next in the queue.",
            "Flu shots are free for patients.",
            "Ask for one when we answer.",
        )
        sounds = await hospital.wavs(*greeting, *options)
        on_hold = await hospital.wavs(*waiting)
        # Within the time for a key: after the last option, before the menu is said again.
        press = Press(spoken_ms(sounds) + 2500, "0")
        heard = await hospital.call(HOSPITAL, press, number=STRANGER, stay_ms=18000)
        order = heard.heard({**sounds, **on_hold})
        assert order[: len(sounds)] == [*greeting, *options]
        assert tuple(order[len(sounds) :][:3]) == waiting
        assert set(order[len(sounds) :]) == set(waiting)
        entry = await hospital.entry(STRANGER)
        assert [(step["digits"], step["intent"]) for step in entry.call.menu_path] == [
            ("0", "agent")
        ]
        assert entry.call.queue == "reception"
        assert [step["kind"] for step in entry.call.decision["hold"]] == [
            "music", "position", "music", "say", "music",
        ]  # fmt: skip


async def test_keys_typed_ahead_lead_through_three_menus(start: Start) -> None:
    async with start("hospital", always_open) as hospital:
        keys = (Press(5000, "3"), Press(150, "1"), Press(150, "1"))
        heard = await hospital.call(HOSPITAL, *keys, number=STRANGER, stay_ms=4000)
        sounds = await hospital.wavs(
            "For maternity, press 1.", "If your baby is coming, press 1.", "Wards and results."
        )
        assert heard.heard(sounds) == []
        # It was listened to: what was said until the first key is there.
        assert heard.heard(await hospital.wavs("Lakeside Hospital.")) == ["Lakeside Hospital."]
        entry = await hospital.entry(STRANGER)
        steps = [(step["menu"], step["digits"], step["outcome"]) for step in entry.call.menu_path]
        assert steps == [
            ("main", "3", "match"),
            ("wards", "1", "match"),
            ("maternity", "1", "match"),
        ]
        assert (entry.call.queue, entry.call.priority) == ("maternity", 100)


async def test_a_balance_in_mandarin_after_the_pin(start: Start) -> None:
    async with start("bank", always_open) as bank:
        # The balance, the PIN question, the PIN.
        keys = [Press(3000, "1"), Press(4000, "1")]
        keys += [Press(3000 if n == 0 else 250, digit) for n, digit in enumerate("8642#")]
        heard = await bank.call(BANK_ZH, *keys, number=demo_cast.MANDARIN, stay_ms=14000)
        amount = spoken_money.money(Money(Decimal("-260"), "USD"), "zh")
        assert "二百六十" in amount
        # The question is in no recording, and silence stands for it.
        sounds = await bank.wavs("请输入您的密码。", f"您的账户余额为{amount}。", language="zh")
        assert heard.heard(sounds) == list(sounds)[1:]
        assert await bank.fetched("请输入您的密码。", "zh")


async def test_a_wrong_pin_opens_nothing(start: Start) -> None:
    async with start("bank", always_open) as bank:
        keys = [Press(3000, "1"), Press(4000, "1")]
        for _ in range(3):
            keys += [Press(4500 if n == 0 else 200, digit) for n, digit in enumerate("1111#")]
        heard = await bank.call(BANK_ZH, *keys, number=demo_cast.MANDARIN, stay_ms=9000)
        amount = spoken_money.money(Money(Decimal("-260"), "USD"), "zh")
        wrong, balance = "对不起，密码不正确。", f"您的账户余额为{amount}。"
        # What is said while the PIN is asked for is in no recording.
        assert heard.heard(await bank.wavs(wrong, balance, language="zh")) == [wrong]
        assert await bank.fetched("请输入您的密码。", "zh")
        assert not await bank.fetched(balance, "zh")
        entry = await bank.entry(demo_cast.MANDARIN)
        assert [step["intent"] for step in entry.call.menu_path] == ["balance", "pin"]
        assert entry.call.queue == "bank"
        kept = str(dict(entry.call._mapping)) + str([dict(row._mapping) for row in entry.records])
        assert "1111" not in kept


async def test_the_hold_programme_in_its_order(start: Start) -> None:
    async with start("bank", always_open, impatient) as bank:
        heard = await bank.call(BANK, Press(1500, "0"), number=STRANGER, stay_ms=22000)
        sounds = await bank.wavs(
            "You are next in the queue.",
            "If you would rather not wait, press 1 and we will call you back.",
        )
        position, callback = sounds
        order = heard.heard(sounds)
        assert order[:2] == [position, callback]
        assert set(order) == {position, callback}
        entry = await bank.entry(STRANGER)
        assert [step["kind"] for step in entry.call.decision["hold"]] == [
            "music", "position", "music", "music", "callback",
        ]  # fmt: skip


async def test_closed_is_closed_and_a_lost_card_is_not(start: Start) -> None:
    def never_open(folder: Path) -> None:
        file = folder / "numbers.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"week: .*", 'week: {mon: "03:00-03:01"}', text), encoding="utf-8")
        (folder / "tests.yaml").unlink()

    async with start("bank", never_open) as bank:
        heard = await bank.call(
            BANK, Press(14000, "9"), Press(6000, "1"), number=STRANGER, stay_ms=2000
        )
        sounds = await bank.wavs(
            "The bank is closed.",
            "To leave a message, press 1.",
            "We will block your card at once.",
        )
        order = heard.heard(sounds)
        assert order[-1] == "We will block your card at once."
        assert "To leave a message, press 1." in order
        entry = await bank.entry(STRANGER)
        assert (entry.call.queue, entry.call.priority) == ("lost_cards", 50)


async def test_the_shops_hold_programme_in_its_order(start: Start) -> None:
    async with start("shop", impatient) as shop:
        heard = await shop.call("+18005550100", Press(1500, "0"), number=STRANGER, stay_ms=24000)
        sounds = await shop.wavs(
            "Thank you for waiting.",
            "The next person who is free will take your call.",
            "You are next in the queue.",
            "If you would rather not wait, press 1 and we will call you back.",
        )
        order = heard.heard(sounds)
        assert order[:4] == list(sounds)
        assert set(order) == set(sounds)
        entry = await shop.entry(STRANGER)
        assert [step["kind"] for step in entry.call.decision["hold"]] == [
            "music", "say", "position", "music", "music", "callback",
        ]  # fmt: skip


async def test_who_always_chooses_the_same_hears_it_first_on_its_key(start: Start) -> None:
    async with start("bank", always_open, control_share=0.0) as bank:
        loans = "For loans and mortgages, press 4."
        # After the last option, though the menu may be said again by then.
        patient = Press(24_000, "4")

        async def ring(press: Press) -> Recording:
            return await bank.call(BANK, press, number=demo_cast.LAPSED, stay_ms=2500)

        async def hears_all_options(recording: Recording) -> list[str]:
            """As decided for the last call."""
            async with Ledger(bank.centre.storage_url) as ledger:
                rung = (await ledger.entries())[demo_cast.LAPSED].calls
            last = max(rung, key=lambda call: call.arrived_at)
            options = last.decision["options"]
            sentences = [f"{option['say']}, press {option['digit']}." for option in options]
            heard = recording.heard(await bank.wavs(*sentences))
            assert heard[: len(sentences)] == sentences
            assert [call.queue for call in rung] == ["loans"] * len(rung)
            return sentences

        first = await ring(patient)
        await bank.remembered(1)
        assert (await hears_all_options(first))[4] == loans
        for calls in (2, 3):
            await ring(Press(1500, "4"))
            await bank.remembered(calls)
        again = await ring(patient)
        await bank.remembered(4)
        assert (await hears_all_options(again))[0] == loans


async def test_maria_hears_her_order_first_in_the_shop(start: Start) -> None:
    async with start("shop") as shop:
        heard = await shop.call(
            "+18005550100", Press(9000, "1"), number=demo_cast.MARIA, stay_ms=6500
        )
        sounds = await shop.wavs(
            "Welcome to the Corner Shop, Maria.",
            "For news of your Luna Solo espresso machine, press 1.",
            "To order something, press 2.",
        )
        assert heard.heard(sounds)[:3] == list(sounds)
        entry = await shop.entry(demo_cast.MARIA)
        assert entry.call.menu_path[0]["intent"] == "order_status"
