"""Tells Asterisk's queues whether an agent takes calls."""

from __future__ import annotations

from ami_bridge.ami_client import ActionRefused, AmiClient
from calls.errors import Unavailable


class AmiQueueControl:
    """Implements `calls.ports.QueueControl` by QueuePause (apps/app_queue.c; needs the right to
    write `agent`). Without a Queue header it holds for every queue of the interface."""

    def __init__(self, *, client: AmiClient) -> None:
        self._client = client

    async def set_paused(self, interface: str, *, paused: bool, reason: str) -> None:
        """Raises Unavailable also where Asterisk knows no such member, or refuses."""
        headers = [("Interface", interface), ("Paused", "true" if paused else "false")]
        if reason:
            headers.append(("Reason", reason))
        try:
            await self._client.ask("QueuePause", headers)
        except ActionRefused as error:
            raise Unavailable(str(error)) from error
