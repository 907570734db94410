"""What one other system is to be told of, whoever tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.call import CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class HookNotice:
    """For one webhook, once in effect: the same `event` of the same `subject` of a call is one
    notice, however often it is owed. Those of one `order` arrive one after the other."""

    hook: str
    event: str
    call_id: CallId
    subject: str
    order: str
    at: datetime
    data: Mapping[str, Any]
