"""One direction of one connection through the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from typing import Protocol, TypeVar

from tests.faults.proxy.toxics import (
    Bandwidth,
    Blackhole,
    Corrupt,
    Direction,
    Latency,
    LimitData,
    Reset,
    Slicer,
)

T = TypeVar("T")

#: Told of each piece as it leaves: the number of the connection, its direction, the bytes.
Seen = Callable[[int, Direction, bytes], None]
_PIECE = 65_536
#: Pieces on their way in one direction; a sender beyond that waits, as TCP has it.
_ON_THE_WAY = 64
_EOF = b""


class LinkOver(Exception):
    """The connection is to end, with an RST where `reset`."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Weather(Protocol):
    """The toxics there are now."""

    def find(self, kind: type[T], direction: Direction) -> T | None: ...

    async def changed(self, within_s: float | None = None) -> None:
        """Returns when a toxic has come or gone, or after that long."""


class Lane:
    """`take_in` and `give_out` run side by side, so that what is late keeps nothing else back."""

    def __init__(
        self,
        weather: Weather,
        direction: Direction,
        *,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        chance: random.Random,
        seen: Callable[[bytes], None],
    ) -> None:
        self._weather = weather
        self._direction = direction
        self._source = source
        self._sink = sink
        self._chance = chance
        self._seen = seen
        #: When each is due, on the loop's clock; None for a source that broke off.
        self._way: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(_ON_THE_WAY)
        self._passed = 0

    def _find(self, kind: type[T]) -> T | None:
        return self._weather.find(kind, self._direction)

    async def take_in(self) -> None:
        piece: bytes | None = None
        while piece != _EOF:
            try:
                piece = await self._source.read(_PIECE)
            except OSError:
                await self._way.put((self._due(), None))
                return
            await self._way.put((self._due(), piece))

    async def give_out(self) -> None:
        """Raises LinkOver where the connection is to end both ways."""
        try:
            while True:
                due, piece = await self._way.get()
                await self._arrive(due)
                if piece is None:
                    raise LinkOver(reset=True)
                if piece == _EOF:
                    self._sink.write_eof()
                    return
                await self._give(self._corrupted(piece))
        except OSError:
            raise LinkOver(reset=True) from None

    def _due(self) -> float:
        now = asyncio.get_running_loop().time()
        latency = self._find(Latency)
        if latency is None:
            return now
        jitter_s = self._chance.uniform(-latency.jitter_s, latency.jitter_s)
        return now + max(0.0, latency.delay_s + jitter_s)

    async def _arrive(self, due: float) -> None:
        while self._find(Latency) is not None:
            left_s = due - asyncio.get_running_loop().time()
            if left_s <= 0:
                break
            await self._weather.changed(left_s)
        while self._find(Blackhole) is not None:
            await self._weather.changed()

    def _corrupted(self, piece: bytes) -> bytes:
        corrupt = self._find(Corrupt)
        if corrupt is None:
            return piece
        spoilt = bytearray(piece)
        for at, byte in enumerate(spoilt):
            if self._chance.randrange(corrupt.one_in) == 0:
                spoilt[at] = (byte + self._chance.randrange(1, 256)) % 256
        return bytes(spoilt)

    async def _give(self, piece: bytes) -> None:
        piece, end = self._until_the_end(piece)
        while piece:
            slicer, bandwidth = self._find(Slicer), self._find(Bandwidth)
            size = slicer.size if slicer else len(piece)
            if bandwidth:
                size = max(1, min(size, int(bandwidth.bytes_per_s / 20)))
            part, piece = piece[:size], piece[size:]
            self._passed += len(part)
            self._seen(part)
            self._sink.write(part)
            await self._sink.drain()
            pause_s = len(part) / bandwidth.bytes_per_s if bandwidth else 0.0
            if piece or pause_s:
                await asyncio.sleep(max(pause_s, slicer.pause_s if slicer else 0.0))
        if end is not None:
            raise end

    def _until_the_end(self, piece: bytes) -> tuple[bytes, LinkOver | None]:
        """What of it still passes, and the end that follows."""
        reset, limit = self._find(Reset), self._find(LimitData)
        for bound, end in (
            (reset.after_bytes if reset else None, LinkOver(reset=True)),
            (limit.limit if limit else None, LinkOver(reset=False)),
        ):
            if bound is not None and self._passed + len(piece) > bound:
                return piece[: max(0, bound - self._passed)], end
        return piece, None


def send_at_once(writer: asyncio.StreamWriter) -> None:
    """Each write is a segment of its own."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def end_with_rst(writer: asyncio.StreamWriter) -> None:
    peer = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # broken already
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
