"""Which call is meant: by its id, `last`, or the number that called."""

from __future__ import annotations

from calls.call import CallId
from calls.errors import Misconfigured
from crm_adapter.call_history import CallDetail, CallHistory, CallSummary
from crm_adapter.phone_numbers import to_e164

LAST = "last"
#: Named where the call is not found.
_NAMED = 5


async def chosen_call(
    history: CallHistory, asked: str, *, region: str, masked: bool
) -> tuple[CallDetail, str | None]:
    """The call, and in words which of several it is. `region` is the country in whose format a
    number is read; `masked`: of numbers only the last digits are named. Raises Misconfigured."""
    found, words = await _found(history, asked, region)
    detail = await history.call_detail(found) if found is not None else None
    if detail is not None:
        return detail, words
    newest = await history.recent_calls(_NAMED)
    lines = [_line(one, masked=masked) for one in newest]
    named = "; the newest are:" if lines else "; none is kept yet"
    raise Misconfigured("\n".join([_missing(found, asked, words) + named, *lines]))


async def _found(history: CallHistory, asked: str, region: str) -> tuple[CallId | None, str | None]:
    """The id, and what was looked for where it is no id."""
    if asked == LAST:
        newest = await history.recent_calls(1)
        return (newest[0].call_id if newest else None), "the newest call"
    if "/" not in asked:
        number = to_e164(asked, region)
        if number is None:
            return None, None
        newest = await history.recent_calls(1, number=number)
        return (newest[0].call_id if newest else None), f"the newest call from {number}"
    try:
        return CallId.parse(asked), None
    except ValueError:
        return None, None


def _missing(found: CallId | None, asked: str, words: str | None) -> str:
    if found is not None:
        return f"there is no call {found}"
    if words is not None:
        return "there is no call" + words.removeprefix("the newest call")
    return f"not a call id: '{asked[:60]}' (expected SYSTEM/LINKEDID, a caller's number or last)"


def _line(one: CallSummary, *, masked: bool) -> str:
    number = one.number or "no number"
    shown = f"…{number[-2:]}" if one.number and masked else number
    outcome = one.outcome.value.replace("_", " ") if one.outcome else "goes on"
    return f"  {one.call_id}  {one.arrived_at.astimezone():%Y-%m-%d %H:%M:%S}  {shown}  {outcome}"
