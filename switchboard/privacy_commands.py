"""`switchboard privacy`: what is kept of one person, their going, and what is too old."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from calls import crash_points
from calls.caller import ContactRef
from calls.errors import SwitchboardError, Unavailable
from switchboard.terminal import ConfigOption, out, read_settings, sentences

if TYPE_CHECKING:
    from switchboard.privacy.erasing import Plan
    from switchboard.privacy.person import Person

_NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="Of the person, in any spelling.")
]
_ContactOption = Annotated[
    list[str] | None,
    typer.Option("--contact", metavar="CRM:ID", help="Whom you mean, where several share it."),
]
_SharedOption = Annotated[bool, typer.Option("--shared", help="All contacts who share the number.")]
_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]

privacy_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="What is kept of people: how long, what of one person, and that person's going."
    "\n\nExample: [bold]switchboard privacy export +12025550101 --out maria.json[/bold]",
)


@privacy_app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is too old.")] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Remove now what is older than privacy.keep lets it be kept; the server does it every hour.

    What a call, a desktop or the outbox still needs stays.

    Example: [bold]switchboard privacy prune --dry-run[/bold]
    """
    from switchboard.privacy.offline import pruned

    with _told():
        settings = read_settings(config)
        counts = asyncio.run(pruned(settings, dry_run=dry_run))
    if as_json:
        out.print_json(json.dumps(counts))
        return
    days = settings.privacy.keep_days
    for kind, kept in days.items():
        age = f"older than {kept} days" if kept else "kept for ever"
        what = "due" if dry_run else "removed"
        out.print(Text(f"{kind}: {counts.get(kind, 0):,} {what} ({age})"))


@privacy_app.command()
def export(
    number: _NumberArgument,
    file: Annotated[
        Path | None, typer.Option("--out", help="A new file, for its owner alone; else printed.")
    ] = None,
    contact: _ContactOption = None,
    shared: _SharedOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell all that is kept of one person, as JSON: by the number, the contacts who have it, their
    other numbers and their calls.

    What the CRM holds itself is not in it, unless it is the embedded one.

    Example: [bold]switchboard privacy export +12025550101[/bold]
    Example: [bold]switchboard privacy export '(202) 555-0101' --out maria.json[/bold]
    """
    from switchboard.privacy.offline import exported

    with _told():
        settings = read_settings(config)
        told = asyncio.run(exported(settings, number, _refs(contact), shared=shared))
        text = json.dumps(told, ensure_ascii=False, indent=2)
        if file is None:
            out.print_json(text)
            return
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(text + "\n")
    rows = sum(len(rows) for kept in told["kept"].values() for rows in kept.values())
    _say(f"{file}: {rows:,} rows")


@privacy_app.command()
def erase(
    number: _NumberArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Also while they are in a call; then erase once more.")
    ] = False,
    vacuum: Annotated[
        bool | None,
        typer.Option(
            "--vacuum/--no-vacuum",
            help="Make SQLite's file anew, also a large one: nobody writes meanwhile.",
        ),
    ] = None,
    contact: _ContactOption = None,
    shared: _SharedOption = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Erase one person: rows, what waits for the CRM, copies and caches, what they said.

    Of calls stay time, queue and outcome, of offers the answers, without whose they were. What was
    not delivered to the CRM yet is dropped. Erase them in the CRM first, else its copy brings them
    back. It may be given again at any time; interrupted, it goes on where it was.

    Example: [bold]switchboard privacy erase +12025550101 --dry-run[/bold]
    Example: [bold]switchboard privacy erase +12025550101[/bold]
    """
    from switchboard.privacy.offline import Erasure

    with _told():
        crash_points.check()
        settings = read_settings(config)
        erasure = Erasure(settings, number, _refs(contact), shared=shared)
        plan = asyncio.run(erasure.planned())
        if dry_run:
            _show_plan(plan, as_json=as_json)
            return
        if not yes and not _is_meant(plan):
            raise typer.Exit(1)
        done = asyncio.run(erasure.done(now=now, vacuum=vacuum))
    if as_json:
        told = {
            "counts": dict(done.counts),
            "left": list(done.left),
            "still_named": dict(done.named),
        }
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    _show_counts(done.counts, "erased")
    for where, count in done.named.items():
        _say(f"a name of theirs, maybe of others too, still stands in {where}: {count:,} rows")
    for left in done.left:
        _say(f"left to do: {left}")


@privacy_app.command("erase-again")
def erase_again(as_json: _JsonOption = False, config: ConfigOption = None) -> None:
    """Erase once more whom an older database brought back: for one that was put back by other
    means than `switchboard restore`, which does this by itself. Stop the server first.

    Who was erased stands in audit.folder, without numbers. Given again, it finds nobody.

    Example: [bold]switchboard privacy erase-again[/bold]
    """
    from switchboard.privacy.offline import erased_again

    with _told():
        done = asyncio.run(erased_again(read_settings(config)))
    if as_json:
        out.print_json(json.dumps(done.told(), ensure_ascii=False))
        return
    for line in done.lines() or ["nobody: the database knows of all who were erased"]:
        _say(line)


def _is_meant(plan: Plan) -> bool:
    _show_plan(plan, as_json=False)
    return typer.confirm("Erase all this? It does not come back")


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        told = {
            "numbers": sorted(plan.person.numbers),
            "contacts": sorted(map(str, plan.person.contacts)),
            "counts": dict(plan.counts),
            "recordings": sorted(plan.voices),
            "at_work": list(plan.at_work),
        }
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    _show_person(plan.person)
    _show_counts(plan.counts, "there")
    for name in sorted(plan.voices):
        _say(f"recording: {name}")
    for what in plan.at_work:
        _say(f"just now: {what}")


def _show_person(person: Person) -> None:
    _say(f"numbers: {', '.join(sorted(person.numbers)) or 'none that is theirs alone'}")
    if person.contacts:
        _say(f"contacts: {', '.join(sorted(map(str, person.contacts)))}")


def _show_counts(counts: Mapping[str, int], what: str) -> None:
    if not counts:
        _say(f"nothing {what}")
    for name, count in sorted(counts.items()):
        _say(f"  {name}: {count:,} {what}")


def _refs(contact: list[str] | None) -> list[ContactRef]:
    try:
        return [ContactRef.parse(each) for each in contact or ()]
    except ValueError as error:
        raise SwitchboardError(f"--contact: {error}") from error


@privacy_app.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="A new file, for its owner alone.")],
) -> None:
    """Make a key for privacy.encryption.key_file. Keep a copy of it apart from the backups: without
    it nobody reads what it sealed.

    Example: [bold]switchboard privacy new-key /etc/switchboard/seal.key[/bold]
    """
    from switchboard import seal_key

    with _told():
        try:
            made = seal_key.make(file)
        except OSError as error:
            raise SwitchboardError(f"{file}: {error.strerror}") from error
    _say(f"{file}: the key {made.fingerprint}")


