"""What is asked of an agent after a call, and until when: by queue, from the settings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from config.agent_settings import AgentSettings, WrapUpMode
from screenpop.desk.protocol import WrapUp
from screenpop.pops.call_story import epoch_ms, from_epoch_ms
from screenpop.pops.pop import DISPOSITION_CODES


@dataclass(frozen=True, slots=True)
class WrapUpRule:
    mode: WrapUpMode
    limit_s: int
    default_code: str
    extend_s: int
    extensions: int

    @property
    def holds(self) -> bool:
        """Calls are kept from the agent until it is over."""
        return self.mode != "optional"

    @property
    def is_timed(self) -> bool:
        return self.mode in ("timed", "timed_strict")


class WrapUpRules:
    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings

    def of(self, queue: str | None) -> WrapUpRule:
        house = self._settings
        own = house.wrapup_queues.get(queue or "")
        limit_s = own.limit_s if own is not None else None
        return WrapUpRule(
            mode=own.mode if own is not None else house.wrapup,
            limit_s=limit_s or house.wrapup_limit_s,
            default_code=house.wrapup_code,
            extend_s=house.wrapup_extend_s,
            extensions=house.wrapup_extensions,
        )


def asked(rule: WrapUpRule, at: datetime, *, talk_s: float, transferred: bool) -> WrapUp:
    """`at`: when the agent's part of the call was over."""
    told = WrapUp(
        codes=DISPOSITION_CODES,
        mode=rule.mode,
        mandatory=rule.mode == "mandatory",
        talk_s=talk_s,
        transferred=transferred,
    )
    if not rule.is_timed:
        return told
    may_extend = rule.mode == "timed" and rule.extend_s > 0
    limits = {
        "limit_s": rule.limit_s,
        "ends_at": epoch_ms(at + timedelta(seconds=rule.limit_s)),
        "default_code": rule.default_code,
        "extend_s": rule.extend_s if may_extend else 0,
        "extensions_left": rule.extensions if may_extend else 0,
    }
    return told.model_copy(update=limits)


def extended(wrapup: WrapUp, now: datetime) -> WrapUp | None:
    """None where there is nothing to extend, or it is over."""
    if wrapup.ends_at is None or wrapup.extensions_left < 1 or is_due(wrapup, now):
        return None
    return wrapup.model_copy(
        update={
            "ends_at": wrapup.ends_at + wrapup.extend_s * 1000,
            "extensions_left": wrapup.extensions_left - 1,
        }
    )


def is_due(wrapup: WrapUp, now: datetime) -> bool:
    return wrapup.ends_at is not None and from_epoch_ms(wrapup.ends_at) <= now
