"""Two or more ways to treat callers, side by side, so that the difference can be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.opening_hours import Period
from config.problems import Place

Order = Literal["fixed", "by_propensity"]
Policy = Literal["best_single", "thompson", "personal"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What is different for these callers; None: nothing."""

    name: str
    #: Share of the experiment's callers, among the weights of all arms.
    weight: float = 1.0
    menu_order: Order | None = None
    #: False: no offer. True changes nothing: what a rule forbids stays forbidden.
    offers: bool | None = None
    policy: Policy | None = None
    #: Instead of the default programme; what a rule chooses goes before.
    programme: str | None = None

    @property
    def changes(self) -> frozenset[str]:
        given = {
            "menu_order": self.menu_order,
            "offers": self.offers,
            "policy": self.policy,
            "hold": self.programme,
        }
        return frozenset(name for name, value in given.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Experiment:
    name: str
    #: In the order written, by name.
    arms: tuple[Arm, ...]
    #: The arm that the others are measured against, and fall back to.
    control: str
    place: Place
    #: Of all callers who can be told apart.
    share: float = 1.0
    #: None: until it is taken out of the rulebook.
    period: Period | None = None

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def changes(self) -> frozenset[str]:
        return frozenset().union(*(arm.changes for arm in self.arms))

    def overlaps(self, other: Experiment) -> bool:
        """Whether both may run at one time."""
        ours, theirs = self.period, other.period
        if ours is None or theirs is None:
            return True
        return ours.starts < theirs.ends and theirs.starts < ours.ends
