"""Events of one process as bytes for another. What comes back is checked: a peer of another version
may know other events, and others than peers may reach the Redis between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from calls import events
from calls.call import CallOutcome
from calls.events import CallEvent


@dataclass(frozen=True, slots=True)
class DialogStarted(CallEvent):
    """A process talks with this caller; see `ami_bridge.agi_server.DialogWatcher`."""


@dataclass(frozen=True, slots=True)
class DialogEnded(CallEvent):
    hung_up: bool
    queued: bool
    left_for: CallOutcome | None = None


#: By name.
KINDS: dict[str, type[CallEvent]] = {
    one.__name__: one
    for one in (*vars(events).values(), DialogStarted, DialogEnded)
    if isinstance(one, type) and issubclass(one, CallEvent) and one is not CallEvent
}


class NotAnEvent(ValueError):
    """Of a newer version, damaged, or made up."""


def encode(event: CallEvent) -> bytes:
    kind = type(event).__name__
    # Of a mapping that is no dict it would warn; `_plain` makes one of it.
    told = _adapter(kind).dump_python(event, mode="json", fallback=_plain, warnings=False)
    return json.dumps([kind, told], separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> CallEvent:
    """Raises NotAnEvent."""
    try:
        kind, told = json.loads(data)
        event: CallEvent = _adapter(kind).validate_python(told, strict=False)
    except (ValueError, TypeError, ValidationError, RecursionError) as error:
        raise NotAnEvent(f"{type(error).__name__} in {len(data)} bytes") from error
    return event


def _plain(value: object) -> object:
    """What pydantic has no form for: mappings that cannot be changed, and facts of any kind."""
    return dict(value) if isinstance(value, Mapping) else str(value)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """Raises ValueError for a kind that there is not."""
    if kind not in KINDS:
        raise ValueError(f"no event {kind!r}")
    return TypeAdapter(KINDS[kind])
