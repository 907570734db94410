"""`switchboard agents import|list|change|remove`: many agents, and what becomes of them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from calls.agents import Agent, Skill
from calls.errors import Misconfigured
from config.settings import Settings
from switchboard import secret_file
from switchboard.progress import Report, bar
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from screenpop.agents.agent_admin import AgentChange, ListedAgent
    from screenpop.agents.agent_import import ImportPlan

SkillOption = Annotated[
    list[str] | None, typer.Option(help="What they can, e.g. french:8 (1 to 10); can be repeated.")
]
RoleOption = Annotated[
    str,
    typer.Option(
        help="agent; supervisor or admin, who have the supervisor page, too; auditor, who only "
        "looks there."
    ),
]

_TELL_ASTERISK = "for their softphones: switchboard softphone-config"


def add_to(app: typer.Typer) -> None:
    app.command("list")(listed)
    app.command("import")(imported)
    app.command("change")(changed)
    app.command("remove")(removed)


def skills_of(written: Sequence[str] | None) -> tuple[Skill, ...]:
    from screenpop.agents.agent_rules import skill_written

    try:
        return tuple(skill_written(text) for text in written or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def listed(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the agents, what each chose to be, and who is logged in.

    Example: [bold]switchboard agents list[/bold]
    """
    with sentences():
        found = asyncio.run(_listed(read_settings(config)))
    if as_json:
        out.print_json(json.dumps([_as_json(one) for one in found]))
        return
    if not found:
        err.print("there are no agents yet: switchboard agents add --help", soft_wrap=True)
        return
    table = Table()
    for head in ("log-in", "name"):
        table.add_column(head, no_wrap=True)
    for head in (
        "rings",
        "queues",
        "skills",
        "language",
        "role",
        "state",
        "logged in",
        "second factor",
    ):
        table.add_column(head)
    for one in found:
        agent, chosen = one.agent, one.chosen
        table.add_row(
            agent.login,
            Text(agent.name),
            ", ".join(agent.interfaces),
            ", ".join(agent.queues),
            ", ".join(f"{skill.name}:{skill.level}" for skill in agent.skills),
            agent.language,
            agent.role,
            Text(chosen.state.value + (f" ({chosen.reason})" if chosen.reason else "")),
            "yes" if one.logged_in else "no",
            "yes" if one.has_second_factor else "no",
        )
    out.print(table)


def _as_json(one: ListedAgent) -> dict[str, object]:
    agent, chosen = one.agent, one.chosen
    return {
        "login": agent.login,
        "name": agent.name,
        "interfaces": agent.interfaces,
        "queues": agent.queues,
        "skills": {skill.name: skill.level for skill in agent.skills},
        "language": agent.language,
        "role": agent.role,
        "softphone": agent.softphone,
        "state": chosen.state.value,
        "reason": chosen.reason,
        "since": chosen.at.isoformat() if chosen.at else None,
        "logged_in": one.logged_in,
        "second_factor": one.has_second_factor,
    }


