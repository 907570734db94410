"""Where a caller stands, in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.ports import QueuePlace
from ivr import waiting_words
from ivr.waiting_words import every_sentence, sentences

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("position", "wait_s", "english", "mandarin"),
    [
        (1, 20, "You are next in the queue. The wait is less than a minute.",
         "您是下一位。预计等待时间不到一分钟。"),
        (2, 65, "You are number two in the queue. The wait is about one minute.",
         "您现在排在第二位。预计等待时间约一分钟。"),
        (3, 250, "You are number three in the queue. The wait is about four minutes.",
         "您现在排在第三位。预计等待时间约四分钟。"),
        (10, 120, "You are number ten in the queue. The wait is about two minutes.",
         "您现在排在第十位。预计等待时间约两分钟。"),
        (12, 12.6 * 60, "You are about number ten in the queue. The wait is about fifteen minutes.",
         "您大约排在第十位。预计等待时间约十五分钟。"),
        (48, 3600, "You are about number fifty in the queue. The wait is about an hour.",
         "您大约排在第五十位。预计等待时间约一小时。"),
        (51, 9000, "There are more than fifty callers before you. The wait is more than an hour.",
         "您前面还有五十多位来电者。预计等待时间超过一小时。"),
    ],
)  # fmt: skip
def test_place_and_wait(position: int, wait_s: float, english: str, mandarin: str) -> None:
    place = QueuePlace(position, wait_s)
    assert " ".join(sentences(place, "en-GB")) == english
    assert "".join(sentences(place, "zh-CN")) == mandarin


@pytest.mark.parametrize(
    ("place", "language", "count"),
    [
        (None, "en", 0),
        (QueuePlace(4), "en", 1),
        (QueuePlace(0, 60), "zh", 1),
        (QueuePlace(-1, -1), "en", 0),
        (QueuePlace(2, math.nan), "en", 1),
        (QueuePlace(2, math.inf), "zh", 1),
        (QueuePlace(2, 60), "de", 0),
        (QueuePlace(2, 60), "", 0),
    ],
)
def test_nothing_is_said_of_what_is_not_known(
    place: QueuePlace | None, language: str, count: int
) -> None:
    assert len(sentences(place, language)) == count


@given(
    st.integers(-5, 10_000),
    st.none() | st.floats(allow_nan=True),
    st.sampled_from(["en", "zh", "zh_TW", "de"]),
)
def test_whatever_is_said_can_be_rendered_ahead(
    position: int, wait_s: float | None, language: str
) -> None:
    said = sentences(QueuePlace(position, wait_s), language)
    assert set(said) <= set(every_sentence(language))


def test_there_are_few_sentences() -> None:
    assert all(len(list(every_sentence(language))) < 50 for language in ("en", "zh"))
    assert list(every_sentence("fr")) == []
    assert waiting_words.EXACT_PLACES == 10
