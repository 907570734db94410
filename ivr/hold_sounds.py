"""The sound of one turn, put together from what is rendered by now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np

from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.ports import QueuePlace, SpokenText
from config.spoken_languages import family_of
from config.stock_texts import STOCK_TEXTS
from ivr import hold_entries, sound, waiting_words
from ivr.music import LONGEST_S, Music
from ivr.prompt_store import PromptStore
from ivr.prompts import render_all

#: Where there is nothing to say: too short to be heard as a gap in the music.
BREATH_S = 0.1
#: For who asks for an entry of nobody's.
STRAY_S = 5.0
OPEN_S = 10.0
#: Less music than this is not worth a stretch of its own.
LEAST_MUSIC_S = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One message, and the addresses of its sentences."""

    message: HoldEntryPlanned
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    wav: bytes
    #: When each of the parts is over, in seconds from the beginning.
    ends_s: tuple[float, ...]


class HoldSounds:
    """Nothing here waits for speech or music beyond the deadline it is given; what is not ready
    by then is finished meanwhile, for the next who asks."""

    def __init__(self, *, speech: SpokenText, music: Music, store: PromptStore) -> None:
        self._speech = speech
        self._music = music
        self._store = store
        self._stray = b""

    async def open(self) -> None:
        """After the music's own `open`."""
        stretch = hold_entries.Music(0.0, STRAY_S)
        music = await self.music(stretch, deadline=Deadline.after(OPEN_S))
        self._stray = (await self.join((), music)).wav

    @property
    def stray(self) -> bytes:
        """A short stretch of the tune."""
        return self._stray

    async def parts(
        self,
        messages: Sequence[HoldEntryPlanned],
        language: str,
        place: QueuePlace | None,
        *,
        deadline: Deadline,
    ) -> tuple[tuple[Part, ...], bool]:
        """What of the messages can be said, whole sentences only, and whether that is all that
        there is to say."""
        found: list[Part] = []
        complete = True
        for message in messages:
            texts = _texts(message, language, place)
            said = [await self._said(text, language, deadline) for text in texts]
            complete = complete and None not in said
            addresses = tuple(url for urls in said for url in urls or ())
            if addresses:
                found.append(Part(message, addresses))
        return tuple(found), complete

    async def _said(self, text: str, language: str, deadline: Deadline) -> tuple[str, ...] | None:
        return await render_all(self._speech, [text], language, deadline=deadline)

    async def begin(
        self, messages: Sequence[HoldEntryPlanned], language: str, place: QueuePlace | None
    ) -> None:
        """Renders ahead, without waiting for it: also for who moves on by one place meanwhile."""
        now = Deadline.after(0)
        await self.parts(messages, language, place, deadline=now)
        if place is not None and any(message.kind == "position" for message in messages):
            moved_on = QueuePlace(max(1, place.position - 1), _shorter(place.estimated_wait_s))
            await self.parts(messages, language, moved_on, deadline=now)

    async def music(self, music: hold_entries.Music, *, deadline: Deadline) -> tuple[str, ...]:
        """Addresses of the stretch, in pieces where it is long; empty where it is not ready."""
        found: list[str] = []
        at_s, end_s = music.start_s, music.start_s + music.seconds
        while end_s - at_s >= LEAST_MUSIC_S:
            seconds = min(end_s - at_s, LONGEST_S)
            url = await self._music.address(seconds=seconds, start_s=at_s, deadline=deadline)
            found += [url] if url else []
            at_s += seconds
        return tuple(found)

    async def join(self, parts: Sequence[Part], music: tuple[str, ...] = ()) -> Joined:
        """One sound of all, `music` last. A file that has vanished is left out."""
        groups = [[self._path(url) for url in part.addresses] for part in parts]
        return await asyncio.to_thread(_join, groups, [self._path(url) for url in music])

    def _path(self, url: str) -> Path | None:
        try:
            return self._store.path(PurePosixPath(urlsplit(url).path).stem)
        except ValueError:
            return None


def _texts(message: HoldEntryPlanned, language: str, place: QueuePlace | None) -> tuple[str, ...]:
    if message.kind == "position":
        return waiting_words.sentences(place, language)
    text = message.text
    if text is None and message.kind == "callback":
        # The author's own could not be filled in.
        text = STOCK_TEXTS["callback_offer"].get(family_of(language))
    return (text,) if text else ()


def _shorter(seconds: float | None) -> float | None:
    return None if seconds is None else max(0.0, seconds - 60)


def _join(groups: Iterable[Iterable[Path | None]], music: Iterable[Path | None]) -> Joined:
    pieces: list[sound.Samples] = []
    ends_s: list[float] = []
    for group in groups:
        pieces += [samples for path in group if (samples := _read(path)) is not None]
        ends_s.append(sum(piece.size for piece in pieces) / sound.RATE)
    pieces += [samples for path in music if (samples := _read(path)) is not None]
    pieces = pieces or [np.zeros(int(BREATH_S * sound.RATE))]
    return Joined(sound.encode_wav(np.concatenate(pieces)), tuple(ends_s))


def _read(path: Path | None) -> sound.Samples | None:
    if path is None:
        return None
    try:
        return sound.decode_wav(path.read_bytes())
    except (OSError, sound.NotSound):
        return None
