"""Who may ask by FastAGI, which knows no secret: Asterisks that the settings name, by address."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from ami_bridge.agi_connection import AgiConnection
from config.neighbours import Neighbours

log = logging.getLogger(__name__)

#: A stranger who keeps knocking is told of so often at most.
_TOLD_EVERY_S = 60.0


class AgiPeers:
    """Names are looked up by one task, however many knock; whom they concern waits unread."""

    def __init__(self, near: Neighbours) -> None:
        self._near = near
        self._held: set[AgiConnection] = set()
        self._task: asyncio.Task[None] | None = None
        self._told_at = float("-inf")
        #: Connections closed for where they came from.
        self.strangers = 0

    @property
    def elsewhere(self) -> bool:
        """Whether an Asterisk of another machine is named."""
        return self._near.elsewhere

    def may_ask(self, connection: AgiConnection) -> bool | None:
        """None: `connection.admit` will be told."""
        # From our own address to our own address only this machine can come.
        own = connection.peer and connection.peer == connection.local
        may = True if own else self._near.is_asterisk_at_once(connection.peer)
        if may is False:
            self._tell(connection)
        elif may is None:
            self._held.add(connection)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._settle(), name="agi-peers")
        return may

    def forget(self, connection: AgiConnection) -> None:
        self._held.discard(connection)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _settle(self) -> None:
        while self._held:
            connection = self._held.pop()
            may = await self._near.is_asterisk(connection.peer)
            if not may:
                self._tell(connection)
            connection.admit(may=may)

    def _tell(self, connection: AgiConnection) -> None:
        self.strangers += 1
        if connection.connected_at - self._told_at < _TOLD_EVERY_S:
            return
        self._told_at = connection.connected_at
        log.warning(
            "agi: %s asks and is no Asterisk of ours: closed. If it is one, name it in "
            "web.asterisks",
            connection.peer,
        )
