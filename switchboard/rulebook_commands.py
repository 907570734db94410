"""The commands of the rulebook: check, explain, schema, publish, versions, rollback, diff."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from calls.errors import Misconfigured
from config.settings import Settings
from storage.audit_chain import Entry
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_AuthorOption = Annotated[
    str | None, typer.Option(help="Who publishes; without it the name you are logged in with.")
]


def add_to(app: typer.Typer) -> None:
    for command in (check, explain, schema, publish, versions, rollback, diff):
        app.command()(command)


def check(
    rulebook_dir: Annotated[
        Path | None, typer.Argument(help="Without it: the folder in the settings.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Find every mistake in a rulebook, and try its own examples.

    Example: [bold]switchboard check rulebook/[/bold]
    """
    from supervisor import check as checker
    from switchboard import offline

    with sentences():
        settings = read_settings(config)
        folder = rulebook_dir or settings.rulebook.path
        around = asyncio.run(offline.surroundings(settings))
        seconds = asyncio.run(offline.spoken_seconds(settings, folder))
        problems = checker.check(folder, around=around, seconds=seconds)
        good = checker.is_good(problems)
        waits = asyncio.run(offline.menu_waits_of(settings, folder, seconds)) if good else ()
        checker.render(problems, out, waits)
        if folder is None:
            err.print("this was the shipped shop: no folder is given, and none is in the settings")
        raise typer.Exit(0 if good else 1)


