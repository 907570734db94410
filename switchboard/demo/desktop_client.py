"""An agent's desktop without a screen: logs in, takes frames, acknowledges, resumes.

The demo's simulated agents sit behind it, and tests use it as a peer that speaks the true wire.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from screenpop.desk.hub import RESTART_LEAP

log = logging.getLogger(__name__)

Frame = dict[str, Any]

REQUEST_DEADLINE_S = 10.0
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
KEPT_FRAMES = 1_000
KEPT_POPS = 200
KEPT_LATENCIES = 10_000


class LogInFailed(Exception):
    """The server refused the log-in; the message has its status."""


@dataclass(slots=True)
class DesktopCounters:
    offers: int = 0
    updates: int = 0
    claims: int = 0
    wrapups: int = 0
    #: By reason.
    closes: Counter[str] = field(default_factory=Counter)
    acks: int = 0
    #: Frames that came again; at-least-once allows them, the screen ignores them.
    repeated: int = 0
    #: Gaps in the numbering that a resume did not explain: must stay 0.
    gaps: int = 0
    connects: int = 0
    resumes: int = 0
    #: Milliseconds from the event to the frame being taken in here.
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))


class DesktopClient:
    """`async with DesktopClient(base_url, login, password)` is connected on entering and stays so,
    reconnecting and resuming by itself, until it is left."""

    def __init__(
        self,
        base_url: str,
        login: str,
        password: str,
        *,
        on_frame: Callable[[Frame], None] | None = None,
        comes_back: bool = False,
    ) -> None:
        """`comes_back`: says so at once where a call rang in vain, as an agent at the desk does."""
        self.base_url = base_url.rstrip("/")
        self.login = login
        self._password = password
        self._on_frame = on_frame
        self._comes_back = comes_back
        self.counters = DesktopCounters()
        #: Every new frame, newest last; bounded.
        self.frames: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        #: Content and state of the pops known here.
        self.pops: dict[str, Frame] = {}
        self.status: Frame = {}
        self.last_seq: int | None = None
        self._http: aiohttp.ClientSession | None = None
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._paused = asyncio.Event()
        self._paused.set()

    async def __aenter__(self) -> Self:
        jar = aiohttp.CookieJar(unsafe=True)  # a server on 127.0.0.1 has no name
        timeout = aiohttp.ClientTimeout(total=REQUEST_DEADLINE_S)
        self._http = aiohttp.ClientSession(cookie_jar=jar, timeout=timeout)
        try:
            await self._log_in(self._http)
            self._task = asyncio.create_task(self._stay(), name=f"desktop:{self.login}")
            await self.wait_for(lambda: self.counters.connects > 0)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def log_out(self) -> None:
        """Ends the log-in, as the page's button does; the state stays as it was chosen."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            async with self._http.delete(f"{self.base_url}/api/v1/session") as answer:
                answer.raise_for_status()

    async def wait_for(self, reached: Callable[[], bool], deadline_s: float = 10.0) -> None:
        """Returns when `reached()` after some frame. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s), self._changed:
            await self._changed.wait_for(reached)

    async def wait_frame(self, kind: str, deadline_s: float = 10.0, **wanted: Any) -> Frame:
        """The first frame kept of this kind and with these fields; waits for it."""

        def found() -> Frame | None:
            for frame in self.frames:
                if frame["kind"] == kind and all(frame.get(k) == v for k, v in wanted.items()):
                    return frame
            return None

        await self.wait_for(lambda: found() is not None, deadline_s)
        frame = found()
        if frame is None:
            raise LookupError(kind)
        return frame

    async def set_state(self, state: str) -> None:
        """`available`, `not_ready` or `offline`; returns when the server has confirmed it."""
        await self.send({"kind": "state.set", "state": state, "now": True})
        await self.wait_for(lambda: self.status.get("state") == state)

    async def dispose(self, pop_id: str, code: str = "resolved", note: str = "") -> None:
        await self.send({"kind": "disposition", "pop_id": pop_id, "code": code, "note": note})

    async def note(self, pop_id: str, text: str) -> None:
        await self.send({"kind": "note", "pop_id": pop_id, "text": text})

    async def select(self, pop_id: str, candidate: str | None) -> None:
        await self.send({"kind": "select", "pop_id": pop_id, "candidate": candidate})

    async def send(self, frame: Frame) -> None:
        """Raises ConnectionError while there is no connection."""
        if self._websocket is None:
            raise ConnectionError("the desktop is not connected")
        await self._websocket.send_str(json.dumps(frame))

    async def cut(self, *, stay_away: bool = False) -> None:
        """Breaks the connection as a network does; `stay_away` until `come_back`."""
        if stay_away:
            self._paused.clear()
        websocket = self._websocket
        if websocket is not None:
            # A twin of the descriptor: event loops do not let their own socket be shut down.
            raw = websocket.get_extra_info("socket")
            with socket.socket(fileno=os.dup(raw.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)
        await self.wait_for(lambda: self._websocket is not websocket)

    def come_back(self) -> None:
        self._paused.set()

    async def _log_in(self, http: aiohttp.ClientSession) -> None:
        body = {"login": self.login, "password": self._password}
        async with http.post(f"{self.base_url}/api/v1/session", json=body) as response:
            if response.status != 200:
                raise LogInFailed(f"the server answered {response.status}")

    async def _stay(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            await self._paused.wait()
            try:
                await self._connect_once()
                wait_s = FIRST_WAIT_S
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.info("desktop: no connection (%s)", type(error).__name__)
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    async def _connect_once(self) -> None:
        """Returns when the connection has ended."""
        if self._http is None:
            raise ConnectionError("the desktop is closed")
        async with self._http.post(f"{self.base_url}/api/v1/agent/ticket") as response:
            response.raise_for_status()
            query = {"ticket": (await response.json())["ticket"]}
        if self.last_seq is not None:
            query["last_seq"] = str(self.last_seq)
        address = f"{self.base_url}/agent/ws"
        async with self._http.ws_connect(
            address, params=query, headers={"Origin": self.base_url}, heartbeat=20.0
        ) as websocket:
            self._websocket = websocket
            try:
                async for message in websocket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await self._take(websocket, json.loads(message.data))
            finally:
                self._websocket = None
                async with self._changed:
                    self._changed.notify_all()

    async def _take(self, websocket: aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
        repeated = self._learn(frame)
        if "seq" in frame and "pop_id" in frame:
            ms = max(0.0, time.time() * 1000 - frame["ts"])
            ack = {"kind": "ack", "pop_id": frame["pop_id"], "seq": frame["seq"]}
            await websocket.send_str(json.dumps(ack | ({} if repeated else {"rendered_ms": ms})))
            self.counters.acks += 1
        told = frame["kind"] in ("hello", "agent.state")
        if told and self._comes_back and self.status["activity"] == "missed":
            await websocket.send_str(json.dumps({"kind": "state.set", "state": "available"}))
        if not repeated:
            self.frames.append(frame)
            if self._on_frame is not None:
                self._on_frame(frame)
        async with self._changed:
            self._changed.notify_all()

    def _learn(self, frame: Frame) -> bool:
        """True for a frame that was here before."""
        match frame["kind"]:
            case "hello":
                self._greet(frame)
            case "agent.state":
                self.status = frame["status"]
            case "agent.day" | "notice" | "lead.new" | "lead.gone" | "presence":
                pass
            case "call.consult" | "call.recording":
                pass
            case _:
                if self.last_seq is not None and frame["seq"] <= self.last_seq:
                    self.counters.repeated += 1
                    return True
                # A restarted server leaps ahead in its numbering; that is no gap.
                if self.last_seq and 1 < frame["seq"] - self.last_seq < RESTART_LEAP // 2:
                    self.counters.gaps += 1
                self.last_seq = frame["seq"]
                self._learn_pop(frame)
        return False

    def _greet(self, frame: Frame) -> None:
        self.counters.connects += 1
        self.status = frame["status"]
        if frame["resumed"]:
            self.counters.resumes += 1
            return
        self.last_seq = frame["seq"]
        self.pops = {pop["pop_id"]: dict(pop) for pop in frame["pops"]}

    def _learn_pop(self, frame: Frame) -> None:
        pop = self.pops.setdefault(frame["pop_id"], {"pop_id": frame["pop_id"]})
        match frame["kind"]:
            case "pop.offer":
                self.counters.offers += 1
                self.counters.latencies_ms.append(time.time() * 1000 - frame["ts"])
                pop |= {"state": "offered", "content": frame["content"]}
            case "pop.update":
                self.counters.updates += 1
                pop["content"] = frame["content"]
            case "pop.claim":
                self.counters.claims += 1
                pop["state"] = "claimed"
            case "pop.wrapup":
                self.counters.wrapups += 1
                pop |= {"state": "wrapup", "wrapup": frame["wrapup"]}
            case "pop.close":
                self.counters.closes[frame["reason"]] += 1
                pop |= {"state": "closed", "close_reason": frame["reason"]}
                while len(self.pops) > KEPT_POPS:
                    del self.pops[next(iter(self.pops))]
