"""The command line. Exit 0: good. 1: the thing checked is bad, said as `file:line: sentence`.
2: wrong usage."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from calls.errors import SwitchboardError
from config.settings_file import load_settings
from switchboard import (
    agent_commands,
    agent_token_commands,
    backup_commands,
    drift_commands,
    evaluate_commands,
    logs,
    model_commands,
    nightly_commands,
    rulebook_commands,
    scale_commands,
    train_commands,
)
from switchboard.agent_commands import agents_app
from switchboard.audit_commands import audit_app
from switchboard.contacts_commands import contacts_app
from switchboard.crm_commands import crm_app
from switchboard.engines import EngineOption
from switchboard.experiment_commands import experiments_app
from switchboard.lead_commands import leads_app
from switchboard.loading import nothing_collected
from switchboard.offer_commands import offers_app
from switchboard.outbox_commands import outbox_app
from switchboard.part import Part
from switchboard.privacy_commands import privacy_app
from switchboard.segment_commands import segments
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Knows who is calling your Asterisk, and shows it to the agent while it rings.",
)
app.add_typer(agents_app, name="agents")
agent_token_commands.add_to(agents_app)
app.add_typer(crm_app, name="crm")
app.add_typer(contacts_app, name="contacts")


@app.command()
def run(
    watchdog: Annotated[
        bool,
        typer.Option(
            "--watchdog",
            help="Watch it from a process of its own: when it freezes or dies, callers are sent "
            "to the default queue and it is started again.",
        ),
    ] = False,
    part: Annotated[
        Part,
        typer.Option(
            help="Of a centre of several processes: `calls` talks with callers (any number of "
            "them), `desk` does all else (one works, others stand by)."
        ),
    ] = Part.ALL,
    config: ConfigOption = None,
) -> None:
    """Serve calls until told to stop.

    Starts also while AMI, the CRM or Redis is away, and says so in /readyz. Tells systemd
    (Type=notify) when it serves and that it lives. SIGUSR1 logs what its threads are doing.

    Example: [bold]switchboard run --config /etc/switchboard/switchboard.yaml[/bold]
    Example: [bold]switchboard run --watchdog[/bold], as deploy/switchboard.service does
    Example: [bold]switchboard run --part calls[/bold] on each of several machines
    """
    if watchdog:
        from switchboard.watchdog import process

        run_it = process.run
    else:
        with nothing_collected():
            from switchboard import serve

        if not serve.told_to_go(os.environ):
            return
        run_it = serve.run
    with sentences():
        settings = load_settings(config)
        logs.set_up(level="INFO", mask=settings.privacy.mask_numbers)
        raise typer.Exit(run_it(settings, config, part))


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=5, max=86400, help="End by itself after so long.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Calls per second.")] = 0.5,
    agents: Annotated[int, typer.Option(min=1, max=200, help="Agents that answer.")] = 3,
    web_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the agent desktop.")] = 8080,
    call_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Of the page for callers; else the next one free."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its files.")] = Path(
        "var/demo"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on the last line.")] = (
        False
    ),
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster",
            help="Several processes with PostgreSQL, Redis and two Asterisks, on free ports.",
        ),
    ] = False,
    kill_after: Annotated[
        float | None,
        typer.Option(
            min=0, help="With --cluster: seconds until one process is killed; else Enter does it."
        ),
    ] = None,
) -> None:
    """A whole centre on this machine: private Asterisk, SIP callers, agents that answer.

    Example: [bold]switchboard demo[/bold], then open the address it prints.
    Example: [bold]switchboard demo --seconds 60 --json | tail -1[/bold]
    Example: [bold]switchboard demo --cluster --kill-after 20 --seconds 60[/bold]
    """
    from switchboard.demo import cluster_show, show

    if kill_after is not None and not cluster:
        raise typer.BadParameter("--kill-after is of --cluster")

    logs.set_up(level="WARNING")
    if cluster:
        with sentences():
            wanted_cluster = cluster_show.Wanted(
                folder=folder / "cluster",
                seconds=seconds,
                rate=rate,
                agents=agents,
                kill_after=kill_after,
                as_json=as_json,
            )
            raise typer.Exit(cluster_show.run(wanted_cluster))
    with sentences():
        wanted = show.Wanted(
            folder=folder,
            seconds=seconds,
            rate=rate,
            agents=agents,
            web_port=web_port,
            call_port=call_port,
            as_json=as_json,
        )
        raise typer.Exit(show.run(wanted))


@app.command(name="explain-pop")
def explain_pop(
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="SYSTEM/LINKEDID")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say for one call which agents were shown it, when it was sent and when it was painted; where
    a pop stopped, why, and what to do.

    Exit 1 where no agent was shown anything.

    Example: [bold]switchboard explain-pop pbx/1763800000.12[/bold]
    """
    from switchboard import offline, pop_lines

    with sentences():
        told = asyncio.run(offline.pops_of(read_settings(config), call_id))
    if as_json:
        rows = pop_lines.as_json(told)
        out.print_json(json.dumps(rows, ensure_ascii=False, default=datetime.isoformat))
    else:
        for line in pop_lines.lines(told):
            out.print(Text(line), soft_wrap=True)
    raise typer.Exit(0 if told.steps else 1)


