"""`switchboard backup` and `switchboard restore`."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from calls import crash_points
from calls.errors import SwitchboardError, Unavailable
from storage.audit_chain import Entry
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from config.settings import Settings
    from switchboard.backup.manifest import Manifest
    from switchboard.privacy.erasing_again import Again

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def add_to(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A new file, or a folder that gets one.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="With DIR: then remove all but its newest so many."),
    ] = None,
    without_secrets: Annotated[
        bool,
        typer.Option("--without-secrets", help="No passwords of other systems, no SIP secrets."),
    ] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Put everything this installation needs to come back into one file, while it serves calls.

    The database of one instant, the settings file and the files with secrets that it names, all
    rulebook versions with their recordings, the trained models, CRM mappings, hold music. Prompts
    are made again. The file is for its owner alone (0600), and there only once it is whole.

    Example: [bold]switchboard backup /var/backups/switchboard --keep 14[/bold], from a timer
    Example: [bold]switchboard backup before-upgrade.tar.gz[/bold]
    Example: [bold]switchboard backup to-show.tar.gz --without-secrets[/bold]
    """
    from switchboard import offline
    from switchboard.backup import making
    from switchboard.progress import bar

    if keep is not None and not target.is_dir():
        raise typer.BadParameter(f"--keep goes with a folder, and {target} is none")
    with _told():
        crash_points.check()
        settings = read_settings(config)
        wanted = making.Wanted(target, force=force, with_secrets=not without_secrets)
        with bar("copying", err) as copying, bar("packing", err) as packing:
            made = making.make(settings, config, wanted, making.Reports(copying, packing))
        gone = making.prune(target, keep) if keep is not None else []
        subject = f"{made.manifest.made_at:%Y-%m-%dT%H:%M:%SZ}"
        entry = Entry(
            action="backup", subject=subject, details={"with_secrets": made.manifest.with_secrets}
        )
        asyncio.run(offline.told(settings, entry, upgraded=False))
    if as_json:
        told = _facts(made.manifest) | {
            "file": str(made.path),
            "bytes": made.size,
            "notices": list(made.notices),
            "removed": [str(path) for path in gone],
        }
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    _say(f"{made.path}: {made.size / 1e6:,.1f} MB")
    _describe(made.manifest)
    for notice in made.notices:
        _say(f"note: {notice}", to_err=True)
    for path in gone:
        _say(f"removed: {path}")