def explain(
    number: Annotated[
        str | None, typer.Argument(help="Who calls, best as +1202..., or 'anonymous'.")
    ] = None,
    dialled: Annotated[str | None, typer.Option(help="The number called.")] = None,
    call: Annotated[
        str | None,
        typer.Option(
            metavar="SYSTEM/LINKEDID", help="A call that was, instead; or a caller's number, last."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Then, as 2026-12-24T10:00 on the number's clock."),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Suppose this of the caller: caller.tier=vip."),
    ] = None,
    rulebook: Annotated[Path | None, typer.Option(help="A rulebook folder to try.")] = None,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say what a caller would hear, where they would go, and why; or what a call met.

    Example: [bold]switchboard explain +12025550101 --dialled +18005550100[/bold]
    Example: [bold]switchboard explain anonymous --at 2026-12-24T10:00 --fact caller.tier=vip[/bold]
    Example: [bold]switchboard explain --call last[/bold]
    """
    from crm_adapter.phone_numbers import looks_like_a_number
    from supervisor import explain as explainer
    from supervisor.given import WronglyGiven
    from switchboard import offline

    if (number is None) == (call is None):
        raise typer.BadParameter("give a caller's number, or --call with the id of a call")
    if number is not None and not looks_like_a_number(number):
        raise typer.BadParameter(f"'{number[:60]}' is not a number; or write 'anonymous'")
    if call is not None and (at or fact or dialled or rulebook):
        raise typer.BadParameter("--call tells what was; it goes with none but --json and --config")
    with sentences():
        settings = read_settings(config)
        if call is not None:
            found = asyncio.run(offline.explained_call(settings, call))
        else:
            try:
                found = asyncio.run(
                    offline.explained(
                        settings,
                        number or "",
                        dialled=dialled,
                        rulebook=rulebook,
                        at=at,
                        facts=fact or (),
                    )
                )
            except WronglyGiven as error:
                raise typer.BadParameter(str(error)) from error
    if as_json:
        out.print_json(json.dumps(found, ensure_ascii=False))
    else:
        explainer.render(found, out)


def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="A page to read instead.")] = False,
    crm: Annotated[
        str | None, typer.Option("--crm", help="That of a CRM's mapping instead: rest or sql.")
    ] = None,
) -> None:
    """Print the language of the rulebook, or of a CRM's mapping, as JSON Schema, for editors.

    Example: [bold]switchboard schema > rulebook.schema.json[/bold], and as the first line of each
    file: [bold]# yaml-language-server: $schema=rulebook.schema.json[/bold]
    """
    from config.json_schema import json_schema
    from crm_adapter.mapping_schema import SHAPES, mapping_schema
    from supervisor.reference import reference

    if crm is not None:
        if crm not in SHAPES or markdown:
            raise typer.BadParameter("--crm is rest or sql, without --markdown")
        typer.echo(json.dumps(mapping_schema(crm), ensure_ascii=False, indent=2))
        return

    if markdown:
        typer.echo(reference(), nl=False)
        return
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


def publish(
    rulebook_dir: Annotated[
        Path | None, typer.Argument(help="Without it: rulebook.path of the settings.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", "-m", help="What changes, and why.")] = "",
    author: _AuthorOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a rulebook, try it, speak its texts ahead, and make it the one for new calls.

    Calls in progress keep theirs. Running servers take it within a second or two.

    Example: [bold]switchboard publish rulebook/ -m "Christmas closure"[/bold]
    """
    from supervisor import check as checker
    from supervisor import publishing
    from switchboard import offline
    from switchboard.progress import bar

    with sentences():
        settings = read_settings(config)
        now = datetime.now(UTC)
        folder = rulebook_dir or settings.rulebook.path
        if folder is None:
            raise Misconfigured("publish what? Name a folder, or set rulebook.path")
        around = asyncio.run(offline.surroundings(settings))
        loaded = publishing.prepare(folder, around, now)
        if loaded.problems:
            checker.render(loaded.problems, err)
        with bar("speaking the texts", err) as progress:
            missing = asyncio.run(offline.prerendered(settings, loaded, progress))
        done = publishing.publish(
            loaded, settings.rulebook, author=author or _me(), comment=comment, now=now
        )
    _told(settings, "rulebook.published", done.version)
    if missing:
        err.print(f"{missing} texts cannot be spoken now; callers hear the menu without them")
    out.print(f"published {done.version}; new calls have it, calls in progress keep theirs")


def versions(as_json: _JsonOption = False, config: ConfigOption = None) -> None:
    """List what was published, newest first.

    Example: [bold]switchboard versions[/bold]
    """
    from supervisor import publishing

    with sentences():
        lines = publishing.list_versions(read_settings(config).rulebook)
    if as_json:
        rows = [
            {
                "version": line.publication.version,
                "at": line.publication.at.isoformat(),
                "author": line.publication.author,
                "comment": line.publication.comment,
                "action": line.publication.action,
                "current": line.is_current,
                "kept": line.is_kept,
            }
            for line in lines
        ]
        out.print_json(json.dumps(rows, ensure_ascii=False))
        return
    if not lines:
        out.print("nothing was published yet; see: switchboard publish --help")
        return
    table = Table("", Column("version", no_wrap=True, min_width=16), "when", "who", "how", "why")
    for line in lines:
        one = line.publication
        mark = "current" if line.is_current else "" if line.is_kept else "gone"
        when = f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(*map(Text, (mark, one.version, when, one.author, one.action, one.comment)))
    out.print(table)


def rollback(
    version: Annotated[
        str | None, typer.Argument(help="Its first letters do; without it: the one before.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why.")] = "",
    author: _AuthorOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an earlier version of the rulebook the one for new calls again.

    A watched folder is not touched: its next change is published as ever.
    A trained model goes back by `switchboard models rollback KIND`.

    Example: [bold]switchboard rollback[/bold]
    Example: [bold]switchboard rollback 3f9a -m "the new menu confuses people"[/bold]
    """
    from supervisor import publishing

    with sentences():
        settings = read_settings(config)
        done = publishing.roll_back(
            settings.rulebook,
            version,
            author=author or _me(),
            comment=comment,
            now=datetime.now(UTC),
        )
    _told(settings, "rulebook.rolled_back", done.publication.version)
    told = f" ({done.restored})" if done.restored else ""
    line = f"back to {done.publication.version}{told}; new calls have it, calls in progress keep"
    out.print(Text(f"{line} theirs"), soft_wrap=True)
    out.print("the folder is as it was: mend it there too, or its next change brings it back")


def diff(
    before: Annotated[
        str | None,
        typer.Argument(help="A version, or a folder to compare the current version with."),
    ] = None,
    after: Annotated[
        str | None, typer.Argument(help="A version or a folder; without it: rulebook.path.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show what changes between two rulebooks: for callers first, then in the files.

    Example: [bold]switchboard diff rulebook/[/bold], the current version and this folder
    Example: [bold]switchboard diff 3f9a 77c1[/bold]
    """
    from supervisor import comparing

    with sentences():
        settings = read_settings(config)
        compared = comparing.compare(settings.rulebook, before, after, datetime.now(UTC))
    comparing.render(compared, out)


def _told(settings: Settings, action: str, version: str) -> None:
    from switchboard import offline

    asyncio.run(offline.told(settings, Entry(action=action, subject=version)))


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise Misconfigured("who publishes? Say it with --author NAME") from error
