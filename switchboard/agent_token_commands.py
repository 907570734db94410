"""The command of agents' tokens: made, listed and revoked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from screenpop.delivery.tokens import TokenListed


def add_to(app: typer.Typer) -> None:
    app.command("token")(token)


def token(
    login: Annotated[str | None, typer.Argument(help="Whose; --list takes none for all.")] = None,
    name: Annotated[str, typer.Option(help="What the program is called here.")] = "program",
    revoke: Annotated[bool, typer.Option("--revoke", help="The token of this name ends.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show names and ages instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Make a token with which a program takes an agent's pops (docs/screenpop-api.md).

    It is printed once and kept as a digest only. It is good until it is revoked, also after the
    agent's password changed; a running server closes what a revoked one opened within a minute.

    Example: [bold]switchboard agents token anna --name crm-plugin > anna.token[/bold]
    Example: [bold]switchboard agents token anna --name crm-plugin --revoke[/bold]
    """
    if listed and revoke:
        raise typer.BadParameter("--list and --revoke do not go together")
    if login is None and not listed:
        raise typer.BadParameter("whose? name the agent's log-in")
    with sentences():
        settings = read_settings(config)
        if listed:
            _show(settings, login, as_json=as_json)
        elif revoke:
            asyncio.run(_revoked(settings, login or "", name))
            out.print(Text(f"{login}: the token {name} is no longer good"))
        else:
            made = asyncio.run(_made(settings, login or "", name))
            told = json.dumps({"login": login, "name": name, "token": made}) if as_json else made
            typer.echo(told)
            err.print(Text("keep it safe: it is not shown again"))


def _show(settings: Settings, login: str | None, *, as_json: bool) -> None:
    rows = asyncio.run(_tokens(settings, login))
    if as_json:
        out.print_json(json.dumps([asdict(row) for row in rows], default=datetime.isoformat))
        return
    table = Table("log-in", "name", "made")
    for row in rows:
        table.add_row(row.login, row.name, f"{row.created_at:%Y-%m-%d %H:%M} UTC")
    out.print(table if rows else Text("there are no tokens"))


async def _made(settings: Settings, login: str, name: str) -> str:
    from screenpop.delivery.tokens import make_token
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await make_token(database, login, name)


async def _revoked(settings: Settings, login: str, name: str) -> None:
    from screenpop.delivery.tokens import revoke_token
    from switchboard.offline import opened

    async with opened(settings) as database:
        await revoke_token(database, login, name)


async def _tokens(settings: Settings, login: str | None) -> Sequence[TokenListed]:
    from screenpop.delivery.tokens import list_tokens
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await list_tokens(database, login)
