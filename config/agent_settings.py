"""Settings of agents' work: what follows a call, answered or not."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Section

WrapUpMode = Literal["optional", "mandatory", "timed", "timed_strict"]
CodeName = Literal[
    "resolved", "follow_up", "callback", "sale", "complaint", "wrong_number", "other"
]
_QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
_Limit = Annotated[int, Field(ge=5, le=3600)]


class QueueWrapUp(Section):
    mode: WrapUpMode
    limit_s: _Limit | None = None


class AgentSettings(Section):
    missed_not_ready: bool = True
    """An agent whose phone rang for a queue in vain gets no more calls until they say that they are
    back. Only agents who chose a state on the desktop."""
    transfer_numbers: str = r"^[0-9]{2,5}$"
    """Which numbers agents may transfer calls to from the desktop, besides each other: a regular
    expression for the whole number, dialled in `softphone.context`. Never let it match numbers that
    cost money."""
    recording_pause_s: int = Field(600, ge=10, le=3600)
    """An agent may pause the recording of their call, while a card number is said: after so long it
    goes on by itself, and they are told."""
    wrapup: WrapUpMode = "optional"
    """After a call: optional (calls come meanwhile); mandatory (none come until a code is chosen);
    timed (none for `wrapup_limit_s` at most, which may be extended or ended sooner); timed_strict
    (none for exactly so long)."""
    wrapup_limit_s: _Limit = 60
    """How long the timed ones last; at their end the call gets `wrapup_code`, if no other was
    chosen."""
    wrapup_code: CodeName = "other"
    """resolved, follow_up, callback, sale, complaint, wrong_number or other."""
    wrapup_extend_s: int = Field(60, ge=0, le=3600)
    """By so much an agent may extend a timed one; 0: not at all."""
    wrapup_extensions: int = Field(2, ge=0, le=20)
    """How often."""
    wrapup_queues: dict[_QueueName, QueueWrapUp] = Field({})
    """Queues that do it in another way: `{support: {mode: timed, limit_s: 45}}`."""
