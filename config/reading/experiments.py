"""Section `experiments`: ways to treat callers side by side.

experiments:
  menu_order:
    share: 0.5
    from: "2026-11-01"
    to: "2026-12-24"
    arms:
      as_written: {menu_order: fixed}
      by_habit: {menu_order: by_propensity}
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import Field

from config.experiments import Arm, Experiment
from config.opening_hours import Period
from config.problems import as_said
from config.reading.hours import fact_name
from config.reading.parts import NAME, Clock, Name, Part, shaped
from config.reading.periods import aware, span_of
from config.reading.reader import Path, Reader
from config.shape import check_shape

_Moment = Annotated[Any, shaped("moment")]
LEAST_ARMS, MAX_ARMS = 2, 10


class ArmPart(Part):
    weight: float = Field(1.0, ge=0, le=1000)
    """Share of the callers, among the weights of all arms; 0: nobody new."""
    menu_order: Literal["fixed", "by_propensity"] | None = None
    """Order of every menu, whatever the menu says."""
    offers: bool | None = None
    """false: no offer is made."""
    policy: Literal["best_single", "thompson", "personal"] | None = None
    """What chooses among the offers."""
    hold: Name | None = None
    """Hold programme instead of the default one; what a rule chooses goes before."""


class ExperimentPart(Part):
    arms: dict[str, Annotated[Any, shaped("ArmPart")]] = Field(
        json_schema_extra={"minProperties": LEAST_ARMS, "maxProperties": MAX_ARMS}
    )
    """The ways, by name; an arm without any change is written {}."""
    control: Name | None = None
    """The arm that the others are measured against; without it the first one."""
    share: float = Field(1.0, gt=0, le=1)
    """Of the callers who can be told apart."""
    from_: _Moment = Field(None, alias="from")
    """First day or moment."""
    to: _Moment = None
    """Last day, or the moment at which it is over."""
    timezone: Clock | None = None
    """Without it the server's."""


def read_experiment(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("experiments", name)
    before = reader.errors
    fact_name(reader, name, path)
    part = check_shape(ExperimentPart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    written = given.get("arms")
    arms: tuple[Arm, ...] = ()
    if isinstance(written, dict) and not LEAST_ARMS <= len(written) <= MAX_ARMS:
        sentence = (
            f"an experiment has {LEAST_ARMS} to {MAX_ARMS} arms, one of them to compare with, not "
            f"{len(written)}"
        )
        reader.report((*path, "arms"), sentence)
    elif isinstance(written, dict):
        arms = _arms(reader, written, (*path, "arms"))
    period = _period(reader, name, given, path, part.timezone if part else None)
    if part is None or reader.errors > before:
        return
    control = part.control or arms[0].name
    if part.control is not None:
        reader.known_among(control, [arm.name for arm in arms], (*path, "control"), "arm")
    experiment = Experiment(name, arms, control, reader.place(path), part.share, period)
    _check_weights(reader, experiment, path)
    if reader.errors == before:
        reader.found.experiments[name] = experiment


def _arms(reader: Reader, written: dict[Any, Any], path: Path) -> tuple[Arm, ...]:
    found = []
    for name, raw in written.items():
        at = (*path, name)
        if not isinstance(name, str) or not re.match(NAME, name):
            sentence = f"the arm name {as_said(name)} may hold letters a to z, digits, _ and - only"
            reader.report(at, sentence)
            continue
        part = check_shape(ArmPart, {} if raw is None else raw, at, reader.report)
        if part is None:
            continue
        if part.hold is not None:
            reader.known("programmes", part.hold, (*at, "hold"), "hold programme")
        found.append(Arm(name, part.weight, part.menu_order, part.offers, part.policy, part.hold))
    return tuple(found)


def _period(
    reader: Reader, name: str, given: dict[str, Any], path: Path, clock: str | None
) -> Period | None:
    ends = [key for key in ("from", "to") if given.get(key) is not None]
    if len(ends) == 1:
        other = "to" if ends == ["from"] else "from"
        reader.report((*path, ends[0]), f"'{ends[0]}' goes with '{other}'")
    span = span_of(reader, given, path) if len(ends) == 2 else None
    if span is None:
        return None
    zone = zoneinfo.ZoneInfo(clock) if clock else None
    return Period(name, aware(span[0], zone), aware(span[1], zone))


def _check_weights(reader: Reader, experiment: Experiment, path: Path) -> None:
    control = experiment.arm(experiment.control)
    if control is not None and control.weight <= 0:
        sentence = f"the arm '{control.name}' needs a weight above 0: the others are measured by it"
        reader.report((*path, "arms", control.name), sentence)
    if not experiment.changes:
        sentence = "no arm changes anything; write menu_order, offers, policy or hold in one"
        reader.report((*path, "arms"), sentence)
