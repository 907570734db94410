"""Hold programmes with everything behind them that a test does not care about."""

from __future__ import annotations

from datetime import UTC, datetime

from calls.bus import EventBus
from calls.ports import QueuePlaces, SpokenText
from ivr.hold import HoldProgrammes
from ivr.hold_sounds import HoldSounds
from ivr.music import Music
from ivr.prompt_store import PromptStore
from tests.fakes.queue_state import FakePlaces


async def hold_programmes(
    *,
    speech: SpokenText,
    music: Music,
    store: PromptStore,
    bus: EventBus,
    base_url: str = "http://pbx",
    places: QueuePlaces | None = None,
) -> HoldProgrammes:
    """Subscribed; `music` is open."""
    sounds = HoldSounds(speech=speech, music=music, store=store)
    await sounds.open()
    programmes = HoldProgrammes(
        sounds=sounds,
        places=places or FakePlaces(),
        bus=bus,
        base_url=base_url,
        key=b"k" * 32,
        now=lambda: datetime.now(UTC),
    )
    programmes.subscribe()
    return programmes
