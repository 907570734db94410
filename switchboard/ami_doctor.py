"""Logs in to the AMI as the server does: what Asterisk tells of itself and of our rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ami_bridge import brief_session, self_check
from ami_bridge.ami_client import AmiTiming
from calls.errors import Unavailable
from config.settings import AmiSettings
from switchboard.findings import Finding

#: A wrong secret is answered after one second.
DEADLINE_S = 5.0


def logged_in(settings: AmiSettings) -> Iterator[Finding]:
    """Of an AMI that answers."""
    try:
        doubts = asyncio.run(_look(settings))
    except (Unavailable, TimeoutError) as away:
        why = str(away) or f"no answer within {DEADLINE_S:g} s"
        yield Finding(
            "error",
            f"AMI: user {settings.username} could not log in ({why})",
            "give ami.secret or ami.secret_file the secret of Asterisk's manager.conf",
        )
        return
    for doubt in doubts:
        yield Finding("warning", f"AMI: {doubt}")
    if not doubts:
        yield Finding("ok", f"AMI: user {settings.username} logs in, with no right too many")


async def _look(settings: AmiSettings) -> tuple[str, ...]:
    """Raises Unavailable and TimeoutError."""
    timing = AmiTiming(connect_s=1.0, login_s=2.0, action_s=2.0)
    async with brief_session.logged_in(
        settings, name="ami:doctor", timing=timing, deadline_s=DEADLINE_S
    ) as client:
        doubts = await self_check.look(client)
        return (client.doubt, *doubts) if client.doubt else doubts