@app.command()
def score(
    rows: Annotated[
        Path | None, typer.Option(help="Score these instead: `switchboard features`' OUT/rows.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="With --rows: churn, purchases, or a version's folder.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="With --rows: where the scores go, as Parquet.")
    ] = None,
    engine: EngineOption = None,
    config: ConfigOption = None,
) -> None:
    """Compute every contact's segments from their purchases.

    With --rows, a model's answer for each contact of a folder of rows instead, in little memory.

    Example: [bold]switchboard score[/bold], nightly from cron
    Example: [bold]switchboard score --rows contacts/rows --model churn --out scores[/bold]
    """
    from switchboard import offline
    from switchboard.progress import bar

    if rows is not None and model is not None and folder is not None:
        scale_commands.score_rows(
            rows=rows, model=model, folder=folder, engine=engine, config=config
        )
        return
    if rows or model or folder or engine:
        raise typer.BadParameter(
            "--rows, --model and --out go together, and --engine with them: contacts of a CRM "
            "come as one stream from one database"
        )
    with sentences():
        settings = read_settings(config)
        with bar("scoring contacts", err) as progress:
            count, of_leaving = asyncio.run(offline.scored(settings, progress))
    out.print(f"{count} contacts scored")
    if of_leaving:
        out.print(of_leaving, soft_wrap=True)


@app.command()
def doctor(
    asterisk: Annotated[
        Path | None, typer.Option(help="Asterisk's configuration folder, e.g. /etc/asterisk.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Look for what is missing on this machine and in Asterisk, and say how to mend it.

    Example: [bold]switchboard doctor --asterisk /etc/asterisk[/bold]
    """
    from switchboard import doctor as examiner

    marks = {
        "ok": "[green]ok[/green]  ",
        "warning": "[yellow]look[/yellow]",
        "error": "[red]bad[/red] ",
    }
    with sentences():
        findings = examiner.examine(read_settings(config), asterisk)
    for finding in findings:
        remedy = f"\n     -> {finding.remedy}" if finding.remedy else ""
        out.print(f"{marks[finding.level]} ", end="")
        out.print(Text(finding.what + remedy), soft_wrap=True)
    raise typer.Exit(1 if any(f.level == "error" for f in findings) else 0)


@app.command(name="pbx-config")
def pbx_config(
    write_to: Annotated[Path | None, typer.Option(help="A folder to write the files to.")] = None,
    agi_host: Annotated[str | None, typer.Option(help="Our address as Asterisk sees it.")] = None,
    web_url: Annotated[str | None, typer.Option(help="Our web address for Asterisk.")] = None,
    ami_permit: Annotated[str, typer.Option(help="Where AMI log-ins may come from.")] = "127.0.0.1",
    with_secret: Annotated[bool, typer.Option(help="Put the AMI secret into the files.")] = False,
    system: Annotated[
        str | None,
        typer.Option(help="For which Asterisk, of several (nodes.asterisks); else that of ami."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the files that your Asterisk includes, with your own addresses in them.

    Example: [bold]switchboard pbx-config --write-to asterisk-files --with-secret[/bold]
    Example: [bold]switchboard pbx-config --system branch --write-to branch-files[/bold]
    """
    from ami_bridge import pbx_config as files

    with sentences():
        settings = files.for_asterisk(read_settings(config), system)
        secret = settings.ami.secret.get_secret_value() if with_secret else None
        reach = files.Reach(agi_host=agi_host, web_url=web_url, ami_permit=ami_permit)
        try:
            rendered = files.render(settings, reach=reach, secret=secret)
        except files.PbxConfigError as error:
            raise SwitchboardError(str(error)) from error
        if write_to is not None:
            write_to.mkdir(parents=True, exist_ok=True)
        for name, text in rendered.items():
            if write_to is None:
                sys.stdout.write(f"; ---- {name}: include it from {files.FILES[name]}\n{text}\n")
                continue
            path = write_to / name
            # Asterisk's own user must read them all; the secret is for nobody else.
            path.touch(mode=0o600)
            path.chmod(0o600 if name == files.SECRET_FILE else 0o644)
            path.write_text(text, encoding="utf-8")
            out.print(Text(f"{path}: include it from {files.FILES[name]}"), soft_wrap=True)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the web server: every address, and who may ask there.

    Example: [bold]switchboard openapi > docs/openapi.json[/bold]
    """
    from switchboard.openapi import text

    sys.stdout.write(text())


@app.command(name="import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV files; the header says which is which.")],
    currency: Annotated[str, typer.Option(help="Of amounts without one.")] = "USD",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Then look for duplicates and gaps.")
    ] = True,
    config: ConfigOption = None,
) -> None:
    """Bring contacts, and what belongs to them, into the embedded CRM: all of it or nothing.

    Contacts: id, phone (a;b), email (a;b), customer_number, first_name, last_name, company,
    language, url, owner.
    Products: code, name, category, price, currency.
    Purchases: id, contact_id, at (2026-03-29), amount, product (its code), currency, quantity.
    Orders: id, contact_id, placed_at, status, product, due_on, is_open (yes, no), closed_at,
    is_paid (yes, no), paid_at, order_number.
    Cases: id, contact_id, opened_at, subject, kind, is_open (yes, no), closed_at.
    Accounts: contact_id, account_number, balance, currency, pin.
    Appointments: id, contact_id, at, subject, status (booked, done, cancelled).

    Calls go on meanwhile. Broken off while it reads (the first half of the bar) it leaves nothing;
    after that everything was good, and the running server, or the next import, finishes it.

    Example: [bold]switchboard import contacts.csv products.csv purchases.csv[/bold]
    """
    from switchboard import offline
    from switchboard.progress import bar

    with sentences():
        settings = read_settings(config)
        with bar("importing", err) as progress:
            imported = asyncio.run(offline.imported(settings, files, currency, progress))
    for notice in imported.notices:
        err.print(Text(notice), soft_wrap=True)
    for kind, rows in imported.rows.items():
        out.print(f"{rows} {kind}")
    if check and imported.rows.get("contacts"):
        from switchboard import contacts_offline, contacts_views

        with sentences(), bar("looking at the contacts", err) as progress:
            quality = asyncio.run(contacts_offline.quality(settings, progress))
        for line in contacts_views.in_brief(quality):
            out.print(Text(line), soft_wrap=True)
        if quality.duplicates is not None and quality.duplicates.count:
            out.print("to see them: switchboard contacts duplicates")
    out.print("now run: switchboard score" if imported.rows else "the files hold no rows")


agent_commands.add_to(app)
rulebook_commands.add_to(app)
evaluate_commands.add_to(app)
nightly_commands.add_to(app)
drift_commands.add_to(model_commands.models_app)
model_commands.add_to(app)
train_commands.add_to(app)
scale_commands.add_to(app)
backup_commands.add_to(app)
app.add_typer(outbox_app, name="outbox")
app.add_typer(leads_app, name="leads")
app.add_typer(experiments_app, name="experiments")
app.add_typer(offers_app, name="offers")
app.add_typer(privacy_app, name="privacy")
app.add_typer(audit_app, name="audit")
app.command()(segments)
