"""Which rulebook is current. A good version replaces the current one; a bad one never does, also
not across a restart: every published version is kept and found by its content.

A version becomes current in two ways: the watched folder changes and is good, or somebody moves
the pointer (`switchboard publish` and `rollback`, from any process on this state folder). What was
done last holds; a folder that has not changed since is not taken again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from calls.errors import Misconfigured
from config.problems import Problem, ProblemsFound
from config.rulebook import Rulebook
from config.rulebook_files import read_rulebook_files, rulebook_paths, sound_paths
from config.rulebook_loader import SHIPPED, Loaded, load_files
from config.rulebook_versions import Publication, RulebookVersions
from config.settings import RulebookSettings
from config.surroundings import Surroundings

log = logging.getLogger(__name__)

#: Names, change times and sizes: what a look at the folder can see without reading.
Fingerprint = tuple[tuple[str, int, int], ...]


Examine = Callable[[Rulebook], Sequence[Problem]]


class Rulebooks:
    """`async with Rulebooks(settings=...)` loads, raising ProblemsFound where there is neither a
    good folder nor a good version, and then watches the pointer and, if so set, the folder."""

    def __init__(self, *, settings: RulebookSettings, examine: Examine | None = None) -> None:
        """`examine` finds further problems in a version that loads (the author's own example
        tests); an error among them keeps it from being published."""
        self._settings = settings
        self._around = Surroundings.of(settings)
        self._examine = examine
        self.folder = settings.path or SHIPPED
        self.versions = RulebookVersions(settings.state_dir)
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
        pointed = await asyncio.to_thread(self.versions.pointed)
        if not await self.reload():
            await self._take_last_good()
        self._task = asyncio.create_task(self._watch(seen, pointed), name="rulebook watch")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def reload(self) -> bool:
        """Reads the folder; True where what it holds, or what was published since it last
        changed, is now current."""
        async with self._reloading:
            loaded, pointed = await asyncio.to_thread(self._load)
            self.problems = loaded.problems
            if pointed is not None:
                self._publish(pointed)
                return True
            if loaded.rulebook is None:
                log.error("rulebook: %d problems, not taken", len(loaded.errors))
                for problem in loaded.errors[:20]:
                    log.error("rulebook: %s", problem)
                return False
            self._publish(loaded.rulebook)
            return True

    async def take_published(self) -> bool:
        """Takes the version that the pointer names; True where that is current now."""
        async with self._reloading:
            loaded = await asyncio.to_thread(self._load_pointed)
            if loaded is None or loaded.rulebook is None:
                log.error("rulebook: the published version cannot be used, the current one stays")
                return False
            self._publish(loaded.rulebook)
            return True

    def _load(self) -> tuple[Loaded, Rulebook | None]:
        """The folder's content, and the published version that holds instead of it."""
        loaded = self._read()
        version = loaded.files.version
        before = self.versions.pointed()
        if before is not None and before.folder_version == version != before.version:
            published = self.versions.load(before.version, self._around)
            if published is not None:
                return loaded, published.rulebook
        if loaded.rulebook is not None:
            publication = Publication(
                version, datetime.now(UTC), "-", "the folder changed", "folder", version
            )
            try:
                # Whoever published meanwhile did so later: the watch takes theirs.
                self.versions.publish(loaded.files, publication, only_after=(before,))
            except OSError as error:
                log.error("rulebook: no copy could be kept (%s)", error.strerror)
        return loaded, None

    def _read(self) -> Loaded:
        """What an author wrote must not end the server, whatever fault of ours it finds."""
        files = read_rulebook_files(self.folder)
        try:
            loaded = load_files(files, around=self._around)
            if loaded.rulebook is not None and self._examine is not None:
                loaded = loaded.with_problems(self._examine(loaded.rulebook))
        except Exception as fault:
            log.exception("rulebook: a fault while reading the folder")
            sentence = f"Switchboard met a fault of its own here ({type(fault).__name__})"
            return Loaded(None, (Problem(files.folder, 0, sentence),), files)
        return loaded

    def _load_pointed(self) -> Loaded | None:
        pointed = self.versions.pointed()
        return None if pointed is None else self.versions.load(pointed.version, self._around)

    def _load_last_good(self) -> Loaded | None:
        """The pointer's version, or where that is damaged or lost the newest before it."""
        pointed = self.versions.pointed()
        before = [one.version for one in reversed(self.versions.history())]
        for version in dict.fromkeys([pointed.version, *before] if pointed else before):
            if (loaded := self.versions.load(version, self._around)) is not None:
                return loaded
        return None

    def _publish(self, rulebook: Rulebook) -> None:
        before, self._current = self._current, rulebook
        if before is not None and before.version == rulebook.version:
            return
        log.info("rulebook: version %s is current", rulebook.version)
        for listener in self.on_published if before is not None else ():
            listener(rulebook)

    async def _take_last_good(self) -> None:
        """After a restart with a broken folder. Its problems stay known."""
        loaded = await asyncio.to_thread(self._load_last_good)
        if loaded is None:
            raise ProblemsFound(self.problems)
        rulebook = loaded.or_raise()
        log.error("rulebook: the folder is broken, version %s serves on", rulebook.version)
        self._publish(rulebook)

    async def _watch(self, seen: Fingerprint, pointed: Publication | None) -> None:
        """Waits until a change of the folder has settled for one round: files are saved one by
        one. The pointer is moved in one step, and followed also where no folder is watched."""
        settling = seen
        while True:
            await asyncio.sleep(self._settings.watch_every_s)
            if self._settings.watch:
                now = await asyncio.to_thread(fingerprint, self.folder)
                if now != seen and now == settling:
                    seen = now
                    await self.reload()
                settling = now
            moved = await asyncio.to_thread(self.versions.pointed)
            if moved is not None and moved != pointed:
                pointed = moved
                if moved.version != self.current.version:
                    await self.take_published()


def fingerprint(folder: Path) -> Fingerprint:
    """Empty where the folder cannot be read."""
    try:
        paths = [*rulebook_paths(folder), *sound_paths(folder)]
        stats = [(str(path.relative_to(folder)), path.stat()) for path in paths]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
