"""Who takes part in experiments, and how an arm of one ends before its time."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from calls.caller import Caller, IdentityOutcome
from calls.chance import chance

#: Other words here would send callers to other arms: never change them while one is running.
_SHARE_SALT, _ARM_SALT = "switchboard-experiment-share-1", "switchboard-experiment-arm-1"
_NOBODY = (IdentityOutcome.OWN, IdentityOutcome.INTERNAL, IdentityOutcome.WITHHELD)


def subject_of(caller: Caller) -> str | None:
    """What stays the same from call to call: the contact, else the number; None where nothing
    does, and for who calls from the house."""
    if caller.contact is not None:
        return str(caller.contact.ref)
    return None if caller.identity.outcome in _NOBODY else caller.number


def share_drawn(experiment: str, subject: str) -> float:
    """0 to 1; takes part who is below the experiment's share."""
    return chance(f"{_SHARE_SALT}:{experiment}", subject)


def arm_drawn(experiment: str, subject: str) -> float:
    """0 to 1, independent of `share_drawn`: a greater share moves nobody to another arm."""
    return chance(f"{_ARM_SALT}:{experiment}", subject)


class StoppedArms(Protocol):
    """Which arms did harm, or were ended by a person? Implemented by `scoring.policy.watch`."""

    @property
    def stopped(self) -> Set[tuple[str, str]]:
        """Experiment and arm; from memory. Their callers are treated as the control arm's."""
        ...
