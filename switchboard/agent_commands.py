"""`switchboard agents ...` and `switchboard softphone-config`: the people who answer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from calls.agents import Agent
from calls.errors import SwitchboardError
from switchboard import agent_admin_commands, second_factor_commands
from switchboard.agent_admin_commands import RoleOption, SkillOption, skills_of
from switchboard.terminal import ConfigOption, out, read_settings, sentences

agents_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The people who answer.\n\nExample: [bold]switchboard agents list[/bold]",
)
PasswordOption = Annotated[
    str | None,
    typer.Option(
        envvar="SWITCHBOARD_AGENT_PASSWORD",
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        help="Asked for where it is not given.",
    ),
]

#: Where the new secret counts only when Asterisk knows it too.
_TELL_ASTERISK = "for their softphone: switchboard softphone-config"


@agents_app.command("add")
def agents_add(
    login: Annotated[str, typer.Argument(help="What they log in with.")],
    name: Annotated[str, typer.Option(help="As others see them.")],
    interface: Annotated[
        list[str] | None, typer.Option(help="What rings them, e.g. PJSIP/201.")
    ] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Queues they serve.")] = None,
    language: Annotated[str, typer.Option(help="Of their desktop: en or zh.")] = "en",
    softphone: Annotated[
        bool, typer.Option("--softphone", help="A phone in the browser rings them (too).")
    ] = False,
    skill: SkillOption = None,
    role: RoleOption = "agent",
    password: PasswordOption = None,
    config: ConfigOption = None,
) -> None:
    """Add an agent. One with this log-in is replaced: to change a part, use `agents change`.

    With --softphone they are rung as PJSIP/LOGIN, with a secret of ours: `switchboard
    softphone-config` tells Asterisk. Otherwise name what rings them.

    Example: [bold]switchboard agents add anna --name "Anna Berg" --interface PJSIP/201[/bold]
    Example: [bold]switchboard agents add ben --name "Ben Okafor" --softphone[/bold]
    Example: [bold]switchboard agents add ines --name "Ines Roth" --role supervisor[/bold]
    """
    from switchboard import offline

    if not interface and not softphone and role == "agent":
        raise typer.BadParameter("name what rings them: --interface PJSIP/201, or --softphone")
    agent = Agent(
        login=login,
        name=name,
        interfaces=tuple(interface or ()),
        queues=tuple(queue or ()),
        language=language,
        softphone=softphone,
        skills=skills_of(skill),
        role=role,
    )
    with sentences():
        is_new = asyncio.run(offline.agent_added(read_settings(config), agent, password or ""))
    if is_new:
        out.print(f"{agent.login} can log in; a running server knows within a minute")
    else:
        out.print(
            f"{agent.login} was there already: everything is as said now, the password too; "
            "open desktops close within a minute",
            soft_wrap=True,
        )
    if softphone:
        out.print(_TELL_ASTERISK)


@agents_app.command("reset")
def agents_reset(
    login: Annotated[str, typer.Argument(help="Whose.")],
    password: PasswordOption = None,
    config: ConfigOption = None,
) -> None:
    """Give an agent a new password, and their softphone a new secret. Their log-ins end.

    Example: [bold]switchboard agents reset anna[/bold]
    """
    from switchboard import offline

    with sentences():
        agent = asyncio.run(offline.agent_reset(read_settings(config), login, password or ""))
    out.print(f"{agent.login} logs in with the new password; open desktops close within a minute")
    if agent.softphone:
        out.print(_TELL_ASTERISK)


agent_admin_commands.add_to(agents_app)
second_factor_commands.add_to(agents_app)


def add_to(app: typer.Typer) -> None:
    app.command(name="softphone-config")(softphone_config)


def softphone_config(
    write_to: Annotated[
        Path | None, typer.Option(help="A folder to write the file to, for one user's eyes.")
    ] = None,
    media_address: Annotated[
        str | None, typer.Option(help="The one address of Asterisk that sound uses.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print what Asterisk's pjsip.conf includes for the agents' phones in the browser.

    It holds their secrets. Write it anew after `agents add --softphone` and `agents reset`, then
    let Asterisk read it: asterisk -rx "module reload res_pjsip.so"

    Example: [bold]switchboard softphone-config --write-to /etc/asterisk[/bold]
    """
    from ami_bridge import softphone_config as file
    from ami_bridge.pbx_config import PbxConfigError
    from switchboard import offline, secret_file

    with sentences():
        settings = read_settings(config)
        phones = asyncio.run(offline.softphones(settings))
        try:
            text = file.render_softphones(phones, settings.softphone, media_address=media_address)
        except PbxConfigError as error:
            raise SwitchboardError(str(error)) from error
        if write_to is None:
            sys.stdout.write(text)
            return
        path = write_to / file.SOFTPHONES_FILE
        secret_file.replace(path, text)
    out.print(Text(f"{path}: {len(phones)} phones; include it from pjsip.conf"), soft_wrap=True)
    out.print('then: asterisk -rx "module reload res_pjsip.so"')
