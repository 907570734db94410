"""The commands of the contacts: duplicates, merge, merges, unmerge, quality."""

from __future__ import annotations

import asyncio
import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from switchboard.progress import bar
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

contacts_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The people in the embedded CRM: who is there twice, and what is missing."
    "\n\nExample: [bold]switchboard contacts duplicates[/bold]",
)

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


@contacts_app.command()
def duplicates(
    least: Annotated[
        float,
        typer.Option("--min", min=0.1, max=1.0, help="How sure, from 0.1 to 1."),
    ] = 0.8,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Pairs to show.")] = 100,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find contacts that may be one person: same number or e-mail and a similar name.

    A number alone proves nothing, households share it; at 0.8 no two different first names are
    proposed. From 0.6 down also those are shown who only have the same name.

    Example: [bold]switchboard contacts duplicates --min 0.6[/bold]
    """
    from switchboard import contacts_offline, contacts_views

    with sentences():
        settings = read_settings(config)
        with bar("looking for duplicates", err) as progress:
            found = asyncio.run(
                contacts_offline.duplicates(settings, least=least, limit=limit, progress=progress)
            )
    if as_json:
        out.print_json(json.dumps(contacts_views.duplicates_json(found), ensure_ascii=False))
    else:
        contacts_views.show_duplicates(found, least, out)


@contacts_app.command()
def merge(
    keep: Annotated[str, typer.Argument(metavar="KEEP", help="Id of the contact that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Id of the one to merge into it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen.")] = False,
    by: Annotated[
        str | None, typer.Option(help="Who says so; without it the name you are logged in with.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make one contact of two: numbers, e-mails, purchases, orders, calls and all else.

    Can be undone with [bold]switchboard contacts unmerge[/bold].

    Example: [bold]switchboard contacts merge C-00012 C-01980 --dry-run[/bold]
    """
    from switchboard import contacts_offline, contacts_views

    with sentences():
        merged = asyncio.run(
            contacts_offline.merged(
                read_settings(config), keep, other, by=by or getpass.getuser(), dry_run=dry_run
            )
        )
    contacts_views.show_merged(merged, out, dry_run=dry_run)


@contacts_app.command()
def merges(as_json: _JsonOption = False, config: ConfigOption = None) -> None:
    """Show which contacts were merged, the newest first.

    Example: [bold]switchboard contacts merges[/bold]
    """
    from dataclasses import asdict

    from switchboard import contacts_offline, contacts_views

    with sentences():
        past = asyncio.run(contacts_offline.past_merges(read_settings(config)))
    if as_json:
        rows = [asdict(one) for one in past]
        out.print_json(json.dumps(rows, ensure_ascii=False, default=str))
    elif not past:
        out.print("no contacts were merged")
    else:
        contacts_views.show_merges(past, out)


@contacts_app.command()
def unmerge(
    merge_id: Annotated[int, typer.Argument(metavar="MERGE_ID", help="See contacts merges.")],
    config: ConfigOption = None,
) -> None:
    """Take two merged contacts apart: everything goes back to where it was.

    What came to the kept contact after the merge stays with it.

    Example: [bold]switchboard contacts unmerge 7[/bold]
    """
    from switchboard import contacts_offline

    with sentences():
        undone = asyncio.run(contacts_offline.unmerged(read_settings(config), merge_id))
    told = f"{undone.merged_id} and {undone.kept_id} are two contacts again"
    out.print(Text(told), soft_wrap=True)


@contacts_app.command()
def quality(
    html: Annotated[Path | None, typer.Option(help="Also write a page for supervisors.")] = None,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say how good the contacts are: numbers that can be dialled, gaps, duplicates.

    Example: [bold]switchboard contacts quality --html quality.html[/bold]
    """
    from switchboard import contacts_offline, contacts_views

    with sentences():
        settings = read_settings(config)
        with bar("looking at the contacts", err) as progress:
            found = asyncio.run(contacts_offline.quality(settings, progress))
        if html is not None:
            contacts_offline.written(found, html)
    if as_json:
        out.print_json(json.dumps(contacts_views.quality_json(found), ensure_ascii=False))
    else:
        contacts_views.show_quality(found, out)
    if html is not None:
        err.print(Text(f"written: {html}"), soft_wrap=True)
