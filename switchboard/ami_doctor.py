"""Logs in to the AMI as the server does: what Asterisk tells of itself and of our rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ami_bridge import self_check
from ami_bridge.ami_client import AmiClient, AmiTiming
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
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_up() -> None:
        if not up.done():
            up.set_result(None)

    def on_down(reason: str) -> None:
        if not up.done():
            up.set_exception(Unavailable(reason))

    client = AmiClient(
        settings=settings,
        on_event=lambda _name, _block: None,
        on_up=on_up,
        on_down=on_down,
        timing=AmiTiming(connect_s=1.0, login_s=2.0, action_s=2.0),
    )
    connection = asyncio.create_task(client.run(), name="ami:doctor")
    try:
        async with asyncio.timeout(DEADLINE_S):
            await up
            doubts = await self_check.look(client)
            return (client.doubt, *doubts) if client.doubt else doubts
    finally:
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)
