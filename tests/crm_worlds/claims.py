"""What a CRM does not claim to do, and that a test of the conformance kit asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Running:
    """The test that runs now. `is_unclaimed`: it showed no more than that the adapter says so."""

    is_unclaimed: bool = False


#: Tests run one after the other.
NOW = Running()


def unclaimed(able: bool) -> bool:
    """True where the CRM does not claim it: then the test ends, and counts as not claimed."""
    if not able:
        NOW.is_unclaimed = True
    return not able
