"""A TCP proxy that can be cut: the network between two peers, in the hands of a test."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
from collections.abc import Callable
from typing import Self


class Mode(enum.Enum):
    PASS = "pass"
    #: Everybody may connect and send; nothing arrives, nobody is told. What was on its way
    #: arrives late, as TCP does it once the network is back.
    BLACKHOLE = "blackhole"
    #: Whoever connects is closed at once.
    CLOSE = "close"
    #: Whoever sends anything is reset.
    RESET = "reset"


class _Reset(Exception):
    """The connection is to end with an RST."""


class TcpProxy:
    """`async with TcpProxy()`; set `target` before the first peer connects.

    `on_upstream` is given every piece as it reaches the target, and which connection it is of.
    """

    def __init__(self, on_upstream: Callable[[int, bytes], None] = lambda _c, _p: None) -> None:
        self.target: tuple[str, int] | None = None
        self._on_upstream = on_upstream
        self._mode = Mode.PASS
        self._open = asyncio.Event()
        self._open.set()
        #: Answers come so many seconds late, unless somebody calls `let_pass` before.
        self._late_s = 0.0
        self._hurry = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        #: Connections that ever reached the target.
        self.connections = 0

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def blackhole(self) -> None:
        self._mode = Mode.BLACKHOLE
        self._open.clear()

    def delay(self, seconds: float) -> None:
        """Whatever the target says arrives so much later."""
        self.let_pass()
        self._late_s = seconds
        self._hurry.clear()

    def reset(self) -> None:
        """Whoever sends anything gets an RST, and the target nothing, until `let_pass`."""
        self.let_pass()
        self._mode = Mode.RESET

    def close_all(self) -> None:
        """Ends every connection, and every new one, until `let_pass`."""
        self._mode = Mode.CLOSE
        self._open.set()
        for task in self._tasks:
            task.cancel()

    def let_pass(self) -> None:
        self._mode = Mode.PASS
        self._late_s = 0.0
        self._hurry.set()
        self._open.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer), name="tcp proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            if self._mode is Mode.CLOSE or self.target is None:
                return
            answers, upstream = await asyncio.open_connection(*self.target)
            self.connections += 1
            number = self.connections
            there = self._pump(reader, upstream, lambda piece: self._on_upstream(number, piece))
            back = self._pump(answers, writer, lambda _piece: None, late=True)
            await self._either(there, back)
        except _Reset:
            linger = struct.pack("ii", 1, 0)
            peer = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except OSError:
            return
        finally:
            for end in (writer, upstream):
                if end is not None:
                    end.transport.abort()

    async def _either(self, *pumps: object) -> None:
        """Until one side has closed; then the other is closed too."""
        tasks = [asyncio.create_task(pump, name="tcp proxy pump") for pump in pumps]  # type: ignore[arg-type]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        seen: Callable[[bytes], None],
        *,
        late: bool = False,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                await self._open.wait()
                if self._mode is Mode.RESET and not late:
                    raise _Reset
                if late and self._late_s:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._hurry.wait(), self._late_s)
                seen(piece)
                writer.write(piece)
                await writer.drain()
