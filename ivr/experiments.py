"""Which arm of each experiment a caller is in, and what is different there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from calls.caller import Caller
from calls.experiments import arm_drawn, share_drawn, subject_of
from config.experiments import Arm, Experiment, Order, Policy
from config.rulebook import Rulebook
from ivr.known import Known

#: What goes before the name of an experiment in that of its fact.
FACT = "experiment."


@dataclass(frozen=True, slots=True)
class Taken:
    """`arms` are by experiment, those without the caller left out; the rest is what they change,
    and `because` which arm of which experiment says so."""

    arms: Mapping[str, str] = field(default_factory=dict)
    menu_order: Order | None = None
    offers: bool | None = None
    policy: Policy | None = None
    programme: str | None = None
    because: Mapping[str, str] = field(default_factory=dict)


NO_PART = Taken()


def taken_part(
    rulebook: Rulebook, caller: Caller, now: datetime, known: Known, *, is_control: bool
) -> Taken:
    """`is_control`: in the group that hears the plain menu for good, and so in no experiment."""
    if not rulebook.experiments:
        return NO_PART
    subject = None if is_control or not known.takes_part else subject_of(caller)
    arms: dict[str, str] = {}
    changed: dict[str, tuple[Arm, str]] = {}
    for experiment in rulebook.experiments.values():
        arm = _arm(experiment, subject, now, known)
        if arm is None:
            continue
        arms[experiment.name] = arm.name
        for what in sorted(arm.changes):
            why = f"the arm '{arm.name}' of the experiment '{experiment.name}'"
            changed.setdefault(what, (arm, why))
    values = {what: arm for what, (arm, _) in changed.items()}
    return Taken(
        arms=arms,
        menu_order=values["menu_order"].menu_order if "menu_order" in values else None,
        offers=values["offers"].offers if "offers" in values else None,
        policy=values["policy"].policy if "policy" in values else None,
        programme=values["hold"].programme if "hold" in values else None,
        because={what: why for what, (_, why) in changed.items()},
    )


def _arm(experiment: Experiment, subject: str | None, now: datetime, known: Known) -> Arm | None:
    supposed = known.arms.get(experiment.name)
    if supposed is not None:
        return experiment.arm(supposed)
    if subject is None or (experiment.period and not experiment.period.holds_at(now)):
        return None
    if share_drawn(experiment.name, subject) >= experiment.share:
        return None
    arm = drawn_arm(experiment, subject)
    if (experiment.name, arm.name) in known.stopped_arms:
        return experiment.arm(experiment.control)
    return arm


def drawn_arm(experiment: Experiment, subject: str) -> Arm:
    """The same in every call on every node, as long as arms and weights are."""
    drawn = arm_drawn(experiment.name, subject) * sum(arm.weight for arm in experiment.arms)
    for arm in experiment.arms:
        drawn -= arm.weight
        if drawn < 0:
            return arm
    # Only a rounding comes here.
    return next(arm for arm in experiment.arms if arm.name == experiment.control)
