"""From a ringing phone to pixels: one agent's desktop in a real Chromium, while many others are
connected and calls come for all of them.

Beside it, in the same Chromium and the same run, a plain aiohttp websocket that echoes a message of
the same size into a page that does nothing but show it. The time begins when the server has read
Asterisk's AgentCalled, and ends after the paint (the desktop's own `rendered_ms`).

    python -m benchmarks.pops [--seconds 60] [--desktops 500] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import WSMsgType, web
from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy import select

from benchmarks.calls import CALLER, contact_phones, settle
from benchmarks.measuring import machine_busy_s, quantile
from screenpop.pops.pop_tables import pop_deliveries
from storage.database import Database
from switchboard.demo import cast, free_ports, prepared
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import PhoneShape

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
#: In the browser; the queue rings her first whenever she is free.
WATCHED = "anna"
PHONE = PhoneShape(ring_ms=250, talk_ms=400, audio=False)
LOG_INS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Load:
    seconds: float = 60.0
    rate: float = 4.0
    phones: int = 20
    desktops: int = 500
    echoes: int = 200


QUICK = Load(seconds=4, rate=2, phones=4, desktops=12, echoes=20)


async def measure(load: Load, folder: Path) -> dict[str, Any]:
    centre = DemoCentre(
        folder=folder,
        agents=load.phones,
        desk_only=max(0, load.desktops + 1 - load.phones),
        phone_bank=True,
        phone=PHONE,
        desktops=False,
        strategy="linear",
    )
    async with centre, chromium() as browser:
        others = [agent.login for agent in centre.agents if agent.login != WATCHED]
        await open_desktops(centre, others)
        page = await browser.new_page()
        await log_in(page, centre.server.base_url)
        before = machine_busy_s()
        failed = await play(centre, seconds=load.seconds, rate=load.rate)
        after = machine_busy_s()
        ours, size = await painted(centre.storage_url)
        echoes = await _echo(browser, size=size, count=load.echoes)
    ours_p95, echo_p95 = quantile(ours, 0.95), quantile(echoes, 0.95)
    return {
        "benchmark": "pops",
        **asdict(load),
        "calls_failed": failed,
        "pops_painted": len(ours),
        "frame_bytes": size,
        "to_pixels_ms_p50": round(quantile(ours, 0.5), 1),
        "to_pixels_ms_p95": round(ours_p95, 1),
        "echo_ms_p50": round(quantile(echoes, 0.5), 1),
        "echo_ms_p95": round(echo_p95, 1),
        "machine_busy": round((after[0] - before[0]) / (after[1] - before[1]), 2),
    }


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("Chromium is missing: run deploy/install-programs.sh chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, headless=True, args=FLAGS
        )
        yield browser
        await browser.close()


async def open_desktops(centre: DemoCentre, logins: Iterable[str]) -> None:
    slots = asyncio.Semaphore(LOG_INS_AT_ONCE)

    async def one(login: str) -> None:
        async with slots:
            await centre.open_desktop(login)

    await asyncio.gather(*(one(login) for login in logins))


async def log_in(page: Page, base_url: str) -> None:
    await page.goto(base_url)
    await page.get_by_label("Login").fill(WATCHED)
    await page.get_by_label("Password").fill(prepared.PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("Connected").wait_for()


async def play(centre: DemoCentre, *, seconds: float, rate: float) -> int:
    """Calls that failed."""
    numbers = await contact_phones(centre.storage_url)
    script = [
        ScriptedCall(number=number, dialled=cast.SHOP, shape=CALLER)
        for number in itertools.islice(itertools.cycle(numbers), round(seconds * rate))
    ]
    done = await centre.callers.run(script, rate_per_s=rate, deadline_s=seconds + 60)
    await settle(centre)
    return done.failed


async def painted(url: str) -> tuple[list[float], int]:
    """Milliseconds of every pop the browser painted, oldest first; the usual size of such a
    frame."""
    query = select(pop_deliveries.c.rendered_ms, pop_deliveries.c.payload).where(
        pop_deliveries.c.agent == WATCHED,
        pop_deliveries.c.kind == "pop.offer",
        pop_deliveries.c.rendered_ms.is_not(None),
    )
    query = query.order_by(pop_deliveries.c.seq)
    async with Database(url) as database, database.read() as connection:
        rows = list(await connection.execute(query))
    sizes = [float(len(json.dumps(row.payload, ensure_ascii=False).encode())) for row in rows]
    size = quantile(sizes, 0.5)
    return [row.rendered_ms for row in rows], 1000 if math.isnan(size) else round(size)


# Beside it --------------------------------------------------------------------------------------

_ECHO_PAGE = """<!doctype html><title>echo</title><p id=shown></p><script>
async function measure(size, count) {
  const socket = new WebSocket(`ws://${location.host}/ws`);
  await new Promise((open) => { socket.onopen = open; });
  const text = "x".repeat(size), shown = document.getElementById("shown"), took = [];
  for (let n = 0; n < count; n++) {
    const sent = performance.now();
    socket.send(text);
    const { data } = await new Promise((come) => { socket.onmessage = come; });
    shown.textContent = data.slice(0, 40) + n;
    await new Promise((painted) => requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = painted;
      after.port2.postMessage(null);
    }));
    took.push(performance.now() - sent);
    await new Promise((later) => setTimeout(later, 37));
  }
  socket.close();
  return took;
}
</script>"""


async def _echo(browser: Browser, *, size: int, count: int) -> list[float]:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=_ECHO_PAGE, content_type="text/html")

    async def websocket(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            if message.type is WSMsgType.TEXT:
                await answer.send_str(message.data)
        return answer

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/ws", websocket)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_ports.tcp()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        tab = await browser.new_page()
        await tab.goto(f"http://127.0.0.1:{port}/")
        took: list[float] = await tab.evaluate(f"measure({size}, {count})")
        return took
    finally:
        await runner.cleanup()


def run(*, quick: bool, load: Load | None = None) -> dict[str, Any]:
    with TemporaryDirectory(prefix="swb-bench-") as folder:
        return asyncio.run(measure(load or (QUICK if quick else Load()), Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rate", type=float, help="calls a second")
    parser.add_argument("--desktops", type=int, help="other agents connected")
    parser.add_argument("--quick", action="store_true", help="seconds; only shows that it works")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = {n: v for n in ("seconds", "rate", "desktops") if (v := getattr(options, n)) is not None}
    result = run(quick=options.quick, load=replace(QUICK if options.quick else Load(), **told))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:28} {value:>12}")


if __name__ == "__main__":
    main()