def imported(
    file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8, with a line of column names.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and tell; write nothing.")
    ] = False,
    passwords_to: Annotated[
        Path | None,
        typer.Option(help="Where passwords made here are written; else beside FILE."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Add and change many agents: all of the file, or nothing where anything in it is wrong.

    Columns: login and name; as you like interfaces, softphone (yes, no), queues, skills
    (french:8;english), language (en, zh), role and password. Several values stand behind each
    other with ; between. A column that is missing changes nothing, an empty cell empties. New
    agents without a password are given one, in a file for your eyes only. Agents whom the file
    does not name stay. Again with the same file changes nothing; log-ins end only of those whose
    password changed.

    Example: [bold]switchboard agents import agents.csv --dry-run[/bold]
    """
    with sentences():
        made_at = passwords_to or _beside(file)
        settings = read_settings(config)
        with bar("agents", err) as progress:
            plan = asyncio.run(_imported(settings, file, made_at, progress, dry_run=dry_run))
    if as_json:
        out.print_json(json.dumps(_plan_as_json(plan, made_at, dry_run=dry_run)))
        return
    for change in plan.changes:
        what = "new" if change.what is None else ", ".join(change.what)
        out.print(Text(f"{change.agent.login}: {what}"), soft_wrap=True)
    added, would = len(plan.added), " (nothing was written)" if dry_run else ""
    counted = f"{added} new, {len(plan.changes) - added} changed, {plan.unchanged} as before"
    out.print(f"{counted}{would}")
    if plan.made:
        said = "would be made" if dry_run else f"are in {made_at}: hand them out, then remove it"
        out.print(Text(f"passwords of {len(plan.made)} {said}"), soft_wrap=True)
    if any(change.agent.softphone for change in plan.changes):
        out.print(_TELL_ASTERISK)


def _beside(file: Path) -> Path:
    if file.is_dir():
        raise Misconfigured(f"{file} is a folder: name a file")
    return file.with_name(f"{file.stem}-passwords.csv")


def _plan_as_json(plan: ImportPlan, made_at: Path, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "added": [agent.login for agent in plan.added],
        "changed": {one.agent.login: one.what for one in plan.changes if one.what is not None},
        "unchanged": plan.unchanged,
        "passwords_made": len(plan.made),
        "passwords_file": str(made_at) if plan.made and not dry_run else None,
    }


def changed(
    login: Annotated[str, typer.Argument(help="Whose.")],
    name: Annotated[str | None, typer.Option(help="As others see them.")] = None,
    interface: Annotated[
        list[str] | None, typer.Option(help="What rings them now, instead of what did.")
    ] = None,
    softphone: Annotated[
        bool | None, typer.Option("--softphone/--no-softphone", help="A phone in the browser.")
    ] = None,
    queue: Annotated[
        list[str] | None, typer.Option(help="Queues they serve now, instead of all before.")
    ] = None,
    no_queues: Annotated[bool, typer.Option("--no-queues", help="They serve none.")] = False,
    skill: SkillOption = None,
    no_skills: Annotated[bool, typer.Option("--no-skills", help="They have none.")] = False,
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
    role: Annotated[str | None, typer.Option(help="agent, supervisor, admin or auditor.")] = None,
    config: ConfigOption = None,
) -> None:
    """Change what an agent has; password and log-ins stay.

    Example: [bold]switchboard agents change anna --queue support --queue sales[/bold]
    Example: [bold]switchboard agents change anna --skill french:8 --role supervisor[/bold]
    """
    from screenpop.agents.agent_admin import AgentChange

    if (queue and no_queues) or (skill and no_skills):
        raise typer.BadParameter("none, or these: not both")
    change = AgentChange(
        name=name,
        interfaces=tuple(interface) if interface else None,
        softphone=softphone,
        queues=tuple(queue or ()) if queue or no_queues else None,
        skills=skills_of(skill) if skill or no_skills else None,
        language=language,
        role=role,
    )
    if change == AgentChange():
        raise typer.BadParameter("nothing to change: name an option, as in --queue support")
    with sentences():
        agent = asyncio.run(_changed(read_settings(config), login, change))
    out.print(Text(f"{agent.login} is changed; a running server knows within a minute"))
    if softphone is not None:
        out.print(_TELL_ASTERISK)


def removed(
    login: Annotated[list[str], typer.Argument(help="Who; several if you like.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Remove agents: their log-ins and their programs' tokens end. Records of calls stay.

    Example: [bold]switchboard agents remove anna[/bold]
    """
    with sentences():
        settings = read_settings(config)
        if not yes and not typer.confirm(f"Remove {', '.join(login)}?", err=True):
            raise Misconfigured("nobody was removed")
        asyncio.run(_removed(settings, login))
    out.print(Text(f"removed: {', '.join(login)}; a running server knows within a minute"))


async def _listed(settings: Settings) -> Sequence[ListedAgent]:
    from screenpop.agents.agent_admin import listed_agents
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await listed_agents(database)


async def _changed(settings: Settings, login: str, change: AgentChange) -> Agent:
    from screenpop.agents.agent_admin import change_agent
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await change_agent(database, login, change)


async def _removed(settings: Settings, logins: Sequence[str]) -> None:
    from screenpop.agents.agent_admin import remove_agents
    from switchboard.offline import opened

    async with opened(settings) as database:
        await remove_agents(database, tuple(dict.fromkeys(logins)))


async def _imported(
    settings: Settings, file: Path, made_at: Path, progress: Report, *, dry_run: bool
) -> ImportPlan:
    from screenpop.agents.agent_file import read_agent_file
    from screenpop.agents.agent_import import plan_import, write_import
    from switchboard.offline import opened

    wanted, problems = read_agent_file(file)
    async with opened(settings) as database:
        plan = await plan_import(database, wanted, problems, progress=progress)
        if dry_run:
            return plan
        if plan.made:
            # First, and never over another: what is in neither place is known to nobody.
            _keep_passwords(made_at, plan.made)
        try:
            await write_import(database, plan)
        except Exception:
            if plan.made:
                await asyncio.to_thread(made_at.unlink, missing_ok=True)
            raise
    return plan


def _keep_passwords(path: Path, made: Mapping[str, str]) -> None:
    if path.exists():
        raise Misconfigured(
            f"{path} is there already: hand its passwords out and remove it, or name another file "
            "with --passwords-to"
        )
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("login", "password"), *made.items()])
    secret_file.replace(path, text.getvalue())
