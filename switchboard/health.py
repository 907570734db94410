"""Is it alive, can it serve, and how is it doing: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from calls.doors import Asker, Door, Origin, Reply, hang
from screenpop.desk.doorkeeper import WATCHES


@dataclass(frozen=True, slots=True)
class PartState:
    """`needed`: without it calls cannot be served; the others are only said. `remedy`: what a
    person does where it is not `ok`."""

    ok: bool
    detail: str
    needed: bool = False
    remedy: str = ""

    @property
    def state(self) -> str:
        """`degraded`: calls are served, with less; `failed`: they go to the default queue."""
        return "ok" if self.ok else "failed" if self.needed else "degraded"


_TOLD_MORE = frozenset({Asker.ANYBODY, Asker.WATCHER})
HEALTHZ = Door(
    "GET",
    "/healthz",
    by=_TOLD_MORE,
    why="whether it lives is no secret; figures are for `web.watchers`",
    origin=Origin.FREE,
    what="Is it alive?",
    replies={200: Reply("It is.")},
)
READYZ = Door(
    "GET",
    "/readyz",
    by=_TOLD_MORE,
    why="whether it serves is no secret; parts and figures are for `web.watchers`",
    origin=Origin.FREE,
    what="Are calls served?",
    replies={200: Reply("They are."), 503: Reply("They go to the default queue.")},
)
METRICS = Door(
    "GET",
    "/metrics",
    by=frozenset({Asker.WATCHER}),
    what="Figures for Prometheus.",
    replies={200: Reply("In Prometheus's format.", kind="text/plain")},
)
DOORS = (HEALTHZ, READYZ, METRICS)

Probe = Callable[[], PartState]
#: By name; what is not known now is None.
Figures = dict[str, float | str | None]


@dataclass(slots=True)
class LoopLag:
    """How late the loop wakes up, in seconds: last, and in the last minute."""

    last_s: float = 0.0
    _minute: deque[float] = field(default_factory=lambda: deque(maxlen=240))

    @property
    def worst_s(self) -> float:
        return max(self._minute, default=0.0)

    @property
    def p99_s(self) -> float:
        """All but one in a hundred are no later."""
        ordered = sorted(self._minute)
        return ordered[-1 - len(ordered) // 100] if ordered else 0.0

    def noted(self, late_s: float) -> None:
        self.last_s = late_s
        self._minute.append(late_s)

    async def watch(self, every_s: float = 0.25) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every_s
            await asyncio.sleep(every_s)
            self.noted(max(0.0, loop.time() - due))


class Health:
    """Features hand in their probes and counters; nobody is asked anything that takes time."""

    def __init__(self) -> None:
        self.lag = LoopLag()
        self._since = time.monotonic()
        self._probes: dict[str, Probe] = {}
        self._figures: list[Callable[[], Figures]] = []
        self._counters: list[Callable[[], dict[str, float]]] = []
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def add_part(self, name: str, probe: Probe) -> None:
        self._probes[name] = probe

    def add_figures(self, figures: Callable[[], Figures]) -> None:
        """For /healthz and /readyz; nothing that names a person."""
        self._figures.append(figures)

    def add_counters(self, counters: Callable[[], dict[str, float]]) -> None:
        """`counters()` gives current values by name; names ending in `_total` only ever grow."""
        self._counters.append(counters)

    def add_routes(self, app: web.Application) -> None:
        hang(app.router, HEALTHZ, self._healthz)
        hang(app.router, READYZ, self._readyz)
        hang(app.router, METRICS, self._metrics)

    def parts(self) -> dict[str, PartState]:
        return {name: probe() for name, probe in self._probes.items()}

    def figures(self) -> Figures:
        figures: Figures = {
            "uptime_s": round(time.monotonic() - self._since, 1),
            "loop_lag_s": round(self.lag.last_s, 4),
            "loop_lag_p99_s": round(self.lag.p99_s, 4),
            "loop_lag_worst_s": round(self.lag.worst_s, 4),
        }
        for more in self._figures:
            figures |= more()
        return figures

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
        yield GaugeMetricFamily(
            "switchboard_loop_lag_p99_seconds",
            "how late it woke up in 99 of 100 times of the last minute",
            self.lag.p99_s,
        )
        yield GaugeMetricFamily(
            "switchboard_uptime_seconds", "since its start", time.monotonic() - self._since
        )
        up = GaugeMetricFamily("switchboard_part_up", "1 where the part works", labels=["part"])
        for name, part in self.parts().items():
            up.add_metric([name], 1.0 if part.ok else 0.0)
        yield up
        for counters in self._counters:
            for name, value in counters().items():
                family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                yield family(f"switchboard_{name}", name.replace("_", " "), value)

    async def _healthz(self, request: web.Request) -> web.Response:
        """Whoever answers is alive, whatever is away: starting it again would mend nothing."""
        figures = self.figures() if request[WATCHES] else {}
        return web.json_response({"alive": True, "state": _worst(self.parts()), **figures})

    async def _readyz(self, request: web.Request) -> web.Response:
        parts = self.parts()
        state = _worst(parts)
        ready = state in ("ok", "degraded")
        body: dict[str, Any] = {"ready": ready, "state": state}
        if request[WATCHES]:
            body |= self._details(parts)
        return web.json_response(body, status=200 if ready else 503)

    def _details(self, parts: Mapping[str, PartState]) -> dict[str, Any]:
        return {
            "parts": {
                name: {
                    "ok": part.ok,
                    "needed": part.needed,
                    "state": part.state,
                    "detail": part.detail,
                    **({"do": part.remedy} if part.remedy and not part.ok else {}),
                }
                for name, part in parts.items()
            },
            "figures": self.figures(),
        }

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def _worst(parts: Mapping[str, PartState]) -> str:
    states = {part.state for part in parts.values()}
    # No parts yet: still starting.
    return next((state for state in ("failed", "degraded", "ok") if state in states), "starting")
