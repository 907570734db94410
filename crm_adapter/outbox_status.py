"""What the outbox holds: for people and for gauges. Asks, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.call_tables import outbox

#: By the error's class, which begins `last_error`: what a person can do.
_ADVICE = {
    "Invalid": "the CRM refuses a value: mend its rules or the record there, then retry",
    "Forbidden": "give our user in the CRM the right that is named, then retry",
    "AuthFailed": "mend the log-in to the CRM, then retry",
    "NotFound": "the record it belongs to is gone from the CRM: retry once it is back, or leave it",
    "Conflict": "the CRM holds another record like this one: settle that there; nothing to retry",
    "Unsupported": "this CRM cannot do that: do it there by hand",
    "UnreadablePayload": "another version wrote this: retry after the update",
    "Unavailable": "it was away for too long, or breaks on this alone: see the error, then retry",
    "Redirected": "mend the CRM's address in the settings, then retry",
    "Timeout": "it was too slow for too long: retry now",
    "RateLimited": "it wanted fewer requests for too long: retry now",
    "AmbiguousWrite": "it may have kept this, or breaks on it: look there, then retry: it is safe",
    "NoSuchWebhook": "the settings name this webhook no more: name it again and retry",
}
_ADVICE_ZH = {
    "Invalid": "CRM 拒绝了某个值：请修改其规则或相应记录，然后重试",
    "Forbidden": "请在 CRM 中授予所述权限，然后重试",
    "AuthFailed": "请修复 CRM 的登录信息，然后重试",
    "NotFound": "CRM 中已没有所属的记录：恢复后重试，或不再处理",
    "Conflict": "CRM 中已有类似记录：请在那里处理，无需重试",
    "Unsupported": "此 CRM 不支持：请在那里手工完成",
    "UnreadablePayload": "由另一版本写入：更新后重试",
    "Unavailable": "对方长时间不可用，或只在此条上出错：请看错误信息，然后重试",
    "Redirected": "请在设置中修正 CRM 的地址，然后重试",
    "Timeout": "对方长时间过慢：请立即重试",
    "RateLimited": "对方长时间要求减少请求：请立即重试",
    "AmbiguousWrite": "对方可能已保存，或在此条上出错：请先查看，再重试，不会重复",
    "NoSuchWebhook": "设置中已没有此 webhook：请重新登记，然后重试",
}
_NO_ADVICE = "see the error, then retry"
_NO_ADVICE_ZH = "请看错误信息，然后重试"


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one kind. `oldest_at` is when the first of them was enqueued."""

    lane: str
    operation: str
    state: str
    count: int
    oldest_at: datetime


async def groups(
    connection: AsyncConnection, *, states: Sequence[str] | None = None
) -> list[Group]:
    kind = (outbox.c.lane, outbox.c.operation, outbox.c.state)
    question = select(*kind, func.count(), func.min(outbox.c.created_at)).group_by(*kind)
    if states is not None:
        question = question.where(outbox.c.state.in_(states))
    return [Group(*row) for row in await connection.execute(question.order_by(*kind))]


async def dead(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The newest first."""
    question = (
        select(outbox)
        .where(outbox.c.state == "dead")
        .order_by(outbox.c.finished_at.desc(), outbox.c.seq.desc())
        .limit(limit)
    )
    return (await connection.execute(question)).mappings().all()


async def entry(connection: AsyncConnection, key: str) -> RowMapping | None:
    found = await connection.execute(select(outbox).where(outbox.c.key == key))
    return found.mappings().one_or_none()


def advice(last_error: str | None, *, chinese: bool = False) -> str:
    kind = (last_error or "").partition(":")[0]
    return _ADVICE_ZH.get(kind, _NO_ADVICE_ZH) if chinese else _ADVICE.get(kind, _NO_ADVICE)


_PERSONAL = (
    *("name", "caller_name", "network_name", "company", "note", "notes", "title"),
    *("digits", "url"),
)


def without_personal_values(payload: Any, key: str = "") -> Any:
    """The payload as a stranger may see it: numbers keep their last two digits, names and notes
    nothing."""
    if isinstance(payload, dict):
        hidden = key == "typed"
        return {
            name: "…" if hidden else without_personal_values(value, name)
            for name, value in payload.items()
        }
    if isinstance(payload, list):
        return [without_personal_values(item, key) for item in payload]
    if key in ("number", "dialled") and isinstance(payload, str):
        return f"…{payload[-2:]}"
    if key in _PERSONAL and isinstance(payload, str) and payload:
        return "…"
    return payload
