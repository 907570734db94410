"""The commands of leads: list, undo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import Row

from config.settings import Settings
from crm_adapter import lead_undo
from crm_adapter.lead_undo import Counted, Wanted
from switchboard.logs import masked
from switchboard.progress import Report, bar
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
#: Named where somebody mistypes one.
_MOST_RULES = 20
_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_Since = Annotated[
    datetime | None,
    typer.Option(formats=_DAYS, help="Made then or later, local time."),
]
_Until = Annotated[datetime | None, typer.Option(formats=_DAYS, help="Made before.")]
_Rule = Annotated[
    str | None, typer.Option(help="Name of a lead rule, or the number dialled as it is written.")
]

leads_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The leads that calls of strangers made.\n\nExample: [bold]switchboard leads list[/bold]",
)


@leads_app.command("list")
def list_leads(
    rule: _Rule = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    show_numbers: Annotated[bool, typer.Option("--show-numbers", help="Numbers in full.")] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List leads, the newest first: which rule made them, whose they are, how they stand.

    Example: [bold]switchboard leads list --rule campaign --since 2026-11-01[/bold]
    """
    wanted = _wanted(rule, since, until)
    with sentences():
        rows = asyncio.run(_listed(read_settings(config), wanted, limit))
    told = [_told(row, show_numbers) for row in rows]
    if as_json:
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    table = Table("made", "number", "rule", "owner", "state", "in the CRM")
    for one in told:
        table.add_row(*(one[name] or "-" for name in _COLUMNS))
    out.print(table)


@leads_app.command()
def undo(
    rule: Annotated[
        str, typer.Option(help="Name of a lead rule, or the number dialled as it is written.")
    ],
    since: Annotated[datetime, typer.Option(formats=_DAYS, help="Made then or later, local time.")],
    until: _Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take back the leads that a rule made by mistake; those an agent confirmed stay.

    They are marked as withdrawn in the CRM, not deleted. Again it changes nothing more.

    Example: [bold]switchboard leads undo --rule campaign --since 2026-11-01[/bold]
    """
    wanted = _wanted(rule, since, until)
    with sentences():
        settings = read_settings(config)
        counted, rules = asyncio.run(_counted(settings, wanted))
    if rule not in rules:
        known = f"; rules that did: {', '.join(rules[:_MOST_RULES])}" if rules else ""
        err.print(Text(f"no lead was ever made by '{rule}'{known}"))
        raise typer.Exit(1)
    left = f"; {counted.confirmed} that agents confirmed stay" if counted.confirmed else ""
    done = 0
    if not dry_run and counted.to_withdraw:
        if not yes and not typer.confirm(f"Withdraw {counted.to_withdraw} leads{left}?", err=True):
            err.print(Text("nothing was changed"))
            raise typer.Exit(1)
        with sentences(), bar("withdrawing", err) as report:
            done = asyncio.run(_undone(settings, wanted, counted.to_withdraw, report))
    if as_json:
        told = {
            "found": counted.to_withdraw,
            "withdrawn": done,
            "confirmed_left": counted.confirmed,
            "dry_run": dry_run,
        }
        out.print_json(json.dumps(told))
    elif dry_run:
        out.print(Text(f"{counted.to_withdraw} leads would be withdrawn{left}"))
    else:
        out.print(Text(f"{done} leads withdrawn{left}"))


_COLUMNS = ("created_at", "number", "rule", "owner", "state", "lead_id")


def _wanted(rule: str | None, since: datetime | None, until: datetime | None) -> Wanted:
    def aware(at: datetime | None) -> datetime | None:
        return at.astimezone(UTC) if at is not None else None

    return Wanted("default", rule, aware(since), aware(until))


def _told(row: Row[Any], show_numbers: bool) -> dict[str, Any]:
    return {
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "number": row.number if show_numbers else masked(row.number),
        "rule": row.rule,
        "owner": row.owner,
        "state": _state(row),
        "lead_id": row.lead_id,
    }


def _state(row: Row[Any]) -> str:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.closed_at is not None:
        return "closed"
    return f"confirmed by {row.confirmed_by}" if row.confirmed_at is not None else "unverified"


async def _listed(settings: Settings, wanted: Wanted, limit: int) -> Sequence[Row[Any]]:
    from switchboard.offline import opened

    async with opened(settings) as database, database.read() as connection:
        return await lead_undo.listed(connection, wanted, limit=limit)


async def _counted(settings: Settings, wanted: Wanted) -> tuple[Counted, list[str]]:
    """With the rules that have made leads."""
    from switchboard.offline import opened

    async with opened(settings) as database, database.read() as connection:
        counted = await lead_undo.count(connection, wanted)
        return counted, await lead_undo.rules(connection, wanted.tenant)


async def _undone(settings: Settings, wanted: Wanted, total: int, report: Report) -> int:
    from switchboard.offline import opened

    done, now = 0, datetime.now(UTC)
    async with opened(settings) as database:
        while some := await database.writer.write(
            lambda link: lead_undo.undo_some(link, wanted, at=now)
        ):
            done += some
            report(done, max(total, done))
    return done
