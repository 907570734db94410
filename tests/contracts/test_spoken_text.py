"""What everybody who speaks relies on, of the real prompts and of their twin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.deadlines import Deadline
from calls.ports import SpokenText
from config.rulebook_loader import load_rulebook
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts, render_all
from ivr.recordings import Recordings
from tests.fakes.humming import hum
from tests.fakes.rulebook_folder import write_rulebook
from tests.fakes.speech_engine import FakeEngine
from tests.fakes.spoken_text import FakeSpeech

pytestmark = pytest.mark.contract

RECORDED = "To order something new"
MENUS = (
    f"menus:\n  main:\n    options:\n      - {{intent: new, say: {RECORDED}, do: {{queue: q}}}}\n"
)


@pytest.fixture(params=["prompts", "twin"])
async def spoken(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpokenText]:
    if request.param == "twin":
        twin = FakeSpeech()
        twin.recorded.add(RECORDED)
        yield twin
        return
    folder = write_rulebook(tmp_path / "book", menus=MENUS)
    recording = folder / "sounds" / "en" / "main-new.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(hum(1))
    recordings = Recordings(sound_path=lambda _: recording)
    async with PromptStore(folder=tmp_path / "p", limit_bytes=10**6, base_url="http://x") as store:
        prompts = Prompts(store=store, engine=FakeEngine(), recordings=recordings)
        await prompts.take(load_rulebook(folder).or_raise())
        yield prompts


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Welcome to Acme. How can we help?", ("Welcome to Acme.", "How can we help?")),
        (f"{RECORDED}, press 1.", (RECORDED, "press 1.")),
        (f"Welcome to Acme. {RECORDED}, press 1.", ("Welcome to Acme.", RECORDED, "press 1.")),
        ("您好，欢迎致电。查询账单，请按3。", ("您好，欢迎致电。", "查询账单，请按3。")),
        ("...", ()),
        ("", ()),
    ],
)
def test_pieces_are_sentences_and_recorded_words(
    spoken: SpokenText, text: str, pieces: tuple[str, ...]
) -> None:
    assert spoken.pieces(text, "en") == pieces


async def test_every_piece_has_an_address_of_its_own(spoken: SpokenText) -> None:
    deadline = Deadline.after(30)
    urls = await render_all(
        spoken, ["Welcome to Acme.", f"{RECORDED}, press 1."], "en", deadline=deadline
    )
    assert urls is not None
    assert len(set(urls)) == 3
    assert all(url.startswith("http://") for url in urls)
    assert await spoken.render("Welcome to Acme.", "en", deadline=deadline) == urls[0]


def test_seconds_add_up_and_grow_with_the_text(spoken: SpokenText) -> None:
    first, second = "Welcome to Acme.", "How can we help you today?"
    both = spoken.seconds(f"{first} {second}", "en")
    assert both == pytest.approx(spoken.seconds(first, "en") + spoken.seconds(second, "en"))
    assert 0.5 < spoken.seconds(first, "en") < spoken.seconds(second, "en") < 5
    assert spoken.seconds("", "en") == 0
