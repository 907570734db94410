"""Recorded voices in place of synthetic ones: `sounds/<language>/<name>.wav` of a rulebook.

`name` is that of a text, or the place where a text stands (`main-greeting`, `main-sales`). Only
texts that are the same for every caller can be replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from config.actions import Action, every_step, followers
from config.recorded_sound import read_recording
from config.rulebook import RouteTo, Rulebook
from config.rulebook_files import MAX_SOUND_BYTES
from config.spoken_text import Text
from ivr import sound
from ivr.sentences import FRAGMENT_MIN, fragments, weight
from ivr.speech import SpeechFailed

_MARKS = " ,.;:!?，。；：！？、"
_SENTENCE_MARKS = ".!?。！？"

#: Where the bytes of a recording lie, by their SHA-256. Raises ValueError for what is none.
SoundPath = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class RecordedWords:
    """Which recording stands for which words. Of one rulebook; see `recorded_words`."""

    by_words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: By language and first letter, longest first.
    by_start: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def sound_for(self, text: str, language: str) -> str | None:
        """The SHA-256 of the recording that stands for the whole text."""
        words = _words(text)
        for one in _languages(language):
            if found := self.by_words.get((one, words)):
                return found
        return None

    def pieces(self, text: str, language: str) -> tuple[str, ...]:
        """Recorded words whole, the sentences of the rest between them."""
        line = " ".join(text.split())
        parts: list[str] = []
        rest = at = 0
        while at < len(line):
            end = self._end_of_recorded(line, at, language)
            if end is None:
                at += 1
                continue
            parts += [*fragments(line[rest:at].lstrip(_MARKS)), line[at:end]]
            rest = at = end
        return (*parts, *fragments(line[rest:].lstrip(_MARKS)))

    def _end_of_recorded(self, line: str, at: int, language: str) -> int | None:
        if at and line[at - 1].isalnum():
            return None
        for one in _languages(language):
            for words in self.by_start.get((one, line[at]), ()):
                if line.startswith(words, at) and _stands_alone(line, at, at + len(words)):
                    end = at + len(words)
                    while end < len(line) and line[end] in _SENTENCE_MARKS:
                        end += 1
                    return end
        return None


class Recordings:
    """The recordings of the current rulebook. A sound once handed out stays playable: its address
    is made of its content."""

    def __init__(self, *, sound_path: SoundPath) -> None:
        self._sound_path = sound_path
        self.words = RecordedWords()
        #: Those of the current rulebook that cannot be played; their texts are spoken.
        self.unplayable: set[str] = set()

    async def take(self, rulebook: Rulebook) -> None:
        """From now on `words` are those of this rulebook."""
        self.words = await asyncio.to_thread(recorded_words, rulebook)
        self.unplayable = set()

    @property
    def sounds(self) -> tuple[str, ...]:
        """The SHA-256 of each recording in use, once."""
        return tuple(dict.fromkeys(self.words.by_words.values()))

    async def wav(self, sha256: str) -> bytes:
        """Ready for Asterisk, at the level of all speech. Raises SpeechFailed; a later `take`
        gives the recording another chance."""
        try:
            return await asyncio.to_thread(partial(_playable, self._sound_path, sha256))
        except (OSError, ValueError) as error:
            self.unplayable.add(sha256)
            raise SpeechFailed(f"a recording cannot be played: {error}") from error


def recorded_words(rulebook: Rulebook) -> RecordedWords:
    by_words: dict[tuple[str, str], str] = {}
    for language, text, sha256 in _recorded(rulebook):
        fixed = text.in_language(language).fixed
        if fixed and (words := _words(fixed)):
            by_words[language, words] = sha256
    by_start: dict[tuple[str, str], list[str]] = {}
    for language, words in sorted(by_words, key=lambda key: -len(key[1])):
        by_start.setdefault((language, words[0]), []).append(words)
    return RecordedWords(by_words, {start: tuple(found) for start, found in by_start.items()})


def changing_texts(rulebook: Rulebook) -> list[tuple[str, str]]:
    """(language, name) of recordings that nobody will hear: their text has values in it."""
    return sorted(
        (language, text.name or "")
        for language, text, _ in _recorded(rulebook)
        if text.in_language(language).fixed is None
    )


def named_texts(rulebook: Rulebook) -> Iterator[Text]:
    """Every text of the rulebook that a recording could replace by its name."""
    yield from (text for text in _texts(rulebook) if text.name is not None)


def _recorded(rulebook: Rulebook) -> Iterator[tuple[str, Text, str]]:
    languages = sorted({language for language, _ in rulebook.recordings})
    for text in named_texts(rulebook) if languages else ():
        for language in languages:
            if sha256 := rulebook.recordings.get((language, text.name or "")):
                yield language, text, sha256


def _texts(rulebook: Rulebook) -> Iterator[Text]:
    yield from rulebook.texts.values()
    actions: list[Action] = []
    for menu in rulebook.menus.values():
        if menu.greeting is not None:
            yield menu.greeting
        yield from (menu.invalid.say, menu.timeout.say)
        yield from (option.say for option in menu.options)
        actions += [menu.failure, *(option.action for option in menu.options)]
        actions += [retry.then for retry in (menu.invalid, menu.timeout) if retry.then]
    for programme in rulebook.programmes.values():
        yield from (entry.say for entry in programme if entry.say is not None)
    for offer in rulebook.offers.values():
        yield from (text for text in (offer.menu, offer.hold) if text is not None)
        actions += [offer.action] if offer.action else []
    for number in rulebook.numbers.values():
        actions += [number.closed] if number.closed else []
    for rule in rulebook.rules:
        if isinstance(rule.then, RouteTo) and rule.then.action is not None:
            actions.append(rule.then.action)
    for action in actions:
        for step in every_step(action):
            yield from followers(step).texts


def _playable(sound_path: SoundPath, sha256: str) -> bytes:
    with sound_path(sha256).open("rb") as file:
        samples, rate = read_recording(file.read(MAX_SOUND_BYTES))
    return sound.encode_wav(sound.evened(sound.resample(samples, rate)))


def _words(text: str) -> str:
    return " ".join(text.split()).strip(_MARKS)


def _languages(language: str) -> tuple[str, ...]:
    """`zh-CN` is also found under `zh`."""
    base = language.replace("_", "-").partition("-")[0].lower()
    return (language,) if base == language else (language, base)


def _stands_alone(line: str, start: int, end: int) -> bool:
    """Cut at marks, or between words where enough is recorded to sound whole."""
    after = line[end : end + 2]
    if after[:1].isalnum() or (after[:1] in (".", ",") and after[1:].isdigit()):
        return False
    at_marks = (start == 0 or line[max(0, start - 2) : start].strip()[-1:] in _MARKS) and (
        not after or after[0] in _MARKS.strip()
    )
    return at_marks or weight(line[start:end]) >= FRAGMENT_MIN
