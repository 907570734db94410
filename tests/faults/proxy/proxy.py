"""The proxy itself: connections to one target, each with a lane either way."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from typing import Any, Self, TypeVar

from tests.faults.proxy.lane import Lane, LinkOver, Seen, end_with_rst, send_at_once
from tests.faults.proxy.toxics import Blackhole, Direction, Latency, LimitData, Reset, Toxic, told

T = TypeVar("T")
#: What was written still arrives, if the peer reads.
_LAST_WORDS_S = 5.0
_DOORSTEP = (Direction.UP, Direction.DOWN)


class FaultProxy:
    """`async with FaultProxy(("127.0.0.1", 5038)) as proxy:` listens on `proxy.port`.

    Toxics are added and taken away while connections last. Of one kind and direction the last added
    counts. `seed` decides every random thing, for each connection and direction by itself.
    `target` may be set later, before the first peer connects; `seen` is told what passes.
    """

    def __init__(
        self,
        target: tuple[str, int] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        seen: Seen = lambda _connection, _direction, _piece: None,
    ) -> None:
        self.target = target
        self.seed = seed
        self._host, self._port = host, port
        self._seen = seen
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._toxics: dict[str, tuple[Toxic, Direction]] = {}
        self._named = 0
        self._news = asyncio.Event()
        #: Connections that ever reached the target.
        self.connections = 0
        self.passed = dict.fromkeys(_DOORSTEP, 0)

    @property
    def port(self) -> int:
        """Known once it has listened; stays the same."""
        return self._port

    @property
    def open_connections(self) -> int:
        return len(self._links)

    @property
    def toxics(self) -> dict[str, tuple[Toxic, Direction]]:
        return dict(self._toxics)

    # What a network may do

    def add(self, toxic: Toxic, direction: Direction = Direction.BOTH, *, name: str = "") -> str:
        """The toxic's name, for `remove`."""
        if not name:
            self._named += 1
            name = f"{told(toxic)['toxic']}-{self._named}"
        self._toxics.pop(name, None)
        self._toxics[name] = (toxic, direction)
        self._tell()
        return name

    def remove(self, name: str) -> None:
        """Raises KeyError."""
        del self._toxics[name]
        self._tell()

    def let_pass(self) -> None:
        """Without any toxic, as at first."""
        self._toxics.clear()
        self._tell()

    def blackhole(self) -> None:
        self.add(Blackhole())

    def delay(self, seconds: float) -> None:
        """Whatever the target says arrives so much later, and nothing else is amiss."""
        self.let_pass()
        self.add(Latency(seconds), Direction.DOWN)

    def reset(self) -> None:
        """Whoever sends anything gets an RST, and the target nothing, until `let_pass`."""
        self.let_pass()
        self.add(Reset(), Direction.UP)

    def cut(self, *, rst: bool = False) -> None:
        """Ends every connection there is; the next one passes."""
        for task, ends in self._links.items():
            if rst:
                for end in ends:
                    end_with_rst(end)
            task.cancel()

    def close_all(self) -> None:
        """Ends every connection, and every new one, until `let_pass`."""
        self.add(LimitData(0))
        self.cut()

    async def refuse(self) -> None:
        """Nobody listens, until `listen`; ends every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = tuple(self._links)
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self._host, self._port)
            self._port = int(self._server.sockets[0].getsockname()[1])

    def state(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "listening": f"{self._host}:{self._port}" if self._server is not None else None,
            "target": "{}:{}".format(*self.target) if self.target else None,
            "seed": self.seed,
            "toxics": {
                name: told(toxic) | {"direction": direction.value}
                for name, (toxic, direction) in self._toxics.items()
            },
            "connections": self.connections,
            "open": self.open_connections,
            "passed": {direction.value: count for direction, count in self.passed.items()},
        }

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.refuse()

    # What lanes ask

    def find(self, kind: type[T], direction: Direction) -> T | None:
        for toxic, its in reversed(self._toxics.values()):
            if isinstance(toxic, kind) and its.covers(direction):
                return toxic
        return None

    async def changed(self, within_s: float | None = None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # Connections

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer), name="fault proxy")
        self._links[task] = [writer]
        task.add_done_callback(self._links.pop)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends = self._links[task]
        try:
            while self.find(Blackhole, Direction.UP):
                await self.changed()
            if self.target is None or any(self._closes(way) for way in _DOORSTEP):
                return
            answers, target = await asyncio.open_connection(*self.target)
            ends.append(target)
            self.connections += 1
            await self._both_ways(reader, writer, answers, target)
            await _closed(ends)
        except* LinkOver as group:
            resets = [error.reset for error in group.exceptions if isinstance(error, LinkOver)]
            if any(resets):
                _broken(ends)
            else:
                await _closed(ends)
        except* OSError:
            _broken(ends)
        finally:
            for end in ends:
                end.transport.abort()

    def _closes(self, direction: Direction) -> bool:
        limit = self.find(LimitData, direction)
        return limit is not None and limit.limit == 0

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        target: asyncio.StreamWriter,
    ) -> None:
        number = self.connections
        async with asyncio.TaskGroup() as group:
            for way, source, sink in (
                (Direction.UP, reader, target),
                (Direction.DOWN, answers, writer),
            ):
                send_at_once(sink)
                lane = Lane(
                    self,
                    way,
                    source=source,
                    sink=sink,
                    chance=random.Random(f"{self.seed} {number} {way}"),
                    seen=functools.partial(self._passes, number, way),
                )
                group.create_task(lane.take_in(), name=f"fault proxy {way}, in")
                group.create_task(lane.give_out(), name=f"fault proxy {way}, out")

    def _passes(self, connection: int, direction: Direction, piece: bytes) -> None:
        self.passed[direction] += len(piece)
        self._seen(connection, direction, piece)


async def _closed(ends: list[asyncio.StreamWriter]) -> None:
    for end in ends:
        end.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_S):
            for end in ends:
                await end.wait_closed()


def _broken(ends: list[asyncio.StreamWriter]) -> None:
    for end in ends:
        end_with_rst(end)
