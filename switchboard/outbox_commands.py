"""The commands of the outbox: status, show, retry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.settings import Settings
from crm_adapter import outbox, outbox_status
from storage.audit_chain import Entry
from switchboard.logs import masked
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_NumbersOption = Annotated[
    bool, typer.Option("--show-numbers", help="Callers' numbers and names in full.")
]
_MOST_DEAD = 20

outbox_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="What the CRM and webhooks are still owed."
    "\n\nExample: [bold]switchboard outbox status[/bold]",
)


@outbox_app.command()
def status(
    show_numbers: _NumbersOption = False, as_json: _JsonOption = False, config: ConfigOption = None
) -> None:
    """Say what is to be delivered, and what was given up, why, and what to do about it.

    Exit 1 where something was given up.

    Example: [bold]switchboard outbox status[/bold]
    """
    with sentences():
        groups, dead = asyncio.run(_status(read_settings(config)))
    now = datetime.now(UTC)
    told = [_dead(row, show_numbers) for row in dead]
    if as_json:
        counts = [
            {
                "lane": group.lane,
                "operation": group.operation,
                "state": group.state,
                "count": group.count,
                "oldest_s": round((now - group.oldest_at).total_seconds()),
            }
            for group in groups
        ]
        out.print_json(json.dumps({"entries": counts, "dead": told}, ensure_ascii=False))
    else:
        table = Table("for", "operation", "state", "entries", "oldest")
        for group in groups:
            age = _age((now - group.oldest_at).total_seconds())
            table.add_row(group.lane, group.operation, group.state, str(group.count), age)
        out.print(table if groups else Text("the outbox is empty"))
        for one in told:
            out.print(Text(f"\n{one['key']}  {one['operation']}: {one['error']}"))
            out.print(Text(f"  {one['advice']}: switchboard outbox retry {one['key']}"))
    raise typer.Exit(1 if dead else 0)


@outbox_app.command()
def show(
    key: Annotated[str, typer.Argument(help="As `status` names it.")],
    show_numbers: _NumbersOption = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one entry: what it says, how often it was tried, and how that went.

    Example: [bold]switchboard outbox show 2f0c1b7e-…[/bold]
    """
    with sentences():
        row = asyncio.run(_entry(read_settings(config), key))
    if row is None:
        err.print(Text(f"there is no entry {key} in the outbox"))
        raise typer.Exit(1)
    told = {name: _plain(value) for name, value in row.items()}
    if not show_numbers:
        told["payload"] = outbox_status.without_personal_values(row["payload"])
        told["last_error"] = masked(row["last_error"] or "") or None
    if as_json:
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    for name, value in told.items():
        shown = json.dumps(value, ensure_ascii=False, indent=2) if name == "payload" else value
        out.print(Text(f"{name}: {'-' if shown is None else shown}"), soft_wrap=True)
    if row["state"] == "dead":
        out.print(Text(f"what to do: {outbox_status.advice(row['last_error'])}"))


@outbox_app.command()
def retry(
    key: Annotated[str | None, typer.Argument(help="One entry that was given up.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Deliver what was given up once more; the running server does it within a second.

    What the CRM has a newer version of stays as it is: it would be undone.

    Example: [bold]switchboard outbox retry --dead[/bold]
    """
    if (key is None) is not dead:
        err.print(Text("name one entry, or give --dead for all of them"))
        raise typer.Exit(2)
    with sentences():
        count = asyncio.run(_retry(read_settings(config), key))
        row = asyncio.run(_entry(read_settings(config), key)) if key and not count else None
    if as_json:
        out.print_json(json.dumps({"retried": count}))
    elif key is not None and count == 0:
        err.print(Text(_why_not(key, row)))
    else:
        out.print(Text(f"{count} to be delivered again"))
    raise typer.Exit(1 if key is not None and count == 0 else 0)


async def _status(settings: Settings) -> tuple[list[outbox_status.Group], list[Mapping[Any, Any]]]:
    from switchboard.offline import opened

    async with opened(settings) as database, database.read() as connection:
        groups = await outbox_status.groups(connection)
        return groups, list(await outbox_status.dead(connection, limit=_MOST_DEAD))


async def _entry(settings: Settings, key: str) -> Mapping[Any, Any] | None:
    from switchboard.offline import opened

    async with opened(settings) as database, database.read() as connection:
        return await outbox_status.entry(connection, key)


async def _retry(settings: Settings, key: str | None) -> int:
    from switchboard.offline import opened

    async with opened(settings) as database:
        now = datetime.now(UTC)

        async def work(link: AsyncConnection) -> int:
            count = await outbox.replay_dead(link, at=now, key=key)
            if count:
                told = {"count": count}
                entry = Entry(action="outbox.retry", subject=key or "all", details=told)
                await database.audit.append(link, entry)
            return count

        return await database.writer.write(work)


def _why_not(key: str, row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return f"there is no entry {key} in the outbox"
    if row["state"] == "dead":
        return f"{key} stays given up: a newer version of it was delivered, and would be undone"
    return f"{key} was not given up: it is {row['state']}"


def _dead(row: Mapping[Any, Any], show_numbers: bool) -> dict[str, Any]:
    error = row["last_error"] or "no reason was kept"
    return {
        "key": row["key"],
        "lane": row["lane"],
        "operation": row["operation"],
        "error": error if show_numbers else masked(error),
        "advice": outbox_status.advice(row["last_error"]),
        "given_up_at": _plain(row["finished_at"]),
    }


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _age(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{max(0.0, seconds):.0f} s"
