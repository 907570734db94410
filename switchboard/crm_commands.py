"""The commands of the CRM: test, check, index, import-3cx, choices."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_CrmOption = Annotated[
    str | None, typer.Option(help="Of a chain, the one to ask; without it, each of them.")
]

crm_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The CRM that knows the callers."
    "\n\nExample: [bold]switchboard crm test +12025550101[/bold]",
)
choices_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Which of several contacts calls from a number, as agents said."
    "\n\nExample: [bold]switchboard crm choices list[/bold]",
)
crm_app.add_typer(choices_app, name="choices")


@crm_app.command("test")
def try_number(
    number: Annotated[str, typer.Argument(help="As a caller would show it, best as +1202...")],
    crm: _CrmOption = None,
    within_s: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds to wait.")] = 10.0,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Look one number up, and show each request, the raw answer and what was made of it.

    Secrets are masked. Exit 1 where the CRM cannot be asked as calls would ask it.

    Example: [bold]switchboard crm test +12025550101[/bold]
    """
    from switchboard import crm_trials

    with sentences():
        settings = read_settings(config)
        trials = asyncio.run(crm_trials.trials(settings, number, crm=crm, within_s=within_s))
    if as_json:
        rows = [crm_trials.as_json(trial) for trial in trials]
        out.print_json(json.dumps(rows, ensure_ascii=False, default=str))
    else:
        for trial in trials:
            crm_trials.show(trial, out, limit_s=settings.crm.lookup_deadline_s)
    raise typer.Exit(0 if all(trial.is_good for trial in trials) else 1)


@crm_app.command()
def check(crm: _CrmOption = None, config: ConfigOption = None) -> None:
    """Ask each CRM whether calls could be served now; names the right to read, create or change
    that is missing, and what could not be found out without writing.

    Example: [bold]switchboard crm check[/bold]
    """
    from switchboard import crm_trials

    with sentences():
        told = asyncio.run(crm_trials.checked(read_settings(config), crm=crm))
    for one in told:
        out.print(Text(f"{one.crm}: {one.error or 'good'}"), soft_wrap=True)
        for warning in one.warnings:
            out.print(Text(f"{one.crm}: warning: {warning}"), soft_wrap=True)
    raise typer.Exit(1 if any(one.error for one in told) else 0)


@crm_app.command()
def index(
    copy: Annotated[bool, typer.Option("--copy", help="Make the whole copy now.")] = False,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say how far our copy of the CRM's numbers is; `--copy` makes it anew, from where an earlier
    one was broken off.

    Example: [bold]switchboard crm index --copy[/bold]
    """
    from switchboard import crm_trials
    from switchboard.progress import counting

    with sentences():
        settings = read_settings(config)
        if copy:
            with counting("copying numbers", err) as progress:
                asyncio.run(crm_trials.copied(settings, progress))
        states = asyncio.run(crm_trials.index_states(settings))
    if as_json:
        out.print_json(json.dumps(states, default=str))
        return
    if not states:
        out.print("no copy is kept: this CRM tells of no changes, or is our own")
        return
    table = Table("CRM", "contacts", "whole copy", "last change", "copying now")
    for state in states:
        table.add_row(*(Text(_shown(state[key])) for key in _INDEX_COLUMNS))
    out.print(table)


_INDEX_COLUMNS = ("crm", "contacts", "copied_at", "changed_at", "copying_since")


def _shown(value: Any) -> str:
    return "never" if value is None else str(value)


@crm_app.command("import-3cx")
def import_3cx(
    template: Annotated[Path, typer.Argument(help="The template, an XML file.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="Where the mapping goes; else it is printed.")
    ] = None,
    as_json: _JsonOption = False,
) -> None:
    """Make a mapping for the REST adapter of a 3CX CRM template: look-up and report of calls.

    Says what is not the same, and what was not carried over. Exit 1 where the mapping cannot be
    used as it is.

    Example: [bold]switchboard crm import-3cx template.xml --out crm.yaml[/bold]
    """
    from switchboard import threecx_import

    with sentences():
        made = threecx_import.made(template)
        if to is not None:
            to.write_text(made.yaml, encoding="utf-8")
    if as_json:
        out.print_json(json.dumps(threecx_import.as_json(made), ensure_ascii=False))
    elif to is None:
        sys.stdout.write(made.yaml)
    if not as_json:
        threecx_import.show(made, err)
    raise typer.Exit(0 if made.is_usable else 1)


@choices_app.command("list")
def list_choices(as_json: _JsonOption = False, config: ConfigOption = None) -> None:
    """Numbers of several contacts, and who an agent said it is.

    Example: [bold]switchboard crm choices list[/bold]
    """
    from switchboard import crm_trials

    with sentences():
        rows = asyncio.run(crm_trials.choices(read_settings(config)))
    if as_json:
        out.print_json(json.dumps(rows, default=str))
        return
    table = Table("number", "contact", "chosen by", "at")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    out.print(table)


@choices_app.command("undo")
def undo_choice(
    number: Annotated[str, typer.Argument(help="The number, as +1202...")],
    config: ConfigOption = None,
) -> None:
    """Forget who calls from a number: the next agent chooses again.

    Example: [bold]switchboard crm choices undo +12025550103[/bold]
    """
    from switchboard import crm_trials

    with sentences():
        was_there = asyncio.run(crm_trials.forget_choice(read_settings(config), number))
    out.print("forgotten" if was_there else "nobody was chosen for this number")
    raise typer.Exit(0 if was_there else 1)
