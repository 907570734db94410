"""When a stranger becomes a lead, whose it is, and who is called back: a word, or a mapping."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, get_args

from pydantic import Field

from calls.follow_up import AGENT, OWNER_CHAIN, QUEUE, LeadPolicy
from config.problems import as_said, did_you_mean
from config.reading.parts import Lead, Part
from config.reading.reader import Path, Reader
from config.shape import check_shape

#: Longer lists belong into the CRM.
MAX_DENIED = 500
MAX_OWNERS = 10
LONGEST_WAIT_S = 3600
_DENIED = re.compile(r"\+[1-9][0-9 ().-]{0,24}\*?", re.ASCII)
_AGENT = re.compile(r"[A-Za-z0-9_.@-]{1,40}", re.ASCII)
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_NAMED = {AGENT: _AGENT, QUEUE: _QUEUE}
_WORDS = ", ".join((*OWNER_CHAIN, f"{AGENT}LOGIN", f"{QUEUE}NAME"))

Days = Annotated[float, Field(ge=0, le=3650)]
Wait = Annotated[float, Field(ge=0, le=LONGEST_WAIT_S)]
Denied = Annotated[str, Field(max_length=30)]
Owner = Annotated[str, Field(max_length=60)]


class LeadPart(Part):
    when: Lead = "always"
    """When a stranger becomes a lead in the CRM."""
    after_s: Wait = 0.0
    """With on_abandon: only who rang off so many seconds after arriving, or later."""
    min_talk_s: Wait = 0.0
    """With on_answer: only who talked with us for at least so many seconds."""
    dedupe_days: Days = 0.0
    """A number whose lead was closed makes no new one for so many days."""
    deny: Annotated[list[Denied], Field(max_length=MAX_DENIED)] = Field(default_factory=list)
    """Numbers that never become leads, with their country: "+442079460018", or all that begin
    like "+4420*"."""
    owner: Annotated[list[Owner], Field(min_length=1, max_length=MAX_OWNERS)] = Field(
        default_factory=lambda: list(OWNER_CHAIN)
    )
    """Whose the lead is: the first of these that names an agent. record_owner, last_active,
    queue (the agent of the call's queue with the fewest open leads), queue:NAME, agent:LOGIN,
    default."""


def read_lead(reader: Reader, raw: Any, path: Path, rule: str) -> LeadPolicy | None:
    """None where it is wrong, which is reported."""
    if isinstance(raw, str):
        words = get_args(Lead)
        if raw not in words:
            hint = did_you_mean(raw, words)
            listed = ", ".join(words)
            reader.report(path, f"'lead' must be one of {listed}, not {as_said(raw)}{hint}")
            return None
        raw = {"when": raw}
    before = reader.errors
    part = check_shape(LeadPart, raw, path, reader.report)
    if part is None:
        return None
    if "after_s" in raw and part.when != "on_abandon":
        reader.report((*path, "after_s"), "'after_s' goes with 'when: on_abandon'")
    if "min_talk_s" in raw and part.when != "on_answer":
        reader.report((*path, "min_talk_s"), "'min_talk_s' goes with 'when: on_answer'")
    deny = _denied(reader, part.deny, (*path, "deny"))
    _check_owners(reader, part.owner, (*path, "owner"))
    if reader.errors > before:
        return None
    return LeadPolicy(
        when=part.when,
        rule=rule,
        after_s=part.after_s,
        min_talk_s=part.min_talk_s,
        dedupe_days=part.dedupe_days,
        deny=deny,
        owner=tuple(part.owner),
    )


def _denied(reader: Reader, written: Sequence[str], path: Path) -> tuple[str, ...]:
    for index, text in enumerate(written):
        if not _DENIED.fullmatch(text):
            sentence = (
                f"{as_said(text)} is neither a number with its country, like +442079460018, nor "
                "the beginning of some, like +4420*"
            )
            reader.report((*path, index), sentence)
    return tuple(re.sub(r"[ ().-]", "", text) for text in written)


def _check_owners(reader: Reader, chain: Sequence[str], path: Path) -> None:
    for index, word in enumerate(chain):
        start = next((start for start in _NAMED if word.startswith(start)), None)
        if start is not None and _NAMED[start].fullmatch(word[len(start) :]):
            continue
        if start is None and word in OWNER_CHAIN:
            continue
        hint = did_you_mean(word, OWNER_CHAIN) or f"; there are: {_WORDS}"
        reader.report((*path, index), f"{as_said(word)} names no owner{hint}")