def restore(
    file: Annotated[Path, typer.Argument(help="What `switchboard backup` made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is there (files are moved aside).")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only see whether it is whole.")] = False,
    unpack_to: Annotated[
        Path | None, typer.Option(help="Only unpack it there: settings, secrets and all.")
    ] = None,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Put a backup back to where this machine's settings say, with the server stopped.

    Every hash is compared before anything is touched; a backup of an older version is brought up
    to this one. Settings and secrets are not put in place by themselves: unpack them, look at
    them, copy what you want. What --force replaces is kept aside under a name that ends in
    .before-TIME; the rows of a PostgreSQL database are not. Whoever was erased since the backup is
    erased again, as far as this machine's audit.folder knows of it.

    Example: [bold]switchboard restore --check backup.tar.gz[/bold]
    Example: [bold]switchboard restore --unpack-to look backup.tar.gz[/bold]
    Example: [bold]switchboard restore backup.tar.gz[/bold]
    """
    from switchboard import offline
    from switchboard.backup import restoring
    from switchboard.progress import bar

    if check or unpack_to is not None:
        with _told(), bar("reading", err) as report:
            if unpack_to is not None:
                manifest = restoring.unpack(file, unpack_to, report)
            else:
                manifest = restoring.check(file, report)
        if as_json:
            out.print_json(json.dumps(_facts(manifest), ensure_ascii=False))
            return
        _say(f"{file} is whole" + (f"; it lies in {unpack_to}" if unpack_to else ""))
        _describe(manifest)
        return
    with _told():
        crash_points.check()
        settings = read_settings(config)
        wanted = restoring.Wanted(file, force=force)
        with bar("unpacking", err) as unpacking, bar("filling", err) as filling:
            restored = restoring.restore(settings, wanted, restoring.Reports(unpacking, filling))
        asyncio.run(offline.told_of_restore(settings, restored.manifest.made_at))
    again = _erased_again(settings)
    if as_json:
        told = _facts(restored.manifest) | {
            "counts": dict(restored.counts),
            "kept": [str(path) for path in restored.kept],
            "erased_again": again.told(),
        }
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    for table in restored.manifest.tables:
        if table.rows:
            _say(f"  {table.name}: {restored.counts[table.name]:,} of {table.rows:,} rows")
    for place in restored.put:
        _say(f"  {place.setting}: {place.path}")
    for path in restored.kept:
        _say(f"what was there before: {path}")
    _say(f"restored, as of {restored.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    _say_what_is_left(restored.manifest, {place.name for place in restored.put}, file)
    for line in again.lines():
        _say(line)
    _say(
        f"whoever was erased since then by another machine, or before {again.file} was kept, is "
        "back: `switchboard privacy erase NUMBER` once more"
    )


def _erased_again(settings: Settings) -> Again:
    """The backup is back by now, and whatever comes of this is told as that."""
    from sqlalchemy.exc import SQLAlchemyError

    from switchboard.privacy.offline import erased_again

    with sentences():
        try:
            return asyncio.run(erased_again(settings))
        except (SwitchboardError, SQLAlchemyError, sqlite3.Error, OSError) as error:
            why = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise Unavailable(
                "the backup is back, and so is whoever was erased since then: put this right and "
                f"run `switchboard privacy erase-again` before the server starts: {why}"
            ) from error


def _say_what_is_left(manifest: Manifest, put: set[str], file: Path) -> None:
    folders = {member.name.split("/")[0] for member in manifest.members}
    left = sorted(folders - put - {"database"})
    if left:
        _say(
            f"not put in place: {', '.join(left)}; to get at them: "
            f"switchboard restore --unpack-to look {file}"
        )
    if manifest.environment:
        _say(f"it ran with these variables set: {', '.join(manifest.environment)}")


def _describe(manifest: Manifest) -> None:
    kind = _KINDS[manifest.database]
    _say(f"  database: {kind}, revision {manifest.revision}, {manifest.rows:,} rows")
    counts: dict[str, int] = {}
    for member in manifest.members:
        folder = member.name.split("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    for folder, count in sorted(counts.items()):
        if folder != "database":
            _say(f"  {folder}: {count} {'file' if count == 1 else 'files'}")
    people = "callers' names and numbers"
    if manifest.sealed_with is not None:
        people = f"{people} (sealed with the key {manifest.sealed_with}: its file is not in it)"
    if manifest.with_secrets:
        _say(
            f"it holds {people}, secrets of other systems in plain, and hashes of passwords: keep "
            "it like a password"
        )
    else:
        _say(
            f"it holds {people} and hashes of passwords; no secrets of other systems, and no "
            "agent's SIP secret"
        )


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "made_at": manifest.made_at.isoformat(),
        "product": manifest.product,
        "database": manifest.database,
        "revision": manifest.revision,
        "tables": {table.name: table.rows for table in manifest.tables},
        "files": len(manifest.members),
        "with_secrets": manifest.with_secrets,
        "sealed_with": manifest.sealed_with,
    }


@contextmanager
def _told() -> Iterator[None]:
    """What a database says is a sentence, too."""
    from switchboard.backup.postgres_copy import FAILURES

    with sentences():
        try:
            yield
        except (sqlite3.Error, *FAILURES) as error:
            why = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise Unavailable(f"storage.url: {why}") from error


def _say(text: str, *, to_err: bool = False) -> None:
    (err if to_err else out).print(Text(text), soft_wrap=True)
