"""What an answer means, by its body before its status: many APIs say errors with 200."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
)
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Classify, Reply, by_status, retry_after_s
from crm_adapter.rest.readings import Reading
from crm_adapter.rest.shapes import ErrorsPart

_NO_JSON = object()


def classify_by(errors: ErrorsPart) -> Classify:
    by_body: tuple[tuple[Reading | None, Callable[[str, Reply], CrmError]], ...] = (
        (errors.rate_limit_when, lambda what, reply: RateLimited(what, after_s=_pause(reply))),
        (errors.auth_failed_when, lambda what, reply: AuthFailed(what)),
        (errors.forbidden_when, lambda what, reply: Forbidden(what)),
        (errors.not_found_when, lambda what, reply: NotFound(what)),
        (errors.conflict_when, lambda what, reply: Conflict(what)),
        (errors.invalid_when, lambda what, reply: Invalid(what)),
    )

    def classify(reply: Reply, is_write: bool) -> CrmError | None:
        body = _parsed(reply)
        what = f"{reply.crm} answered {reply.status}{_message(errors, body)}"
        if body is not _NO_JSON:
            for when, error in by_body:
                if when is not None and when.holds(body):
                    return error(what, reply)
        if not reply.is_ok:
            if reply.status in errors.retryable_status and reply.status != 429:
                return AmbiguousWrite(what) if is_write else Unavailable(what)
            told = by_status(reply, is_write, empty_is_gone=True)
            return _in_their_words(told, what, errors)
        if errors.ok_when is None or (body is None and not reply.body.strip()):
            return None
        if body is _NO_JSON:
            lost = f"{what}, with no JSON"
            return AmbiguousWrite(lost) if is_write else Unavailable(lost)
        return None if errors.ok_when.holds(body) else Invalid(what)

    return classify


def _parsed(reply: Reply) -> Any:
    try:
        return reply.json()
    except Unavailable:
        return _NO_JSON


def _message(errors: ErrorsPart, body: Any) -> str:
    """Short, on one line; texts of a list side by side."""
    if errors.message is None or body is _NO_JSON:
        return ""
    found = errors.message.part(body)
    items = found if isinstance(found, list) else [found]
    line = quoted(" ".join(item for item in items if isinstance(item, str)))
    return f" ({line})" if line else ""


def _in_their_words(error: CrmError | None, what: str, errors: ErrorsPart) -> CrmError | None:
    if error is not None and errors.message is not None:
        error.args = (what,)
    return error


def _pause(reply: Reply) -> float | None:
    return retry_after_s(reply)
