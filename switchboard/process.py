"""One process of a centre, from start to stop, whatever part of the work it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

from config.settings import Settings
from switchboard.connections import Connections
from switchboard.ground import Ground
from switchboard.listening import listening
from switchboard.stages import SideTasks


class Process(ABC):
    """`async with`: what is begun in `_start` stops in reverse, also where the start fails."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ground = Ground(settings)

    @property
    def side_tasks(self) -> SideTasks:
        return self._ground.side_tasks

    @property
    @abstractmethod
    def status(self) -> str:
        """For people; known once started."""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._ground.stages.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.side_tasks.expect_the_end()
        await self._ground.stages.stop()

    @abstractmethod
    async def _start(self) -> None: ...

    async def _serve_web(self, app: web.Application) -> None:
        """Where callers' prompts and desktops are served, until the process stops."""
        self._ground.warn_of_every_address()
        at = self.settings.web
        stop = await serve(
            app,
            "the web server",
            self._ground.connections,
            section="web",
            host=at.host,
            port=at.port,
        )
        self._ground.stages.on_stop("web", stop, 10)


async def serve(
    app: web.Application,
    what: str,
    connections: Connections,
    *,
    section: str,
    host: str,
    port: int,
) -> Callable[[], Awaitable[None]]:
    """Stops when the answer is called. Raises Misconfigured as `listening` does."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        with listening(what, section=section, host=host, port=port):
            server = await connections.listen(runner, host, port)
    except BaseException:
        await runner.cleanup()
        raise

    async def stop() -> None:
        server.close()
        await runner.cleanup()

    return stop
