"""Is it alive, can it serve, and how is it doing: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


@dataclass(frozen=True, slots=True)
class PartState:
    """`needed`: without it calls cannot be served; the others are only said."""

    ok: bool
    detail: str
    needed: bool = False


Probe = Callable[[], PartState]


@dataclass(slots=True)
class LoopLag:
    """How late the loop wakes up, in seconds: last, and at worst in the last minute."""

    last_s: float = 0.0
    beat_at: float = field(default_factory=time.monotonic)
    _minute: deque[float] = field(default_factory=lambda: deque(maxlen=240))

    @property
    def worst_s(self) -> float:
        return max(self._minute, default=0.0)

    async def watch(self, every_s: float = 0.25) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every_s
            await asyncio.sleep(every_s)
            self.last_s = max(0.0, loop.time() - due)
            self._minute.append(self.last_s)
            self.beat_at = time.monotonic()


class Health:
    """Features hand in their probes and counters; nobody is asked anything that takes time."""

    def __init__(self) -> None:
        self.lag = LoopLag()
        self._probes: dict[str, Probe] = {}
        self._counters: list[Callable[[], dict[str, float]]] = []
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def add_part(self, name: str, probe: Probe) -> None:
        self._probes[name] = probe

    def add_counters(self, counters: Callable[[], dict[str, float]]) -> None:
        """`counters()` gives current values by name; names ending in `_total` only ever grow."""
        self._counters.append(counters)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)

    def parts(self) -> dict[str, PartState]:
        return {name: probe() for name, probe in self._probes.items()}

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus_client at each scrape."""
        yield GaugeMetricFamily(
            "switchboard_loop_lag_seconds", "how late the loop woke up last", self.lag.last_s
        )
        yield GaugeMetricFamily(
            "switchboard_loop_lag_worst_seconds",
            "how late it woke up at worst in the last minute",
            self.lag.worst_s,
        )
        up = GaugeMetricFamily("switchboard_part_up", "1 where the part works", labels=["part"])
        for name, part in self.parts().items():
            up.add_metric([name], 1.0 if part.ok else 0.0)
        yield up
        for counters in self._counters:
            for name, value in counters().items():
                family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                yield family(f"switchboard_{name}", name.replace("_", " "), value)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True, "loop_lag_s": round(self.lag.last_s, 4)})

    async def _readyz(self, _request: web.Request) -> web.Response:
        parts = self.parts()
        # No parts yet: still starting.
        ready = bool(parts) and all(part.ok for part in parts.values() if part.needed)
        body: dict[str, Any] = {
            "ready": ready,
            "parts": {
                name: {"ok": part.ok, "needed": part.needed, "detail": part.detail}
                for name, part in parts.items()
            },
        }
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )
