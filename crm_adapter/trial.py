"""One number looked up with every step in the open: for whoever sets a CRM up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from calls.caller import Contact
from calls.deadlines import Deadline
from calls.errors import Misconfigured, SwitchboardError
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, PhoneHit
from crm_adapter.advice import advice
from crm_adapter.http.traces import Exchange
from crm_adapter.live.look_up import MOST_CANDIDATES


@dataclass(slots=True)
class Trial:
    """`seconds` are of the look-up and of the contact's history; None where it was not asked."""

    crm: str
    e164: str
    exchanges: list[Exchange] = field(default_factory=list)
    check_error: str | None = None
    #: What the check could not find out.
    warnings: tuple[str, ...] = ()
    hits: tuple[PhoneHit, ...] = ()
    #: Of those, the ones that really have the number.
    verified: tuple[PhoneHit, ...] = ()
    contact: Contact | None = None
    find_s: float | None = None
    get_s: float | None = None
    error: str | None = None
    #: What to do about both errors.
    advice: str | None = None

    @property
    def is_good(self) -> bool:
        return self.error is None and self.check_error is None


def warnings_of(crm: CrmAdapter) -> tuple[str, ...]:
    """What is not wrong with a CRM, but an administrator should know; of adapters that tell such
    things, once they were checked."""
    return tuple(str(one) for one in getattr(crm, "warnings", ()))


async def tried(crm: CrmAdapter, trial: Trial, *, region: str, within_s: float) -> Trial:
    """`crm` is open, and tells its exchanges to `trial.exchanges`. Never raises for what is wrong
    with the CRM: it is in the trial."""
    loop = asyncio.get_running_loop()
    try:
        await Deadline.after(within_s).bound(crm.name, crm.check())
    except SwitchboardError as error:
        trial.check_error, trial.advice = named(error), advice(trial.crm, error)
    else:
        trial.warnings = warnings_of(crm)
    try:
        began = loop.time()
        found = await crm.find_by_phone(
            trial.e164, limit=MOST_CANDIDATES, deadline=Deadline.after(within_s)
        )
        trial.find_s = loop.time() - began
        trial.hits = tuple(found)
        trial.verified = tuple(
            hit
            for hit in found
            if any(phone_numbers.same_number(trial.e164, one, region) for one in hit.numbers)
        )
        if trial.verified:
            began = loop.time()
            ref = trial.verified[0].candidate.ref
            trial.contact = await crm.get(ref, deadline=Deadline.after(within_s))
            trial.get_s = loop.time() - began
    except SwitchboardError as error:
        trial.error, trial.advice = named(error), trial.advice or advice(trial.crm, error)
    return trial


def named(error: SwitchboardError) -> str:
    """By its kind, where that says more than the sentence."""
    return str(error) if isinstance(error, Misconfigured) else f"{type(error).__name__}: {error}"
