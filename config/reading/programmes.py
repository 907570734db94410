"""Section `programmes`: what is heard while waiting, again and again."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from config.problems import as_said
from config.reading.parts import NAME, Part, RawCondition, RawText, shaped
from config.reading.reader import Path, Reader
from config.rulebook import HoldEntry
from config.shape import check_shape
from config.spoken_text import Text

KINDS = ("music_s", "say", "offer", "position", "callback")


class HoldEntryPart(Part):
    """Exactly one of the first five."""

    music_s: float | None = Field(None, ge=1, le=600)
    """Seconds of music."""
    say: RawText = None
    offer: bool | None = None
    """Here an offer is made, where one qualifies."""
    position: bool | None = None
    """The caller's place in the queue."""
    callback: Annotated[Any, shaped("hold_callback")] = None
    """Offers to call back: true, or the text that says so."""
    when: RawCondition = None


def read_programme(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("programmes", name)
    if not re.match(NAME, name):
        reader.report(
            path, f"the programme name '{name[:60]}' may hold letters a to z, digits, _ and - only"
        )
    if not isinstance(raw, list) or not raw:
        reader.report(path, f"'{name[:60]}' must be a list of entries like - music_s: 20")
        return
    entries = [_hold_entry(reader, item, (*path, index)) for index, item in enumerate(raw)]
    programme = tuple(entry for entry in entries if entry is not None)
    if len(programme) == len(entries) and not any(entry.music_s for entry in programme):
        reader.warn(path, f"the programme '{name}' has no music: its words follow without a pause")
    reader.found.programmes[name] = programme


def _hold_entry(reader: Reader, raw: Any, path: Path) -> HoldEntry | None:
    before = reader.errors
    part = check_shape(HoldEntryPart, raw, path, reader.report)
    if part is None:
        return None
    given = [key for key in KINDS if raw.get(key) not in (None, False)]
    if len(given) != 1:
        listed = f"{', '.join(KINDS[:-1])} and {KINDS[-1]}"
        reader.report(path, f"a hold entry is exactly one of {listed}")
        return None
    when = reader.when(raw, path)
    entry = _of_kind(reader, given[0], part, raw, path)
    if reader.errors > before:
        return None
    return HoldEntry(entry.kind, entry.music_s, entry.say, when)


def _of_kind(
    reader: Reader, kind: str, part: HoldEntryPart, raw: dict[str, Any], path: Path
) -> HoldEntry:
    match kind:
        case "music_s":
            return HoldEntry("music", music_s=part.music_s)
        case "say":
            return HoldEntry("say", say=reader.text(part.say, (*path, "say")))
        case "callback":
            return HoldEntry("callback", say=_callback(reader, raw, path))
    return HoldEntry("offer" if kind == "offer" else "position")


def _callback(reader: Reader, raw: dict[str, Any], path: Path) -> Text:
    written = raw["callback"]
    if isinstance(written, str | dict):
        return reader.text(written, (*path, "callback"))
    if written is not True:
        sentence = f"'callback' must be true or a text, not {as_said(written)}"
        reader.report((*path, "callback"), sentence)
    return reader.found.texts["callback_offer"]
