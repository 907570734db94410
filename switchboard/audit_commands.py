"""The commands of the audit log: list and verify."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from storage.audit_check import Checked

audit_app = typer.Typer(
    no_args_is_help=True,
    help="Who did what, when and from where; and whether somebody changed what is told of it."
    "\n\nExample: [bold]switchboard audit list --action agent[/bold]"
    "\n\nExample: [bold]switchboard audit verify[/bold], nightly from a timer",
)

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


@audit_app.command("list")
def listed(
    action: Annotated[
        str | None, typer.Option(help="Only this, or all that begin so: log_in, agent, privacy.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(help="Only what they did: a log-in, os:USER.")
    ] = None,
    result: Annotated[str | None, typer.Option(help="done, refused or failed.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="From then on (UTC), like 2026-03-29.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 50,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the newest entries, the last one last.

    Example: [bold]switchboard audit list --action log_in --result refused[/bold]
    Example: [bold]switchboard audit list --actor anna --since 2026-03-29 --json[/bold]
    """
    from storage.audit_reading import Wanted

    wanted = Wanted(
        action=action,
        actor=actor,
        result=result,
        since=since.replace(tzinfo=UTC) if since is not None else None,
        last=last,
    )
    with sentences():
        rows = asyncio.run(_rows(read_settings(config), wanted))
    if as_json:
        out.print_json(json.dumps([_as_json(row) for row in rows]))
        return
    if not rows:
        err.print("there is nothing of the kind")
        return
    table = Table("no.", "when (UTC)", "action", "result", "who", "where from", "what")
    for row in rows:
        table.add_row(
            str(row["seq"]),
            f"{row['at']:%Y-%m-%d %H:%M:%S}",
            *(Text(row[name]) for name in ("action", "result", "actor", "origin")),
            Text(_what(row)),
        )
    out.print(table)


def _what(row: Mapping[Any, Any]) -> str:
    if row["details"] is None:
        return " ".join(filter(None, (row["subject"], "(erased)")))
    told = json.dumps(row["details"], ensure_ascii=False) if row["details"] else ""
    return " ".join(filter(None, (row["subject"], told)))


def _as_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("seq", "action", "result", "actor", "origin", "subject", "details", "mac")
    return {"at": row["at"].isoformat()} | {name: row[name] for name in names}


@audit_app.command()
def verify(
    key_file: Annotated[
        list[Path] | None,
        typer.Option(help="A key of before, beside the one in audit.folder; can be repeated."),
    ] = None,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say whether every entry is as it was written, and none is missing.

    Exit 1 where it is not, with the first row that is not. What this machine saw last is kept in
    audit.folder: so rows cut off at the end are missed, too.

    Example: [bold]switchboard audit verify[/bold]
    Example: [bold]switchboard audit verify --key-file old-key --json[/bold]
    """
    with sentences():
        found = asyncio.run(_checked(read_settings(config), key_file or ()))
    broken = found.broken
    if as_json:
        told = {
            "good": broken is None,
            "rows": found.rows,
            "erased": found.erased,
            "last": found.head.mac,
            "broken": None if broken is None else {"row": broken.seq, "why": broken.why},
        }
        out.print_json(json.dumps(told))
    elif broken is not None:
        err.print(Text(f"row {broken.seq}: {broken.why}"), soft_wrap=True)
    else:
        erased = f", {found.erased} without details (erased)" if found.erased else ""
        out.print(Text(f"{found.rows} rows{erased}; the last is {found.head.mac}"), soft_wrap=True)
    raise typer.Exit(0 if broken is None else 1)


async def _rows(settings: Settings, wanted: Any) -> Sequence[Mapping[Any, Any]]:
    from storage.audit_reading import newest
    from switchboard.offline import opened

    async with opened(settings) as database, database.read() as link:
        return await newest(link, wanted)


async def _checked(settings: Settings, files: Sequence[Path]) -> Checked:
    from storage.audit_check import check
    from switchboard.audit_files import KEY_FILE, SeenHead, load_key
    from switchboard.offline import opened

    own = settings.audit.folder / KEY_FILE
    keys = [await asyncio.to_thread(load_key, file) for file in (own, *files)]
    async with opened(settings) as database:
        # Before the rows: those written meanwhile are newer than it.
        seen = await asyncio.to_thread(SeenHead.of(settings).read)
        async with database.engine.connect() as link:
            return await check(link, keys, seen)
