"""Section `offers`: products that are proposed, to whom, where, and how often at most."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from calls.offers import OfferCap
from config.facts import PROPENSITY, PROPENSITY_FACT
from config.reading.actions import action_in, to_person
from config.reading.parts import NAME, Part, RawAction, RawCondition, RawText, shaped
from config.reading.reader import Path, Reader
from config.rulebook import Offer
from config.shape import check_shape


class CapPart(Part):
    heard: int = Field(ge=1, le=100)
    """So often at most in `per_days`, in the menu and on hold together."""
    per_days: int = Field(ge=1, le=3650)
    """Days of 24 hours."""
    after_refusal_days: int = Field(90, ge=0, le=3650)
    """Silence after a no."""


class OfferPart(Part):
    product: Annotated[str, Field(min_length=1, max_length=80)]
    """Its code in the CRM."""
    cap: Annotated[Any, shaped("CapPart")]
    when: Annotated[Any, shaped("offer_condition")] = None
    never: RawCondition = None
    menu: RawText = None
    """As an option of the menu, in its offer_slot."""
    hold: RawText = None
    """As a message on hold."""
    agent: RawText = None
    """For the agent to mention."""
    do: RawAction = None
    value: float = Field(1.0, gt=0, le=1_000_000)
    """What one sale is worth, in any unit that all offers share."""


def read_offer(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("offers", name)
    before = reader.errors
    if not re.match(NAME, name):
        reader.report(
            path, f"the offer name '{name[:60]}' may hold letters a to z, digits, _ and - only"
        )
    given = raw if isinstance(raw, dict) else {}
    if isinstance(raw, dict) and given.get("cap") is None:
        sentence = f"the offer '{name[:60]}' has no cap; write cap: {{heard: 2, per_days: 30}}"
        reader.report(path, sentence)
        raw = {**raw, "cap": {}}
    part = check_shape(OfferPart, raw, path, reader.report)
    cap = given.get("cap")
    cap_part = check_shape(CapPart, cap, (*path, "cap"), reader.report) if cap is not None else None
    texts = {key: reader.optional_text(given, key, path) for key in ("menu", "hold", "agent")}
    when = reader.when(given, path, more={PROPENSITY: PROPENSITY_FACT})
    never = reader.when(given, path, key="never")
    action = action_in(reader, given, "do", path, to_person(reader))
    if part is not None and not any(texts.values()):
        reader.report(path, f"the offer '{name[:60]}' is made nowhere: write menu, hold or agent")
    if texts["menu"] is not None and given.get("do") is None:
        queue = reader.found.around.default_queue
        sentence = f"the offer '{name[:60]}' has no 'do': its key leads to the queue '{queue}'"
        reader.warn((*path, "menu"), sentence)
    if part is None or cap_part is None or reader.errors > before:
        return
    reader.found.offers[name] = Offer(
        name=name,
        product=part.product,
        cap=OfferCap(**cap_part.model_dump()),
        place=reader.place(path),
        action=action,
        when=when,
        never=never,
        value=part.value,
        **texts,
    )
