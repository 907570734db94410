"""Hours of calls with a fault now and then: nobody is lost or doubled, and nothing grows.

examples:
  python -m tests.faults.soak --minutes 10
  python -m tests.faults.soak --minutes 480 --rate 5 --seed 7

A whole centre with a real Asterisk and real SIP calls; the manager's network is cut, slowed,
sliced and goes dead, and the server is frozen and killed, one thing a minute, by the seed. After
each round what was offered, what the server recorded and what the CRM has are compared. Ends with 1
where a caller was not served, a call is missing or doubled, or memory, files or tasks grow.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import resident_kib
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import numbers, strangers
from tests.faults.proxy import Blackhole, Direction, FaultProxy, Latency, Slicer

ROUND_S = 60.0
#: Memory an hour, by a line through the second half of the run.
MOST_MB_PER_HOUR = 1.0
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=4000, audio=False
)
PHONE = PhoneShape(ring_ms=100, talk_ms=500, audio=False)


@dataclass(frozen=True, slots=True)
class Soaked:
    """What was amiss, in words; `mb_per_hour`, `files` and `tasks`: how much they grew."""

    minutes: float
    calls: int
    amiss: tuple[str, ...]
    mb_per_hour: float
    files: float
    tasks: float


@dataclass(slots=True)
class Seen:
    """Of the server's process: seconds into the run, KiB, open files, tasks; by its lives."""

    lives: list[list[tuple[float, int, int, float]]] = field(default_factory=lambda: [[]])

    def mb_per_hour(self) -> float:
        """Of the life that lasted longest, its second half; 0 of one too short to tell."""
        longest = max(self.lives, key=len)
        half = longest[len(longest) // 2 :]
        if len(half) < 10:
            return 0.0
        times, sizes = [row[0] for row in half], [row[1] / 1024 for row in half]
        middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
        spread = sum((at - middle) ** 2 for at in times)
        rise = sum((at - middle) * (mb - mean) for at, mb in zip(times, sizes, strict=True))
        return rise / spread * 3600

    def grown(self, column: int) -> float:
        """Between the second quarter and the last one, by what there was at least."""
        longest = max(self.lives, key=len)
        quarter = max(1, len(longest) // 4)
        early = [row[column] for row in longest[quarter : 2 * quarter]] or [0]
        late = [row[column] for row in longest[-quarter:]] or [0]
        return min(late) - min(early)


Fault = Callable[[DemoCentre, FaultProxy, Seen], Awaitable[None]]


async def cut(_centre: DemoCentre, proxy: FaultProxy, _seen: Seen) -> None:
    proxy.cut(rst=True)


async def dead(_centre: DemoCentre, proxy: FaultProxy, _seen: Seen) -> None:
    proxy.add(Blackhole())
    await asyncio.sleep(10)
    proxy.let_pass()


async def half_dead(_centre: DemoCentre, proxy: FaultProxy, _seen: Seen) -> None:
    proxy.add(Blackhole(), Direction.DOWN)
    await asyncio.sleep(3)
    proxy.let_pass()


async def late(_centre: DemoCentre, proxy: FaultProxy, _seen: Seen) -> None:
    proxy.add(Latency(0.5, 0.4), Direction.DOWN)
    await asyncio.sleep(15)
    proxy.let_pass()


async def sliced(_centre: DemoCentre, proxy: FaultProxy, _seen: Seen) -> None:
    proxy.add(Slicer(7), Direction.DOWN)
    await asyncio.sleep(15)
    proxy.let_pass()


async def frozen(centre: DemoCentre, _proxy: FaultProxy, _seen: Seen) -> None:
    centre.server.freeze()
    await asyncio.sleep(3)
    centre.server.thaw()


async def killed(centre: DemoCentre, _proxy: FaultProxy, seen: Seen) -> None:
    await centre.server.kill()
    seen.lives.append([])
    await centre.server.start()


#: Deaths are rare, so that one life is long enough to see what grows.
FAULTS: dict[Fault, int] = {
    cut: 4, dead: 3, half_dead: 3, late: 4, sliced: 4, frozen: 2, killed: 1,
}  # fmt: skip


async def _watch(centre: DemoCentre, seen: Seen) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(5)
        try:
            pid = centre.server.pid
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            tasks = (await centre.server.metrics()).get("tasks", 0.0)
            seen.lives[-1].append((time.monotonic() - began, resident_kib(pid), files, tasks))
        except (OSError, TimeoutError, StopIteration):
            continue  # frozen, or just killed


async def _round(
    centre: DemoCentre, proxy: FaultProxy, seen: Seen, fault: Fault, rate: float
) -> int:
    """Calls that were offered and not served to their script's end."""
    count = min(int(ROUND_S * rate), len(numbers(10_000)))
    at_work = centre.callers.start(strangers(CALLER, count), rate_per_s=rate)
    await asyncio.sleep(ROUND_S / 3)
    await fault(centre, proxy, seen)
    result = await at_work.wait(deadline_s=ROUND_S + 60)
    return count - result.successful


async def soak(
    folder: Path,
    *,
    minutes: float,
    rate: float,
    seed: int,
    enough: Callable[[], bool] = lambda: False,
) -> Soaked:
    """Prints a line for each round; `enough`: no other one begins."""
    began = time.monotonic()
    chance, seen, amiss = random.Random(seed), Seen(), []
    offered: Counter[str] = Counter()
    proxy = FaultProxy(seed=seed)
    centre = DemoCentre(
        folder=folder,
        agents=5,
        phone=PHONE,
        desktops=False,
        overrides={"ami": {"resync_every_s": 5}},
    )
    async with proxy:
        proxy.target = ("127.0.0.1", centre.pbx.ami_port)
        centre.server.settings["ami"]["port"] = proxy.port
        async with centre, Ledger(centre.storage_url) as ledger:
            watching = asyncio.create_task(_watch(centre, seen), name="soak:watch")
            while time.monotonic() < began + minutes * 60 and not enough():
                [fault] = chance.choices(list(FAULTS), list(FAULTS.values()))
                unserved = await _round(centre, proxy, seen, fault, rate)
                offered.update(numbers(min(int(ROUND_S * rate), len(numbers(10_000)))))
                try:
                    entries = await ledger.settled(deadline_s=120)
                except AssertionError as error:
                    amiss.append(f"{fault.__name__}: {error}")
                    break
                calls = Counter({number: len(e.calls) for number, e in entries.items()})
                records = Counter({number: len(e.records) for number, e in entries.items()})
                told = f"{fault.__name__}: {calls.total()} calls, {unserved} not served"
                last = seen.lives[-1][-1][1:] if seen.lives[-1] else (0, 0, 0)
                told += f"; {last[0] / 1024:.0f} MB, {last[1]} files, {last[2]:.0f} tasks"
                print(told, flush=True)
                if unserved:
                    amiss.append(f"{fault.__name__}: {unserved} callers were not served")
                if not calls == records == offered:
                    amiss.append(f"{fault.__name__}: offered, calls and records differ")
                    break
            watching.cancel()
    slope = seen.mb_per_hour()
    print(f"memory {slope:+.2f} MB/h, files {seen.grown(2):+.0f}, tasks {seen.grown(3):+.0f}")
    if slope > MOST_MB_PER_HOUR and minutes >= 60:
        amiss.append(f"memory grows by {slope:.1f} MB an hour")
    if seen.grown(2) > 10:
        amiss.append("open files grow")
    if seen.grown(3) > 20:
        amiss.append("tasks grow")
    return Soaked(
        minutes=(time.monotonic() - began) / 60,
        calls=offered.total(),
        amiss=tuple(amiss),
        mb_per_hour=slope,
        files=seen.grown(2),
        tasks=seen.grown(3),
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=float, default=5, help="calls a second")
    parser.add_argument("--seed", type=int, default=1, help="decides which fault comes when")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="switchboard-soak-") as folder:
        soaked = asyncio.run(
            soak(
                Path(folder),
                minutes=arguments.minutes,
                rate=arguments.rate,
                seed=arguments.seed,
            )
        )
    for each in soaked.amiss:
        print(f"amiss: {each}", file=sys.stderr)
    return 1 if soaked.amiss else 0


if __name__ == "__main__":
    sys.exit(main())
