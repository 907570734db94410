"""Every sentence that is the same for all callers is there before anybody calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.actions import Collect, HangUp, SayText, ToQueue, ToVoicemail
from config.opening_hours import OpeningHours
from config.rulebook import HoldEntry, Retry, RouteTo
from ivr.prerender import fixed_texts
from tests.fakes.written_rulebook import given, menu, number, offer, option, rule, rulebook, text

pytestmark = pytest.mark.unit

COLLECT = Collect(
    "order_number",
    text("Please type it."),
    SayText(text("Thank you."), ToQueue("orders")),
    SayText(text("Then a person."), ToQueue("orders")),
    text("Not that."),
)
KNOWN = given("caller.known", "eq", True)
SHOP = rulebook(
    menu(
        option("orders", do=COLLECT),
        option("news", when=KNOWN, say="For {{ caller.first_name }}"),
        greeting="Good day.",
    ),
    numbers={
        "default": number(hours="shop", closed=SayText(text("We are closed."), ToVoicemail("100")))
    },
    hours={"shop": OpeningHours("shop", None, {})},
    rules=(rule("route", RouteTo(action=SayText(text("Dear VIP."), ToQueue("vip"))), KNOWN),),
    programmes={
        "default": (
            HoldEntry("music", music_s=20),
            HoldEntry("say", say=text("Please wait."), when=KNOWN),
            HoldEntry("callback", say=text("We call back.")),
        )
    },
    offers=[
        offer("warranty", hold="Three years!", action=SayText(text("Good."), HangUp())),
    ],
)


def test_what_is_rendered_ahead() -> None:
    texts = fixed_texts(SHOP)
    assert len(texts) == len(set(texts))
    assert {language for _, language in texts} == {"en"}
    found = {spoken for spoken, _ in texts}
    assert found >= {
        "Good day.",
        "Please type it.",
        "Thank you.",
        "Then a person.",
        "Not that.",
        "We are closed.",
        "Dear VIP.",
        "Please wait.",
        "We call back.",
        "Three years!",
        "Good.",
        "One moment, please.",
        "Sorry, I did not hear a key.",
    }
    for key in "123456789":
        assert f"For orders, press {key}." in found
        assert f"To hear of warranty, press {key}." in found
    assert "To speak to a person, press 0." in found
    assert not any("For ," in spoken or "None" in spoken for spoken in found)


def test_the_ends_of_a_menus_mistakes_are_ready() -> None:
    ended = replace(
        menu(option("a")),
        invalid=Retry(text("Wrong."), then=SayText(text("Too many."), HangUp())),
        failure=SayText(text("Given up."), HangUp()),
    )
    found = set(fixed_texts(rulebook(ended)))
    assert {("Wrong.", "en"), ("Too many.", "en"), ("Given up.", "en")} <= found


def test_places_and_waits_are_ready_where_a_programme_tells_them() -> None:
    telling = rulebook(menu(option("a")), programmes={"default": (HoldEntry("position"),)})
    assert {"You are next in the queue.", "The wait is about two minutes."} <= {
        said for said, _ in fixed_texts(telling)
    }
    silent = rulebook(menu(option("a")), programmes={})
    assert not any("queue" in said for said, _ in fixed_texts(silent))
