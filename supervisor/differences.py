"""What is different between two rulebooks: in their files, and for those who call."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from calls.decision import Decision, HoldEntryPlanned
from config.rulebook import Rulebook
from config.rulebook_files import RulebookFiles
from ivr import rules
from supervisor.sample_callers import sample_callers


def file_differences(before: RulebookFiles, after: RulebookFiles) -> list[str]:
    """A unified diff of all files; recordings are named only."""
    lines: list[str] = []
    for name in sorted(before.contents.keys() | after.contents.keys()):
        old, new = (files.contents.get(name, b"") for files in (before, after))
        lines += difflib.unified_diff(
            old.decode("utf-8", errors="replace").splitlines(),
            new.decode("utf-8", errors="replace").splitlines(),
            f"{before.version}/{name}",
            f"{after.version}/{name}",
            lineterm="",
        )
    for key in sorted(before.sounds.keys() | after.sounds.keys()):
        old_sound, new_sound = before.sounds.get(key), after.sounds.get(key)
        if old_sound is None or new_sound is None or old_sound.sha256 != new_sound.sha256:
            what = "new" if old_sound is None else "gone" if new_sound is None else "changed"
            lines.append(f"recording {'/'.join(key)} is {what}")
    return lines


@dataclass(frozen=True, slots=True)
class HeardDifferently:
    """Numbers and callers for whom the same things change; `changes` are sentences."""

    dialled: tuple[str, ...]
    who: tuple[str, ...]
    changes: tuple[str, ...]


def heard_differently(
    before: Rulebook, after: Rulebook, now: datetime
) -> Iterator[HeardDifferently]:
    """Who among the sample callers would meet something else at `now` (aware)."""
    keys = dict.fromkeys(entry.key for book in (before, after) for entry in book.numbers.values())
    numbers: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for key in keys:
        alike: dict[tuple[str, ...], list[str]] = {}
        for sample in sample_callers(now):
            old, new = (
                rules.decide(book, sample.call(key, now), sample.caller, now).decision
                for book in (before, after)
            )
            if changes := tuple(_changes(old, new)):
                alike.setdefault(changes, []).append(sample.who)
        for changes, who in alike.items():
            numbers.setdefault((tuple(who), changes), []).append(key)
    for (callers, changes), dialled in numbers.items():
        yield HeardDifferently(tuple(dialled), callers, changes)


def _changes(old: Decision, new: Decision) -> Iterator[str]:
    skips = old.menu is None or new.menu is None
    for what, was, is_ in (
        ("goes to", _route(old), _route(new)),
        ("hears the language", old.language, new.language),
        ("hears the greeting", *((None, None) if skips else (old.greeting, new.greeting))),
        ("is offered", _offer(old), _offer(new)),
        ("waits with", _hold(old), _hold(new)),
        ("becomes a lead", old.lead, new.lead),
    ):
        if was != is_:
            yield f"{what} {is_ or 'nothing'} instead of {was or 'nothing'}"
    if not skips:
        yield from _key_changes(old, new)
    elif old.menu != new.menu:
        yield f"hears {f'the menu {new.menu}' if new.menu else 'no menu'} now"


def _route(decision: Decision) -> str:
    route = decision.route
    priority = f" with priority {route.priority}" if route.priority else ""
    return f"{route.kind} {route.target or ''}".strip() + priority


def _key_changes(old: Decision, new: Decision) -> Iterator[str]:
    was, is_ = ({option.digit: option.say for option in one.options} for one in (old, new))
    for digit in sorted(was.keys() | is_.keys()):
        if was.get(digit) != is_.get(digit):
            now, then = (f"“{side[digit]}”" if digit in side else "nothing" for side in (is_, was))
            yield f"key {digit} is {now} instead of {then}"
    order = [option.intent for option in new.options]
    if set(was) == set(is_) and order != [option.intent for option in old.options]:
        yield f"hears them in the order {', '.join(order)}"


def _offer(decision: Decision) -> str | None:
    return decision.offer.offer if decision.offer else None


def _hold(decision: Decision) -> str:
    return ", ".join(map(_entry, decision.hold))


def _entry(entry: HoldEntryPlanned) -> str:
    if entry.kind == "music":
        return f"{entry.seconds:g} s of music" if entry.seconds else "music"
    return f"“{entry.text}”" if entry.text else entry.kind
