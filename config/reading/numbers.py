"""Section `numbers`: what was dialled decides where the story starts."""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import Field

from calls.follow_up import LeadPolicy
from config.actions import Action, Back, every_step
from config.problems import as_said
from config.reading.actions import Wait, action_in, to_person
from config.reading.leads import LONGEST_WAIT_S, read_lead
from config.reading.parts import (
    LANGUAGE,
    REGION,
    Clock,
    Name,
    Part,
    RawAction,
    RawLead,
    RawText,
    shaped,
)
from config.reading.reader import Path, Reader
from config.rulebook import NumberEntry, RecordCalls, SetPop, digits_of
from config.shape import check_shape

_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{0,29}")


class PopPart(Part):
    shown: bool = True
    """False: no card on the agent's screen."""
    note: RawText = None
    """For the agent to read before answering."""


class RecordCallsPart(Part):
    consent: Literal["ask", "announce", "none"]
    """ask: key 1 agrees, 2 does not. announce: callers are told. none: neither, where the law has
    it so."""
    silence: Literal["refuse", "agree"] = "refuse"
    """What it means where nothing is pressed."""
    timeout_s: Wait = 5.0
    """How long a key is waited for."""


class NumberPart(Part):
    menu: Name
    """The menu that the caller hears first."""
    language: Annotated[str, Field(pattern=LANGUAGE)] | None = None
    """Language of the menu, like en or zh."""
    region: Annotated[str, Field(pattern=REGION)] | None = None
    """Country in whose format callers' numbers are read, like US."""
    lead: RawLead = "always"
    """When a stranger becomes a lead in the CRM: never, on_answer, on_abandon or always, or a
    mapping that says more."""
    missed_task: Annotated[Any, shaped("missed_task")] = False
    """Who rings off unanswered becomes a task: call back. A number: only after so many
    seconds."""
    timezone: Clock | None = None
    """Clock of call.hour, call.weekday and the hours, like Europe/Berlin."""
    hours: Name | None = None
    """One of `hours`; outside of them `closed` is next."""
    closed: RawAction = None
    pop: Annotated[Any, shaped("PopPart")] = None
    record: Annotated[Any, shaped("RecordCallsPart")] = None
    """Whether Asterisk records these calls, and who is asked."""


def read_numbers(reader: Reader, raw: dict[str, Any]) -> None:
    for key, value in raw.items():
        path: Path = ("numbers", key)
        if key == "default":
            reader.found.has_default_number = True
        elif not _NUMBER.fullmatch(key):
            reader.report(path, f"'{key[:40]}' is not a telephone number, nor the word default")
        _read_number(reader, key, value, path)


def _read_number(reader: Reader, key: str, raw: Any, path: Path) -> None:
    found = reader.found
    part = check_shape(NumberPart, raw, path, reader.report)
    closed = _closed(reader, raw, path)
    pop = read_pop(reader, raw["pop"], (*path, "pop")) if _gives(raw, "pop") else SetPop()
    lead = read_lead(reader, raw["lead"], (*path, "lead"), key) if _gives(raw, "lead") else None
    record = _record(reader, raw["record"], (*path, "record")) if _gives(raw, "record") else None
    if part is None:
        return
    missed_task_s = _missed_task_s(reader, part.missed_task, path)
    if part.hours is not None:
        reader.known("hours", part.hours, (*path, "hours"), "opening hours")
    name = "default" if key == "default" else digits_of(key)
    if name in found.numbers:
        other = found.numbers[name]
        reader.report(path, f"'{key}' is the same number as '{other.key}' in {other.place}")
        return
    found.numbers[name] = NumberEntry(
        key=key,
        menu=part.menu,
        place=reader.place(path),
        language=part.language,
        region=part.region,
        lead=lead or LeadPolicy(rule=key),
        missed_task_s=missed_task_s,
        timezone=zoneinfo.ZoneInfo(part.timezone) if part.timezone else None,
        hours=part.hours,
        closed=closed,
        pop=pop,
        record=record,
    )


def _record(reader: Reader, raw: Any, path: Path) -> RecordCalls | None:
    part = check_shape(RecordCallsPart, raw, path, reader.report)
    if part is None:
        return None
    for key in ("silence", "timeout_s"):
        if _gives(raw, key) and part.consent != "ask":
            reader.report((*path, key), f"'{key}' goes with 'consent: ask'")
    return RecordCalls(part.consent, part.silence == "agree", part.timeout_s)


def _missed_task_s(reader: Reader, written: Any, path: Path) -> float | None:
    if isinstance(written, bool):
        return 0.0 if written else None
    if isinstance(written, int | float) and 0 <= written <= LONGEST_WAIT_S:
        return float(written)
    sentence = f"'missed_task' must be true, false or seconds up to {LONGEST_WAIT_S}, not "
    reader.report((*path, "missed_task"), sentence + as_said(written))
    return None


def _gives(raw: Any, key: str) -> bool:
    return isinstance(raw, dict) and raw.get(key) is not None


def _closed(reader: Reader, raw: Any, path: Path) -> Action | None:
    has_hours, has_closed = _gives(raw, "hours"), _gives(raw, "closed")
    if has_hours and not has_closed:
        sentence = "'hours' needs 'closed': what callers meet outside of them"
        reader.report((*path, "hours"), sentence)
    if not has_closed:
        return None
    if not has_hours:
        reader.report((*path, "closed"), "'closed' goes with 'hours'")
    action = action_in(reader, raw, "closed", path, to_person(reader))
    if any(isinstance(step, Back) for step in every_step(action)):
        reader.report((*path, "closed"), "'back' leads nowhere before any menu")
    return action


def read_pop(reader: Reader, raw: Any, path: Path) -> SetPop:
    part = check_shape(PopPart, raw, path, reader.report)
    note = reader.optional_text(raw, "note", path)
    if part is not None and note is not None and not part.shown:
        reader.report((*path, "note"), "a card that is not shown has no note")
    return SetPop(part.shown if part else True, note)
