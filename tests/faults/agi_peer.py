"""One AGI connection of ours, and the other end of its socket in a test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_request import AgiRequest
from tests.fakes.asterisk_agi import header


@dataclass
class AgiPeer:
    writer: asyncio.StreamWriter
    commands: list[bytes] = field(default_factory=list)

    async def say(self, data: bytes, size: int = 100_000) -> None:
        """In segments of that size."""
        for at in range(0, len(data), size):
            if self.writer.is_closing():
                return
            self.writer.write(data[at : at + size])
            await asyncio.sleep(0)


#: Of the peer: what it does when that command, the so-manieth, comes.
Answer = Callable[[AgiPeer, int, bytes], Awaitable[None]]


class _Owner:
    def __init__(self) -> None:
        self.whole: asyncio.Future[AgiConnection] = asyncio.get_running_loop().create_future()

    def connected(self, connection: AgiConnection) -> bool:
        return True

    def requested(self, connection: AgiConnection, request: AgiRequest) -> None:
        self.whole.set_result(connection)

    def refused(self, connection: AgiConnection, reason: str) -> None:
        self.whole.set_exception(AssertionError(reason))

    def gone(self, connection: AgiConnection) -> None:
        return

    def closed(self, connection: AgiConnection) -> None:
        return


@asynccontextmanager
async def agi_line(answer: Answer) -> AsyncIterator[tuple[AgiConnection, AgiPeer]]:
    """A connection whose request is read, and who answers it over a real socket."""
    loop, owner = asyncio.get_running_loop(), _Owner()
    server = await loop.create_server(
        lambda: AgiConnection(owner=owner, loop=loop, header_deadline_s=20), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        peer = AgiPeer(writer)

        async def serve() -> None:
            await peer.say(header())
            with suppress(ConnectionError):  # ours may close while we are still talking
                while line := await reader.readline():
                    peer.commands.append(line)
                    await answer(peer, len(peer.commands) - 1, line)

        serving = asyncio.create_task(serve(), name="agi-peer")
        connection = await owner.whole
        try:
            yield connection, peer
        finally:
            connection.close()
            await serving
            writer.close()