@privacy_app.command()
def encrypt(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the rows.")] = False,
    config: ConfigOption = None,
) -> None:
    """Seal numbers, names and notes that are in the database already, by the key that
    privacy.encryption.key_file names. Stop the server first; broken off, give it again.

    Example: [bold]switchboard privacy encrypt --dry-run[/bold]
    """
    from switchboard.privacy import sealing

    with _told():
        settings = read_settings(config)
        if dry_run:
            counts = asyncio.run(sealing.planned(settings))
            _show_counts({name: count for name, count in counts.items() if count}, "there")
            return
        counts = dict(asyncio.run(sealing.encrypted(settings, _rows_done)))
    _show_counts(counts, "sealed")


@privacy_app.command()
def decrypt(config: ConfigOption = None) -> None:
    """Open for good what was sealed; then take privacy.encryption out of the settings. Stop the
    server first; broken off, give it again.

    Example: [bold]switchboard privacy decrypt[/bold]
    """
    from switchboard.privacy import sealing

    with _told():
        counts = dict(asyncio.run(sealing.decrypted(read_settings(config), _rows_done)))
    _show_counts(counts, "opened")
    _say("now take privacy.encryption out of the settings")


@privacy_app.command("rotate-key")
def rotate_key(
    old: Annotated[Path, typer.Option("--old", help="The file of the key before.")],
    config: ConfigOption = None,
) -> None:
    """Seal everything with the key that the settings name now, instead of another one. Stop the
    server first; broken off, give it again.

    Example: [bold]switchboard privacy rotate-key --old /etc/switchboard/seal.key.2025[/bold]
    """
    from switchboard import seal_key
    from switchboard.privacy import sealing

    with _told():
        settings = read_settings(config)
        counts = dict(asyncio.run(sealing.rotated(settings, seal_key.read(old), _rows_done)))
    _show_counts(counts, "sealed anew")


def _rows_done(table: str, rows: int) -> None:
    if rows:
        _say(f"{table}: {rows:,} rows looked at")


@contextmanager
def _told() -> Iterator[None]:
    """What a database says is a sentence, too."""
    import sqlite3

    from sqlalchemy.exc import SQLAlchemyError

    with sentences():
        try:
            yield
        except (sqlite3.Error, SQLAlchemyError) as error:
            why = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise Unavailable(f"storage.url: {why}") from error


def _say(text: str) -> None:
    out.print(Text(text), soft_wrap=True)
