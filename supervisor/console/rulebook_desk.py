"""The rulebook as the supervisor page handles it: look, check, publish what was checked, go back.

The same steps as `switchboard publish` and `rollback`, in the server's own process: what they are
done with is current at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from calls.errors import Misconfigured, SwitchboardError
from config.problems import Problem, ProblemsFound
from config.publishing import Rulebooks
from config.rulebook_files import read_rulebook_files
from config.rulebook_loader import Loaded
from config.rulebook_versions import Publication
from config.settings import RulebookSettings
from config.surroundings import Surroundings
from supervisor import publishing

T = TypeVar("T")

MOST_VERSIONS = 50
#: Checking takes the processor from calls: one at a time, and nobody waits in a long line.
MOST_WAITING = 4


class FolderChanged(SwitchboardError):
    """The folder holds something else than what was checked."""


class TooBusy(SwitchboardError):
    """Others are at it already."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`version` is of the folder's content as it was read."""

    folder: Path
    version: str
    good: bool
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "good": self.good,
            "problems": [problem_as_json(problem, self.folder) for problem in self.problems],
        }


class RulebookDesk:
    """`around` tells what the rulebook may name: the settings', and Asterisk's queues where it
    answers."""

    def __init__(
        self,
        *,
        rulebooks: Rulebooks,
        settings: RulebookSettings,
        around: Callable[[], Awaitable[Surroundings]],
        now: Callable[[], datetime],
    ) -> None:
        self._rulebooks = rulebooks
        self._settings = settings
        self._around = around
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def state(self) -> dict[str, Any]:
        lines = await asyncio.to_thread(publishing.list_versions, self._settings)
        return {
            "current": self._rulebooks.current.version,
            "folder": str(self._settings.path) if self._settings.path is not None else None,
            "watched": self._settings.watch,
            "folder_good": self._rulebooks.is_folder_good,
            "folder_problems": [
                problem_as_json(one, self._rulebooks.folder) for one in self._rulebooks.problems
            ],
            "versions": [_line_as_json(line) for line in lines[:MOST_VERSIONS]],
        }

    async def check(self) -> Checked:
        """Raises Misconfigured where no folder is set, or TooBusy."""
        return (await self._in_turn(self._prepare))[0]

    async def publish(self, version: str, *, author: str, comment: str) -> Checked:
        """Publishes the folder where it still holds `version` and is good; where it is not, its
        problems are the answer and nothing has changed. Raises FolderChanged too."""

        async def work() -> Checked:
            checked, loaded = await self._prepare()
            if checked.version != version:
                raise FolderChanged("the folder has changed since it was checked; check it again")
            if loaded is None:
                return checked
            await asyncio.to_thread(
                publishing.publish,
                loaded,
                self._settings,
                author=author,
                comment=comment,
                now=self._now(),
            )
            await self._take()
            return checked

        return await self._in_turn(work)

    async def roll_back(self, version: str, *, author: str, comment: str) -> Publication:
        """Raises Misconfigured, ProblemsFound among them, or TooBusy."""

        async def work() -> Publication:
            done = await asyncio.to_thread(
                publishing.roll_back,
                self._settings,
                version,
                author=author,
                comment=comment,
                now=self._now(),
            )
            await self._take()
            return done.publication

        return await self._in_turn(work)

    async def _take(self) -> None:
        if not await self._rulebooks.take_published():
            raise Misconfigured("it is published, but this server cannot take it: see its log")

    async def _prepare(self) -> tuple[Checked, Loaded | None]:
        folder = self._settings.path
        if folder is None:
            raise Misconfigured("no folder is set: name it in the settings as rulebook.path")
        around, now = await self._around(), self._now()
        try:
            loaded = await asyncio.to_thread(publishing.prepare, folder, around, now)
        except ProblemsFound as found:
            # Read anew: of one that cannot be used only the problems are told.
            files = await asyncio.to_thread(read_rulebook_files, folder)
            return Checked(folder, files.version, False, found.problems), None
        return Checked(folder, loaded.files.version, True, loaded.problems), loaded

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooBusy("others check or publish at this moment; try again")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await work()
        finally:
            self._waiting -= 1


def problem_as_json(problem: Problem, folder: Path | None = None) -> dict[str, Any]:
    """Files of the `folder` are named from there."""
    return {
        "file": problem.file.removeprefix(f"{folder}/") if folder else problem.file,
        "line": problem.line,
        "sentence": problem.sentence,
        "severity": problem.severity.value,
    }


def _line_as_json(line: publishing.VersionLine) -> dict[str, Any]:
    one = line.publication
    return {
        "version": one.version,
        "at": one.at.timestamp() * 1000,
        "author": one.author,
        "comment": one.comment,
        "action": one.action,
        "current": line.is_current,
        "kept": line.is_kept,
    }
