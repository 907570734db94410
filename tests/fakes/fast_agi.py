"""A FastAGI server that does as it is told: what Asterisk does with the answers is the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class ScriptedAgi:
    """Sends each call the same `commands` and closes; `freeze` keeps the connection, saying no
    more; nothing is said at all before `begin` is set. `sessions` holds the request and the replies
    of each call."""

    def __init__(
        self,
        *,
        port: int,
        commands: Sequence[str],
        freeze: bool = False,
        begin: asyncio.Event | None = None,
    ) -> None:
        self._port = port
        self._commands = commands
        self._freeze = freeze
        self._begin = begin
        self._thaw = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.sessions: list[tuple[dict[str, str], list[str]]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._thaw.set()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request: dict[str, str] = {}
        replies: list[str] = []
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            request[name] = value
        self.sessions.append((request, replies))
        if self._begin is not None:
            await self._begin.wait()
        for command in self._commands:
            writer.write(command.encode() + b"\n")
            replies.append((await reader.readline()).decode().strip())
        if self._freeze:
            await self._thaw.wait()
        writer.close()


def route_to(queue: str) -> list[str]:
    """The last words of a server that sends the caller to `queue`, for longer than a test lasts."""
    return [
        "SET VARIABLE SWB_ROUTE queue",
        f"SET VARIABLE SWB_QUEUE {queue}",
        "SET VARIABLE SWB_QUEUE_TIMEOUT 300",
        "SET VARIABLE SWB_DONE 1",
    ]
