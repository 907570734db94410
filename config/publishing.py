"""Which rulebook is current. A good version replaces the current one; a bad one never does, also
not across a restart: every good version is kept as a copy that is found by its content.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from calls.errors import Misconfigured
from config.problems import Problem, ProblemsFound
from config.rulebook import Rulebook
from config.rulebook_copies import RulebookCopies
from config.rulebook_files import rulebook_paths
from config.rulebook_loader import SHIPPED, Loaded, load_rulebook
from config.settings import RulebookSettings
from config.surroundings import Surroundings

log = logging.getLogger(__name__)

#: Names, change times and sizes: what a look at the folder can see without reading.
Fingerprint = tuple[tuple[str, int, int], ...]


Examine = Callable[[Rulebook], Sequence[Problem]]


class Rulebooks:
    """`async with Rulebooks(settings=...)` loads, raising ProblemsFound where there is neither a
    good folder nor a good copy, and then watches the folder."""

    def __init__(self, *, settings: RulebookSettings, examine: Examine | None = None) -> None:
        """`examine` finds further problems in a version that loads (the author's own example
        tests); an error among them keeps it from being published."""
        self._settings = settings
        self._around = Surroundings.of(settings)
        self._examine = examine
        self.folder = settings.path or SHIPPED
        self._copies = RulebookCopies(settings.state_dir)
        self._current: Rulebook | None = None
        self._task: asyncio.Task[None] | None = None
        self._reloading = asyncio.Lock()
        #: Of the folder as it was last read, errors and warnings.
        self.problems: tuple[Problem, ...] = ()
        #: Called in the loop with each version that becomes current after the first.
        self.on_published: list[Callable[[Rulebook], None]] = []

    @property
    def current(self) -> Rulebook:
        """A call takes it once and keeps it."""
        if self._current is None:
            raise Misconfigured("no rulebook is loaded yet")
        return self._current

    @property
    def is_folder_good(self) -> bool:
        """False where the folder is broken and an earlier version serves the calls."""
        return not any(problem.is_error for problem in self.problems)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What must live as long as we do."""
        return () if self._task is None else (self._task,)

    async def __aenter__(self) -> Self:
        seen = await asyncio.to_thread(fingerprint, self.folder)
        if not await self.reload():
            await self._take_last_good()
        if self._settings.watch:
            self._task = asyncio.create_task(self._watch(seen), name="rulebook watch")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def reload(self) -> bool:
        """Reads the folder; True where what it holds is now current."""
        async with self._reloading:
            loaded = await asyncio.to_thread(self._load)
            self.problems = loaded.problems
            if loaded.rulebook is None:
                log.error("rulebook: %d problems, not taken", len(loaded.errors))
                for problem in loaded.errors[:20]:
                    log.error("rulebook: %s", problem)
                return False
            self._publish(loaded.rulebook)
            return True

    def _load(self) -> Loaded:
        loaded = load_rulebook(self.folder, around=self._around)
        if loaded.rulebook is not None and self._examine is not None:
            loaded = loaded.with_problems(self._examine(loaded.rulebook))
        if loaded.rulebook is not None:
            try:
                self._copies.keep(loaded.files)
            except OSError as error:
                log.error("rulebook: no copy could be kept (%s)", error.strerror)
        return loaded

    def _publish(self, rulebook: Rulebook) -> None:
        before, self._current = self._current, rulebook
        if before is not None and before.version == rulebook.version:
            return
        log.info("rulebook: version %s is current", rulebook.version)
        for listener in self.on_published if before is not None else ():
            listener(rulebook)

    async def _take_last_good(self) -> None:
        """After a restart with a broken folder. Its problems stay known."""
        loaded = await asyncio.to_thread(self._copies.last_good, self._around)
        if loaded is None:
            raise ProblemsFound(self.problems)
        rulebook = loaded.or_raise()
        log.error("rulebook: the folder is broken, version %s serves on", rulebook.version)
        self._publish(rulebook)

    async def _watch(self, seen: Fingerprint) -> None:
        """Waits until a change has settled for one round: files are saved one by one."""
        settling = seen
        while True:
            await asyncio.sleep(self._settings.watch_every_s)
            now = await asyncio.to_thread(fingerprint, self.folder)
            if now != seen and now == settling:
                seen = now
                await self.reload()
            settling = now


def fingerprint(folder: Path) -> Fingerprint:
    """Empty where the folder cannot be read."""
    try:
        stats = [(path.name, path.stat()) for path in rulebook_paths(folder)]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
