"""Settings of Asterisk's queues, as far as we have a say in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Seconds, Section

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class QueueSettings(Section):
    membership: Literal["ours", "leave"] = "ours"
    """ours: agents are members of their queues (`agents add --queue`) from the moment they choose a
    state on the desktop until they are offline or logged out, where nobody else made them one;
    leave: Asterisk's queues are none of our business."""
    membership_grace_s: Seconds = 30.0
    """Who is offline or logged out for so long is taken out of the queues that we put them in."""
    penalty_skills: dict[_Name, _Name] = Field({})
    """Queues whose members come by a skill: `{support: french}` gives members whom we add the
    penalty 10 minus the level of that skill, and 10 where they have it not."""
