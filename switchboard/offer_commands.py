"""`switchboard offers policy`: how the offer of a call is chosen, and why so."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from scoring.policy.looks import ALPHA, SPENT, KeptJudgement
from switchboard.terminal import ConfigOption, out, read_settings, sentences

if TYPE_CHECKING:
    from switchboard.policy_offline import PolicyShown

offers_app = typer.Typer(
    rich_markup_mode="rich",
    no_args_is_help=True,
    help=(
        "Offers: how the one of a call is chosen.\n\n"
        "Example: [bold]switchboard offers policy[/bold]"
    ),
)

_STEPS = {
    "thompson": "drawn, each offer as often as it may well be the best for the caller's segment",
    "best_single": "always the one that most callers accept",
    "personal": "the caller's own propensity times the offer's value, but for a few calls that try",
}


@offers_app.callback()
def _offers() -> None:
    """So that `policy` is a command of its own."""


@offers_app.command()
def policy(
    judge: Annotated[
        bool, typer.Option("--judge", help="Judge the personal policy anew, as every night does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say how offers are chosen, what is believed of each, and whether personal ones earn more.

    The chance is that of a caller of the segment who may hear every offer.

    Example: [bold]switchboard offers policy[/bold]
    Example: [bold]switchboard offers policy --judge --json[/bold]
    """
    from switchboard import policy_offline

    with sentences():
        shown = asyncio.run(policy_offline.policy_shown(read_settings(config), judge_now=judge))
    if as_json:
        out.print_json(json.dumps(_for_programs(shown), ensure_ascii=False))
    else:
        _show(shown)


def _for_programs(shown: PolicyShown) -> dict[str, Any]:
    judged = shown.judged
    return {
        "policy": shown.chosen,
        "gate": judged
        and {
            "at": judged.at.isoformat(),
            "decision": judged.decision,
            "because": judged.because,
            "figures": dict(judged.figures),
        },
        "beliefs": [
            {
                "segment": one.segment,
                "offer": one.offer,
                "heard": one.heard,
                "accepted": one.accepted,
                "rate": one.mean,
                "chance": one.chance,
            }
            for one in shown.beliefs
        ],
    }


def _look(judged: KeptJudgement) -> Text:
    spent = judged.figures.get(SPENT)
    if judged.look is None or spent is None:
        return Text("no look was spent: nothing could have been deployed")
    return Text(
        f"look {judged.look} of the gate, alpha {spent:.2g} of the {ALPHA:g} that all looks have"
    )


def _show(shown: PolicyShown) -> None:
    out.print(Text(f"offers are chosen by {shown.chosen}: {_STEPS.get(shown.chosen, '')}"))
    judged = shown.judged
    if judged is None:
        out.print("the gate was not asked yet: the nightly work does it, or --judge")
    else:
        told = f"the gate, {judged.at:%Y-%m-%d %H:%M} UTC: {judged.decision}; {judged.because}"
        out.print(Text(told), soft_wrap=True)
        out.print(_look(judged), soft_wrap=True)
    if not shown.beliefs:
        out.print("no offer was heard yet: what is worth most by propensity and value is made")
        return
    table = Table("segment", "offer", "heard", "accepted", "believed", "chance")
    for one in shown.beliefs:
        heard, accepted = f"{one.heard:g}", f"{one.accepted:g}"
        table.add_row(
            one.segment, one.offer, heard, accepted, f"{one.mean:.1%}", f"{one.chance:.0%}"
        )
    out.print(table)
