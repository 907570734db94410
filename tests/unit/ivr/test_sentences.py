"""Where texts are parted, and whether estimates come near what the programs speak."""

from __future__ import annotations

import pytest

from config.settings import SpeechSettings
from ivr import sound
from ivr.sentences import estimated_s, fragments
from ivr.speech_engines import engine_for

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Welcome to Acme, Maria. How can we help you?", 2),
        ("Your order is late by 3.5 days.", 1),
        ("No. Please wait for a moment.", 1),
        ("感谢您的来电。查询账单请按一。", 2),
        ("好。请稍候。", 1),
        ("  ", 0),
        ("... !", 0),
    ],
)
def test_a_text_is_parted_at_its_sentences(text: str, expected: int) -> None:
    parts = fragments(text)
    assert len(parts) == expected
    letters = [c for c in "".join(parts) if c.isalnum()]
    assert letters == [c for c in text if c.isalnum()]


SPOKEN = {
    "en": (
        "For sales, press 1.",
        "To speak to a person, press 0.",
        "Welcome to Acme, Maria.",
        "Sorry, that key is not in the menu.",
        "Your order 48213 left our house on Monday and will be with you by Wednesday.",
    ),
    "zh": (
        "查询账单，请按3。",
        "王小明，您好，欢迎致电。",
        "对不起，没有收到您的按键。",
        "您的订单将于11月23日星期一送达，如需更改时间，请按2。",
    ),
    "de": (
        "Für eine Rechnung drücken Sie die 3.",
        "Ihre Bestellung ist unterwegs und kommt am Mittwoch.",
        "Bitte warten Sie einen Augenblick.",
    ),
    "es": ("Para hablar con una persona, pulse cero.", "Gracias por llamar. Adiós."),
    "fr": ("Pour parler à une personne, appuyez sur zéro.",),
}


@pytest.mark.parametrize("language", SPOKEN)
async def test_an_estimate_is_within_a_third_of_the_real_length(language: str) -> None:
    async with engine_for(SpeechSettings()) as engine:
        for text in SPOKEN[language]:
            real = (await engine.speak(text, language)).size / sound.RATE
            assert estimated_s(text, language) == pytest.approx(real, rel=1 / 3), text


def test_more_words_take_longer_in_any_language() -> None:
    for language in ("en", "zh", "zh-CN", "xx"):
        assert estimated_s("One more word", language) > estimated_s("One more", language)
        assert estimated_s("请稍候片刻", language) > estimated_s("请稍候", language)
