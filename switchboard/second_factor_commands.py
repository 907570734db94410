"""The command of agents' second factors: added, removed, told of."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from config.settings import Settings
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from screenpop.agents.second_factors import FactorState


def add_to(app: typer.Typer) -> None:
    app.command("second-factor")(second_factor)


def second_factor(
    login: Annotated[str, typer.Argument(help="Whose.")],
    add: Annotated[bool, typer.Option("--add", help="A new one, in place of any before.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="They have none any more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say whether an agent logs in with a code of an authenticator app, too; add or remove it.

    --add prints what the app reads, as a picture and as text, and ten recovery codes, each good
    once in place of a code of the app. They are shown this once. Whoever has a second factor is
    asked for it, whatever `web.second_factor` says; their log-ins end with each change.

    Example: [bold]switchboard agents second-factor anna --add[/bold]
    Example: [bold]switchboard agents second-factor anna --remove[/bold]
    """
    if add and remove:
        raise typer.BadParameter("--add and --remove do not go together")
    with sentences():
        settings = read_settings(config)
        if add:
            _show_new(login, *asyncio.run(_added(settings, login)), as_json=as_json)
        elif remove:
            had = asyncio.run(_removed(settings, login))
            _say(login, "has no second factor any more" if had else "had none", as_json, had=False)
        else:
            _show(login, asyncio.run(_state(settings, login)), as_json=as_json)


def _show_new(login: str, uri: str, codes: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"login": login, "uri": uri, "recovery_codes": list(codes)}))
        return
    import segno

    picture = io.StringIO()
    segno.make(uri, error="m", micro=False).terminal(picture, compact=True)
    typer.echo(picture.getvalue())
    typer.echo(uri)
    typer.echo("\nrecovery codes, each good once:\n  " + "\n  ".join(codes) + "\n")
    told = "hand them over in person and keep no copy: they are not shown again"
    err.print(Text(f"{login}: {told}; open desktops close within a minute"), soft_wrap=True)


def _show(login: str, state: FactorState | None, *, as_json: bool) -> None:
    if state is None:
        _say(login, "has no second factor", as_json, had=False)
        return
    told = f"has a second factor since {state.enrolled_at:%Y-%m-%d %H:%M} UTC"
    if not state.has_secret:
        told += ", but its secret was left out of a restored backup: add a new one"
    told += f"; recovery codes left: {state.recovery_left}"
    _say(login, told, as_json, had=True, left=state.recovery_left)


def _say(login: str, told: str, as_json: bool, *, had: bool, left: int = 0) -> None:
    if as_json:
        answer = {"login": login, "second_factor": had, "recovery_codes_left": left}
        typer.echo(json.dumps(answer))
    else:
        out.print(Text(f"{login} {told}"), soft_wrap=True)


async def _added(settings: Settings, login: str) -> tuple[str, Sequence[str]]:
    from screenpop.agents.second_factors import add_second_factor
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await add_second_factor(database, login, public_url=settings.web.public_url)


async def _removed(settings: Settings, login: str) -> bool:
    from screenpop.agents.second_factors import remove_second_factor
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await remove_second_factor(database, login)


async def _state(settings: Settings, login: str) -> FactorState | None:
    from screenpop.agents.second_factors import second_factor_of
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await second_factor_of(database, login)
