"""What hosted CRMs answer instead of what was asked."""

from __future__ import annotations

from crm_adapter.adapter import AmbiguousWrite, CrmError
from crm_adapter.http import replies
from crm_adapter.http.replies import Reply


def by_status(reply: Reply, is_write: bool) -> CrmError | None:
    """As `crm_adapter.http.replies.by_status`; a page that a proxy or a log-in answers to a write
    is no word of the CRM's, whatever its status."""
    if is_write and reply.is_ok and reply.body.lstrip()[:1] == b"<":
        return AmbiguousWrite(f"{reply.crm} answered a write with a page")
    return replies.by_status(reply, is_write)
