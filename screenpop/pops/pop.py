"""One pop: one agent's ringing phone, from offer to wrap-up. Pure state, no sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from calls.call import CallId
from calls.card_numbers import without_cards
from screenpop.desk.protocol import CloseReason, PopSnapshot, PopState, WrapUp
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.content import PopContent

#: Codes an agent can end a call with; the desktop has them in its languages.
DISPOSITION_CODES = (
    "resolved",
    "follow_up",
    "callback",
    "sale",
    "complaint",
    "wrong_number",
    "other",
)


@dataclass(slots=True)
class Pop:
    """offered -> claimed -> wrapup -> closed; an offer may also close straight away."""

    pop_id: str
    agent: str
    call_id: CallId
    interface: str
    content: PopContent
    offered_at: datetime
    #: The phone behind `interface`, where the agent is known by that alone.
    known_by: str | None = None
    state: PopState = "offered"
    #: The newest frame sent about it.
    seq: int = 0
    claimed_at: datetime | None = None
    released_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None
    wrapup: WrapUp | None = None
    disposition: str | None = None
    note: str = ""
    #: Since when the agent has the recording of the call paused.
    paused_at: datetime | None = None
    #: The agent's phones that ring for it now.
    ringing: set[str] = field(default_factory=set)
    #: None of them rings any more, and not because the agent let it ring: why is yet to be told.
    quiet_at: datetime | None = None
    #: Was on a screen before this process started; its content is of that time.
    restored: bool = False

    @property
    def is_open(self) -> bool:
        return self.state != "closed"

    def as_kept(self, written: str) -> str:
        """What the agent wrote, without card numbers; the call's own numbers stay."""
        call = self.content.call
        return without_cards(written, spare=(call.number, call.dialled))

    def snapshot(self) -> PopSnapshot:
        return PopSnapshot(
            pop_id=self.pop_id,
            seq=self.seq,
            state=self.state,
            content=self.content,
            offered_at=epoch_ms(self.offered_at),
            claimed_at=epoch_ms(self.claimed_at) if self.claimed_at else None,
            closed_at=epoch_ms(self.closed_at) if self.closed_at else None,
            close_reason=self.close_reason,
            wrapup=self.wrapup,
            note=self.note,
        )
