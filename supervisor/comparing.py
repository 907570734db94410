"""`switchboard diff`: two rulebooks side by side, each a kept version or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from calls.errors import Misconfigured
from config.rulebook import Rulebook
from config.rulebook_files import RulebookFiles, read_rulebook_files
from config.rulebook_loader import load_files
from config.rulebook_versions import RulebookVersions
from config.settings import RulebookSettings
from config.surroundings import Surroundings
from supervisor.differences import HeardDifferently, file_differences, heard_differently

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True)
class Compared:
    """`heard` is None where one of the two cannot be loaded."""

    before: str
    after: str
    heard: tuple[HeardDifferently, ...] | None
    files: tuple[str, ...]


def compare(
    settings: RulebookSettings, before: str | None, after: str | None, now: datetime
) -> Compared:
    """None: the current version, and the watched folder. One folder alone is compared with the
    current version. Raises Misconfigured."""
    versions = RulebookVersions(settings.state_dir)
    if after is None and before is not None and Path(before).is_dir():
        before, after = None, before
    if after is None and settings.path is None:
        raise Misconfigured("compare with what? Name a folder or a second version")
    pointed = versions.pointed()
    if before is None and pointed is None:
        raise Misconfigured("nothing was published yet; see: switchboard publish --help")
    old = _files(versions, before or (pointed.version if pointed else ""))
    new = _files(versions, after or str(settings.path))
    around = Surroundings.of(settings)
    books: list[Rulebook | None] = [load_files(one, around=around).rulebook for one in (old, new)]
    heard = None
    if books[0] is not None and books[1] is not None:
        heard = tuple(heard_differently(books[0], books[1], now))
    return Compared(old.version, new.version, heard, tuple(file_differences(old, new)))


def _files(versions: RulebookVersions, name: str) -> RulebookFiles:
    if Path(name).is_dir():
        return read_rulebook_files(Path(name))
    files = versions.files(versions.full_version(name))
    if files is None:
        raise Misconfigured(f"the version {name} is damaged")
    return files


def render(compared: Compared, console: Console) -> None:
    if compared.before == compared.after:
        console.print(f"nothing differs: both are {compared.before}")
        return
    console.print(Text(f"{compared.before} -> {compared.after}", style="bold"))
    if compared.heard is None:
        console.print(
            "one of the two has errors (`switchboard check`): only the files are compared"
        )
    elif not compared.heard:
        console.print("no sample caller hears anything else")
    for one in compared.heard or ():
        who = ", ".join(one.who)
        numbers = ", ".join(one.dialled)
        console.print(Text(f"{who} on {numbers}", style="bold"), soft_wrap=True)
        for change in one.changes:
            console.print(Text(f"  {change}"), soft_wrap=True)
    for line in compared.files:
        console.print(Text(line, style=_STYLES.get(line[:1], "")), soft_wrap=True)
