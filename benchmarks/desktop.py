"""The agents' page as more and more agents are connected: from Asterisk's AgentCalled to the paint
in one real Chromium, the server's memory of an agent, the page's size and how soon it is ready;
and the processor time of one pop beside that of a plain aiohttp websocket that echoes its bytes.

    python -m benchmarks.desktop [--seconds 30] [--agents 1 500 2000] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from argon2 import PasswordHasher
from playwright.async_api import Browser, Page
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import pops
from benchmarks.measuring import cpu_s, machine_busy_s, quantile, resident_kib
from calls.agents import Agent
from screenpop.agents.agent_admin import write_agent
from storage import migrate
from storage.database import Database
from switchboard.demo import prepared
from switchboard.demo.centre import DemoCentre
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, PASSWORD

#: The page is ready when it says so: it is logged in, has its socket, and shows what was missed.
_READY = """() => {
  const told = () => document.body?.textContent.includes("Connected");
  new MutationObserver((_, self) => {
    if (told()) { window.__ready = performance.now(); self.disconnect(); }
  }).observe(document, {subtree: true, childList: true, characterData: true});
}"""
_LOADED = """() => {
  const all = [...performance.getEntriesByType("navigation"),
               ...performance.getEntriesByType("resource")].filter(one =>
    one.entryType === "navigation" || /\\.(js|css|svg|woff2)$/.test(one.name));
  return all.reduce(([sent, whole], one) => [
    sent + one.encodedBodySize, whole + one.decodedBodySize], [0, 0]);
}"""


@dataclass(frozen=True, slots=True)
class Load:
    #: Agents connected, the one in the browser among them; one stage after the other.
    agents: tuple[int, ...] = (1, 500, 2000)
    seconds: float = 30.0
    rate: float = 3.0
    phones: int = 20
    pops: int = 1500
    page_loads: int = 9


QUICK = Load(agents=(1, 8), seconds=2, rate=2, phones=4, pops=30, page_loads=2)


async def measure(load: Load, folder: Path) -> dict[str, Any]:
    before = machine_busy_s()
    stages, page = await _as_agents_come(load, folder)
    one_pop = await processor_time(load.pops)
    after = machine_busy_s()
    return {
        "benchmark": "desktop",
        "seconds": load.seconds,
        "rate": load.rate,
        "stages": stages,
        **page,
        **one_pop,
        "machine_busy": round((after[0] - before[0]) / (after[1] - before[1]), 2),
    }


# As more agents are connected ---------------------------------------------------------------------


async def _as_agents_come(
    load: Load, folder: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    seats = [Agent(f"seat{number}", f"Seat {number}", ()) for number in range(1, max(load.agents))]
    url = f"sqlite:///{folder / 'desktop.db'}"
    await _add(seats, url)
    centre = DemoCentre(
        folder=folder,
        storage_url=url,
        agents=load.phones,
        phone_bank=True,
        phone=pops.PHONE,
        desktops=False,
        strategy="linear",
    )
    stages: dict[str, dict[str, Any]] = {}
    async with centre, pops.chromium() as browser:
        page, ready = await _page(browser, centre, load.page_loads)
        painted = 0
        connected = 1
        for count in load.agents:
            more = [seat.login for seat in seats[connected - 1 : count - 1]]
            before_kib = resident_kib(centre.server.pid)
            await pops.open_desktops(centre, more)
            grown_kib = resident_kib(centre.server.pid) - before_kib
            connected = count
            failed = await pops.play(centre, seconds=load.seconds, rate=load.rate)
            seen, size = await pops.painted(centre.storage_url)
            fresh, painted = seen[painted:], len(seen)
            stages[str(count)] = {
                "pops_painted": len(fresh),
                "calls_failed": failed,
                "to_pixels_ms_p50": round(quantile(fresh, 0.5), 1),
                "to_pixels_ms_p95": round(quantile(fresh, 0.95), 1),
                "frame_bytes": size,
                "kib_per_agent": round(grown_kib / len(more), 1) if more else None,
            }
        await page.close()
    return stages, ready


async def _add(seats: Sequence[Agent], url: str) -> None:
    """With passwords that cost nothing to check: neither their time nor their memory is the
    desktop's."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(prepared.PASSWORD)

    async def write(connection: AsyncConnection) -> None:
        for seat in seats:
            await write_agent(connection, seat, cheap)

    async with Database(url) as database:
        await migrate.upgrade(database)
        await database.writer.write(write)


