"""Settings of what agents may dial at the house's cost (toll fraud)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from config.section import Section

_Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,14}$")]
_Price = Annotated[float, Field(ge=0, le=1_000_000)]
_Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]

#: Country codes of ITU-T E.164 that belong to no country: satellites (870, 881), global services
#: (878, 882, 883), international premium rate (979); and North America's premium numbers.
_COSTLY = ("+870", "+878", "+881", "+882", "+883", "+979", "+1900")


class DiallingSettings(Section):
    """Which numbers agents may have the PBX dial: by a transfer, and by their phone in the page.
    Colleagues, queues and numbers of the house are never in question."""

    outside: bool = True
    """`false`: no number outside is dialled at all."""
    stop_file: Path = Path("var/no-dialling")
    """As long as this file is there, no number outside is dialled: `touch` it to stop them at once,
    without a restart."""
    house: str = r"^[0-9*#]{1,6}$"
    """A regular expression for what is dialled within the house, and emergency numbers: never
    refused and not counted."""
    outside_prefix: str = Field("", pattern=r"^[0-9]{0,3}$")
    """What your agents dial before a number outside, like 9."""
    countries: tuple[_Country, ...] = ()
    """Further countries (`CA`, `GB`) that may be dialled, besides `crm.region`."""
    allow: tuple[_Prefix, ...] = ()
    """Beginnings of numbers in E.164 (`+4930`) that may be dialled in whatever country. Of `allow`
    and `deny` the longer beginning counts."""
    deny: tuple[_Prefix, ...] = _COSTLY
    """Beginnings of numbers that are never dialled. Premium, shared-cost, personal and pager
    numbers of every country are refused too, unless `allow` says more of them than their country's
    code."""
    hours: str = Field("", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")
    """Local times between which numbers outside are dialled, like `07:00-21:00`; empty: always."""
    agent_an_hour: int = Field(60, ge=0, le=100_000)
    """So many numbers outside one agent may have dialled within an hour."""
    agent_at_once: int = Field(1, ge=1, le=100)
    """So many calls to numbers outside that one agent began may go on at once."""
    centre_an_hour: int = Field(500, ge=0, le=1_000_000)
    """So many numbers outside all agents together may have dialled within an hour."""
    prices: dict[_Prefix, _Price] = Field({})
    """What a minute costs, by beginnings of numbers in E.164, like `{"+1": 0.01, "+4930": 0.03}`;
    the longest counts. What begins with none of them costs as much as the dearest."""
    day_cost: float | None = Field(None, ge=0, le=1_000_000_000)
    """Numbers outside may cost all agents together so much from midnight to midnight, in the
    currency of `prices`; then no other is dialled, and calls under way go on. Empty: whatever they
    cost."""
    least_minutes: float = Field(1.0, gt=0, le=60)
    """Each call counts as so many minutes at least, also before it ends and where nobody answers;
    a longer one by its seconds, from the moment it is dialled."""

    @field_validator("house")
    @classmethod
    def _is_an_expression(cls, house: str) -> str:
        try:
            re.compile(house)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return house

    @model_validator(mode="after")
    def _limits_what_is_counted(self) -> Self:
        if self.day_cost is not None and not self.prices:
            raise ValueError(
                "dialling.day_cost is set, but dialling.prices does not say what a minute costs"
            )
        return self
