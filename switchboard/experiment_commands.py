"""The commands of experiments: how they go, stop, resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from scoring.policy.experiment_figures import ArmFigures, GuardrailFigures
    from switchboard.policy_offline import ExperimentShown

_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="As the rulebook names it.")]
_Arm = Annotated[str | None, typer.Option(help="Only this arm; else all but the control arm.")]

experiments_app = typer.Typer(
    rich_markup_mode="rich",
    invoke_without_command=True,
    help="Ways to treat callers side by side, as the rulebook's `experiments` say.\n\n"
    "An arm whose callers press 0, ring off or call again more often than those of the control arm "
    "is stopped by the server itself.\n\nExample: [bold]switchboard experiments[/bold]",
)


@experiments_app.callback()
def show(context: typer.Context, as_json: _JsonOption = False, config: ConfigOption = None) -> None:
    if context.invoked_subcommand is not None:
        return
    from switchboard import policy_offline

    with sentences():
        shown = asyncio.run(policy_offline.experiments_shown(read_settings(config)))
    if as_json:
        out.print_json(json.dumps([_as_json(one) for one in shown], ensure_ascii=False))
        return
    if not shown:
        out.print(Text("the rulebook has no experiments; docs/menu-rules.md says how to write one"))
    for one in shown:
        _print(one)


@experiments_app.command()
def stop(
    name: _Name,
    arm: _Arm = None,
    because: Annotated[str, typer.Option(help="Kept with it.")] = "ended by a person",
    config: ConfigOption = None,
) -> None:
    """End an experiment, or one arm of it: its callers are treated as the control arm's.

    A running server knows within seconds.

    Example: [bold]switchboard experiments stop menu_order --because "decided"[/bold]
    """
    from switchboard import policy_offline

    with sentences():
        settings = read_settings(config)
        changed = asyncio.run(policy_offline.arms_stopped(settings, name, arm, because))
    _tell(name, changed, "is stopped", "was stopped already")


@experiments_app.command()
def resume(name: _Name, arm: _Arm = None, config: ConfigOption = None) -> None:
    """Let a stopped arm go on. Callers are counted anew from now on.

    Example: [bold]switchboard experiments resume menu_order --arm by_habit[/bold]
    """
    from switchboard import policy_offline

    with sentences():
        changed = asyncio.run(policy_offline.arms_resumed(read_settings(config), name, arm))
    _tell(name, changed, "goes on", "was not stopped")


def _tell(name: str, changed: Sequence[str], done: str, nothing: str) -> None:
    for arm in changed:
        out.print(Text(f"experiment {name}: the arm {arm} {done}"), soft_wrap=True)
    if not changed:
        err.print(Text(f"experiment {name}: it {nothing}"), soft_wrap=True)


def _print(one: ExperimentShown) -> None:
    experiment = one.experiment
    when = "" if one.is_running else ", not at this time"
    out.print(Text(f"{experiment.name}: {experiment.share:.0%} of callers{when}", style="bold"))
    table = Table("arm", "state", "callers", "pressed 0", "rang off", "called again", "evidence")
    for arm in one.arms:
        rates = [_rate(figures) for figures in arm.guardrails]
        callers = str(arm.guardrails[0].callers)
        table.add_row(arm.arm, _state(arm), callers, *rates, _evidence(arm))
    out.print(table)
    for arm in one.arms:
        if arm.state.stopped_at is not None:
            at = f"{arm.state.stopped_at:%Y-%m-%d %H:%M} UTC"
            told = f"  {arm.arm} was stopped {at} by a {arm.state.stopped_by}: {arm.state.because}"
            out.print(Text(told), soft_wrap=True)


def _state(arm: ArmFigures) -> str:
    if arm.is_control:
        return "control"
    return "runs" if arm.state.stopped_at is None else "stopped"


def _rate(figures: GuardrailFigures) -> str:
    return f"{figures.bad / figures.callers:.1%}" if figures.callers else ""


def _evidence(arm: ArmFigures) -> str:
    """Of the guardrail that is nearest to its limit."""
    found = [each.evidence for each in arm.guardrails if each.evidence is not None]
    most = max(found, key=lambda one: one.value / one.limit, default=None)
    return f"{most.value:.3g} of {most.limit:.0f}" if most else ""


def _as_json(one: ExperimentShown) -> dict[str, Any]:
    experiment, period = one.experiment, one.experiment.period
    return {
        "experiment": experiment.name,
        "share": experiment.share,
        "from": period.starts.isoformat() if period else None,
        "to": period.ends.isoformat() if period else None,
        "is_running": one.is_running,
        "control": experiment.control,
        "arms": list(_arms(one)),
    }


def _arms(one: ExperimentShown) -> Iterator[dict[str, Any]]:
    for arm in one.arms:
        written, state = one.experiment.arm(arm.arm), arm.state
        yield {
            "arm": arm.arm,
            "weight": written.weight if written else 0.0,
            "changes": sorted(written.changes) if written else [],
            "state": _state(arm),
            "stopped_at": state.stopped_at.isoformat() if state.stopped_at else None,
            "stopped_by": state.stopped_by if state.stopped_at else None,
            "because": state.because if state.stopped_at else None,
            "counts_from": state.counts_from.isoformat() if state.counts_from else None,
            "guardrails": [figures.as_json() for figures in arm.guardrails],
        }