async def _page(browser: Browser, centre: DemoCentre, loads: int) -> tuple[Page, dict[str, float]]:
    """Logged in; and what loading it again, from nothing but the cookie, took."""
    context = await browser.new_context()
    page = await context.new_page()
    await pops.log_in(page, centre.server.base_url)
    took = []
    loaded = [0.0, 0.0]
    cache = await context.new_cdp_session(page)
    await cache.send("Network.enable")
    await cache.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.add_init_script(f"({_READY})()")
    for _ in range(loads):
        await page.reload()
        await page.get_by_text("Connected").wait_for()
        took.append(await page.evaluate("window.__ready"))
        loaded = await page.evaluate(_LOADED)
    return page, {
        "page_ready_ms_p50": round(quantile(took, 0.5), 1),
        "page_ready_ms_worst": round(max(took), 1),
        "page_sent_kib": round(loaded[0] / 1024, 1),
        "page_kib": round(loaded[1] / 1024, 1),
    }


# One pop and one echo -----------------------------------------------------------------------------


async def processor_time(count: int) -> dict[str, float]:
    async with _desk_process() as (url, pid):
        async with DesktopClient(url, ANNA.login, PASSWORD) as client:
            size = await _rung(client, url, max(1, count // 10))  # what is done once is done
            before = cpu_s(pid)
            await _rung(client, url, count)
            pop = (cpu_s(pid) - before) / count
        before = cpu_s(pid)
        await _echoed(url, size, count)
        echo = (cpu_s(pid) - before) / count
    return {"pop_cpu_ms": round(pop * 1000, 3), "echo_cpu_ms": round(echo * 1000, 3)}


@asynccontextmanager
async def _desk_process() -> AsyncIterator[tuple[str, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.desk_process",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        if not url:
            raise SystemExit("the desk did not start; what it said is above")
        yield url, process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def _rung(client: DesktopClient, url: str, count: int) -> int:
    """Until every pop has been shown, acknowledged and closed; the size of an offer's frame."""
    wanted = client.counters.closes.total() + count
    timeout = aiohttp.ClientTimeout(total=60 + count * 0.1)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(f"{url}/bench/ring", params={"pops": count}) as answer,
    ):
        answer.raise_for_status()
        await client.wait_for(lambda: client.counters.closes.total() >= wanted, 30)
    offer = await client.wait_frame("pop.offer")
    return len(json.dumps(offer, ensure_ascii=False).encode())


async def _echoed(url: str, size: int, count: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/bench/echo") as socket:
        for _ in range(count):
            await socket.send_str("x" * size)
            await socket.receive_str(timeout=10)


def run(*, quick: bool, load: Load | None = None) -> dict[str, Any]:
    with TemporaryDirectory(prefix="swb-bench-") as folder:
        return asyncio.run(measure(load or (QUICK if quick else Load()), Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, help="of calls, for each number of agents")
    parser.add_argument("--agents", type=int, nargs="+", help="how many are connected, growing")
    parser.add_argument("--quick", action="store_true", help="seconds; only shows that it works")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = QUICK if options.quick else Load()
    if options.seconds is not None:
        load = replace(load, seconds=options.seconds)
    if options.agents:
        load = replace(load, agents=tuple(sorted(set(options.agents))))
    result = run(quick=options.quick, load=load)
    if options.json:
        print(json.dumps(result))
        return
    for count, stage in result.pop("stages").items():
        print(f"{count:>6} agents  {stage}")
    for name, value in result.items():
        print(f"{name:28} {value:>12}")


if __name__ == "__main__":
    main()
