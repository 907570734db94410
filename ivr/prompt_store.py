"""Sounds on disk under names made from their content's recipe, within a size limit.

A name never changes its meaning, so whoever fetched a sound once may keep it for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from calls.deadlines import Deadline
from calls.errors import Unavailable

log = logging.getLogger(__name__)

#: Raise when the treatment of sound changes: old files then get no new listeners.
RECIPE_VERSION = 1
#: What `ivr.sound.encode_wav` writes.
WAV_HEAD, WAV_BYTES_PER_S = 44, 16_000
NAME = re.compile(r"[0-9a-f]{64}")
#: Sounds being made or waiting to be; further ones are refused at once.
FLIGHT_LIMIT = 200
#: Sounds made at the same time.
CONCURRENCY = 2
#: What is half written for longer was left by a crash.
PART_S = 600.0

Maker = Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class PromptCounts:
    """Since the start. `ready`: was there when asked for, of all `asked`."""

    asked: int = 0
    ready: int = 0
    made: int = 0
    failed: int = 0
    evicted: int = 0


def recipe_name(*recipe: str) -> str:
    """The name of the sound made by this recipe."""
    text = json.dumps([RECIPE_VERSION, *recipe], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()


class PromptStore:
    """An owner of tasks: use as `async with`. One sound is made once, however many ask for it."""

    def __init__(self, *, folder: Path, limit_bytes: int, base_url: str) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._base_url = base_url.rstrip("/")
        #: Name to size, least recently used first.
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._touched: set[str] = set()
        self._flights: dict[str, asyncio.Task[bool]] = {}
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self.counts = PromptCounts()

    async def __aenter__(self) -> Self:
        self._sizes = await asyncio.to_thread(_scan, self._folder)
        self._total = sum(self._sizes.values())
        return self

    async def __aexit__(self, *exc: object) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await asyncio.to_thread(_touch, self._folder, self._take_touched())

    @property
    def total_bytes(self) -> int:
        return self._total

    def counters(self) -> dict[str, float]:
        """For /metrics."""
        counted = {f"prompts_{name}_total": float(n) for name, n in asdict(self.counts).items()}
        return counted | {"prompts_bytes": float(self._total), "prompts_kept": len(self._sizes)}

    def seconds(self, name: str) -> float | None:
        """How long a sound plays; None where it is not there. May be asked from any thread."""
        size = self._sizes.get(name)
        return None if size is None else max(0, size - WAV_HEAD) / WAV_BYTES_PER_S

    def url(self, name: str) -> str:
        return f"{self._base_url}/prompts/{name}.wav"

    def path(self, name: str) -> Path:
        """Where the sound lies, whether or not it does. Raises ValueError for what is no name."""
        if not NAME.fullmatch(name):
            raise ValueError("not the name of a prompt")
        return self._folder / f"{name}.wav"

    def has(self, name: str) -> bool:
        return name in self._sizes

    def forget(self, name: str) -> None:
        """The file has gone; the next who asks has it made again."""
        self._total -= self._sizes.pop(name, 0)

    async def address(self, name: str, make: Maker, *, deadline: Deadline) -> str | None:
        """The address of a sound, made by `make` where it does not exist yet; None where that
        failed or takes longer than the deadline. What takes longer is finished nevertheless."""
        self.counts.asked += 1
        if self._use(name):
            self.counts.ready += 1
            return self.url(name)
        flight = self._flights.get(name) or self._begin(name, make)
        if flight is None:
            return None
        await asyncio.wait({flight}, timeout=deadline.left_s)
        return self.url(name) if flight.done() and self._use(name) else None

    def _use(self, name: str) -> bool:
        if name not in self._sizes:
            return False
        self._sizes.move_to_end(name)
        self._touched.add(name)
        return True

    def _begin(self, name: str, make: Maker) -> asyncio.Task[bool] | None:
        if len(self._flights) >= FLIGHT_LIMIT:
            log.warning("prompts: %d sounds are waiting to be made, one refused", FLIGHT_LIMIT)
            return None
        flight = asyncio.create_task(self._make(name, make), name=f"prompt:{name[:12]}")
        self._flights[name] = flight
        flight.add_done_callback(lambda done: self._landed(name, done))
        return flight

    def _landed(self, name: str, flight: asyncio.Task[bool]) -> None:
        self._flights.pop(name, None)
        if not flight.cancelled() and (fault := flight.exception()) is not None:
            self.counts.failed += 1
            log.error("prompts: a fault while making a sound", exc_info=fault)

    async def _make(self, name: str, make: Maker) -> bool:
        try:
            size = await asyncio.to_thread(_size, self.path(name))
            if size is None:
                async with self._slots:
                    data = await make()
                    await asyncio.to_thread(_write, self.path(name), data)
                size = len(data)
                self.counts.made += 1
        except (Unavailable, OSError) as error:
            self.counts.failed += 1
            log.warning("prompts: a sound could not be made: %s", error)
            return False
        self.forget(name)
        self._sizes[name] = size
        self._total += size
        if self._total > self._limit:
            await self._shrink(keep=name)
        return True

    async def _shrink(self, *, keep: str) -> None:
        """The longest unused go first; a tenth is freed so that this is rare."""
        gone: list[str] = []
        for name in list(self._sizes):
            if self._total <= self._limit * 0.9:
                break
            if name != keep:
                self.forget(name)
                gone.append(name)
        self.counts.evicted += len(gone)
        await asyncio.to_thread(_remove, self._folder, gone, self._take_touched())

    def _take_touched(self) -> list[str]:
        touched = [name for name in self._sizes if name in self._touched]
        self._touched.clear()
        return touched


def _scan(folder: Path) -> OrderedDict[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    found: list[tuple[float, str, int]] = []
    for path in folder.iterdir():
        if path.suffix == ".part":
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - PART_S:
                    path.unlink()
        elif path.suffix == ".wav" and NAME.fullmatch(path.stem):
            with suppress(FileNotFoundError):
                seen = path.stat()
                if seen.st_size <= WAV_HEAD:
                    continue
                found.append((seen.st_mtime, path.stem, seen.st_size))
    return OrderedDict((name, size) for _, name, size in sorted(found))


def _size(path: Path) -> int | None:
    """Another process may have made it: `switchboard publish` does so for a running server. None
    also for a file that a power failure left empty."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    return size if size > WAV_HEAD else None


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: a reader never sees half a sound."""
    part = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _touch(folder: Path, names: list[str]) -> None:
    """Keeps the order of use across a restart: the later in `names`, the younger."""
    now = time.time()
    for place, name in enumerate(names):
        with suppress(FileNotFoundError):
            age = (len(names) - place) * 0.001
            os.utime(folder / f"{name}.wav", (now - age, now - age))


def _remove(folder: Path, names: list[str], touched: list[str]) -> None:
    for name in names:
        (folder / f"{name}.wav").unlink(missing_ok=True)
    _touch(folder, touched)
