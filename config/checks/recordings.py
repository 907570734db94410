"""Recordings beside the rulebook: `sounds/<language>/<name>.wav`."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from config.actions import every_step, followers
from config.checks.ways import placed_actions
from config.problems import Problem, Severity, did_you_mean
from config.reading.found import Found
from config.recorded_sound import inspect_recording
from config.rulebook_files import MAX_SOUNDS, RulebookFiles, Sound
from config.spoken_text import ANY_LANGUAGE, Text


def check_recordings(found: Found, files: RulebookFiles) -> Iterator[Problem]:
    if not files.sounds:
        return
    names = {text.name for text in every_text(found) if text.name}
    languages = _languages(found)
    for (language, name), sound in files.sounds.items():
        why = _unreadable(sound)
        if why is not None:
            yield Problem(str(sound.path), 0, why)
        elif name not in names:
            hint = did_you_mean(name, names)
            sentence = f"no text is named '{name[:60]}'; this is never heard{hint}"
            yield Problem(str(sound.path), 0, sentence, Severity.WARNING)
        elif language not in languages:
            spoken = ", ".join(sorted(languages))
            sentence = f"nobody here speaks '{language[:20]}' ({spoken}); this is never heard"
            yield Problem(str(sound.path), 0, sentence, Severity.WARNING)


def every_text(found: Found) -> Iterator[Text]:
    yield from found.texts.values()
    for menu in found.menus.values():
        yield from filter(None, [menu.greeting, menu.invalid.say, menu.timeout.say])
        yield from (option.say for option in menu.options)
    for action, _ in placed_actions(found):
        for step in every_step(action):
            yield from followers(step).texts
    for entries in found.programmes.values():
        yield from (entry.say for entry in entries if entry.say)
    for offer in found.offers.values():
        yield from filter(None, (offer.menu, offer.hold))


def _languages(found: Found) -> set[str]:
    """Those of the numbers, and those that texts are written in."""
    languages = {entry.language for entry in found.numbers.values() if entry.language}
    for text in every_text(found):
        if text.place.file:
            languages |= text.by_language.keys() - {ANY_LANGUAGE}
    return languages or {"en"}


@functools.lru_cache(maxsize=MAX_SOUNDS)
def _unreadable(sound: Sound) -> str | None:
    """Remembered by content: a rulebook is read at every change of any of its files."""
    try:
        return inspect_recording(sound.path.read_bytes())
    except OSError as error:
        return f"the recording cannot be read: {error.strerror}"
