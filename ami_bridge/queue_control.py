"""Tells Asterisk's queues whether an agent takes calls."""

from __future__ import annotations

from ami_bridge.ami_client import ActionRefused, AmiClient
from calls.errors import Unavailable

#: What `manager_pause_queue_member` says (apps/app_queue.c, 22.10.1).
_IN_NO_QUEUE = "Interface not found"


class AmiQueueControl:
    """Implements `calls.ports.QueueControl` by QueuePause (apps/app_queue.c; needs the right to
    write `agent`). Without a Queue header it holds for every queue of the interface."""

    def __init__(self, *, client: AmiClient) -> None:
        self._client = client

    async def set_paused(self, interface: str, *, paused: bool, reason: str) -> None:
        """Who is in no queue is kept from nothing. Raises Unavailable also where Asterisk
        refuses."""
        headers = [("Interface", interface), ("Paused", "true" if paused else "false")]
        if reason:
            headers.append(("Reason", reason))
        try:
            await self._client.ask("QueuePause", headers)
        except ActionRefused as error:
            if _IN_NO_QUEUE in str(error):
                return
            raise Unavailable(str(error)) from error
