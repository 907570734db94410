"""Publish, roll back, list: what a supervisor does with a whole rulebook.

Publishing is: read, check, try every example, walk it dry with sample callers; only then keep it as
a version and move the pointer. Running servers on the same state folder take it by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from calls.errors import Misconfigured
from config.problems import Problem, ProblemsFound
from config.rulebook import Rulebook
from config.rulebook_files import read_rulebook_files
from config.rulebook_loader import SHIPPED, Loaded, load_rulebook
from config.rulebook_versions import Publication, RulebookVersions
from config.settings import RulebookSettings
from config.surroundings import Surroundings
from ivr.direct_dial import NO_EXTENSIONS, Extensions
from supervisor.check import examine
from supervisor.dry_run import dry_run


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One line of `switchboard versions`."""

    publication: Publication
    is_current: bool
    #: False where its files are gone or damaged: it cannot be rolled back to.
    is_kept: bool


@dataclass(frozen=True, slots=True)
class RolledBack:
    """`restored` is what was said when that version was published."""

    publication: Publication
    restored: str


def try_out(
    rulebook: Rulebook, now: datetime, *, extensions: Extensions = NO_EXTENSIONS
) -> list[Problem]:
    """The author's examples, then a dry run. For `config.publishing.Rulebooks(examine=...)`."""
    problems = examine(rulebook, extensions=extensions, now=now)
    if any(problem.is_error for problem in problems):
        return problems
    return [*problems, *dry_run(rulebook, now)]


def prepare(folder: Path, around: Surroundings, now: datetime) -> Loaded:
    """The rulebook in `folder`, good enough to be published. Raises ProblemsFound."""
    loaded = load_rulebook(folder, around=around)
    if loaded.rulebook is not None:
        extensions = Extensions.of(around.direct_dial)
        loaded = loaded.with_problems(try_out(loaded.rulebook, now, extensions=extensions))
    if loaded.rulebook is None:
        raise ProblemsFound(loaded.problems)
    return loaded


def publish(
    loaded: Loaded, settings: RulebookSettings, *, author: str, comment: str, now: datetime
) -> Publication:
    """Raises OSError where the state folder cannot be written."""
    publication = Publication(
        version=loaded.files.version,
        at=now,
        author=author,
        comment=comment,
        folder_version=_watched_version(settings),
    )
    RulebookVersions(settings.state_dir).publish(loaded.files, publication)
    return publication


def roll_back(
    settings: RulebookSettings, version: str | None, *, author: str, comment: str, now: datetime
) -> RolledBack:
    """To the version that begins so; None: the one before the current. Raises Misconfigured, or
    ProblemsFound where it is no longer good for this program."""
    versions = RulebookVersions(settings.state_dir)
    full = versions.full_version(version if version is not None else _previous(versions))
    loaded = versions.load(full, Surroundings.of(settings))
    if loaded is None:
        problems = [Problem(full, 0, "this version is damaged or no longer good; check its files")]
        raise ProblemsFound(problems)
    publication = Publication(
        version=full,
        at=now,
        author=author,
        comment=comment,
        action="rollback",
        folder_version=_watched_version(settings),
    )
    before = [one for one in versions.history() if one.version == full and one.comment]
    versions.roll_back(publication)
    return RolledBack(publication, before[-1].comment if before else "")


def _previous(versions: RulebookVersions) -> str:
    """The version that the current one replaced; what was rolled back is no step any more, so
    that each rollback goes one further back. Raises Misconfigured."""
    steps: list[str] = []
    for publication in versions.history():
        version = publication.version
        if publication.action == "rollback" and version in steps:
            del steps[steps.index(version) + 1 :]
        elif not steps or steps[-1] != version:
            steps.append(version)
    if len(steps) < 2:
        raise Misconfigured("there is no version before the current one; see: switchboard versions")
    return steps[-2]


def _watched_version(settings: RulebookSettings) -> str:
    """Of the folder that servers watch: only a later change of it replaces what we publish."""
    return read_rulebook_files(settings.path or SHIPPED).version


def list_versions(settings: RulebookSettings) -> Sequence[VersionLine]:
    """Newest first."""
    versions = RulebookVersions(settings.state_dir)
    history = versions.history()
    kept = {name: versions.has(name) for name in {one.version for one in history}}
    current = versions.pointed()
    return [VersionLine(one, one == current, kept[one.version]) for one in reversed(history)]
