"""What every CRM is asked, and the few ways in which it can fail.

CrmError
+-- NotFound, Conflict, Invalid, Forbidden, Unsupported     asking again will not help
+-- AuthFailed, RateLimited, Unavailable, Timeout           may pass
+-- AmbiguousWrite                                          it may have been written: ask by key
"""

from __future__ import annotations

from typing import Protocol

from calls.errors import SwitchboardError
from calls.records import CallRecord, NewLead


class CrmError(SwitchboardError):
    """The CRM did not do what was asked."""


class NotFound(CrmError):
    """There is no such record (any more)."""


class Conflict(CrmError):
    """The CRM holds a record that stands in the way; `existing` is its id where it told."""

    def __init__(self, message: str, *, existing: str | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class Invalid(CrmError):
    """The CRM refuses the content; `field` names what it does not like, where it told."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Forbidden(CrmError):
    """Our user there may not do this."""


class AuthFailed(CrmError):
    """Our credentials are not accepted; nothing will work until somebody mends them."""


class RateLimited(CrmError):
    """Too many requests; `after_s` is what the CRM asked us to wait."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unavailable(CrmError):
    """No answer, or an answer that says the CRM itself is broken."""


class Timeout(CrmError):
    """No answer in time to a question that changes nothing."""


class AmbiguousWrite(CrmError):
    """The connection or the time ended after the write was sent: it may have happened."""


class Unsupported(CrmError):
    """This CRM cannot do that at all."""


class CrmWriter(Protocol):
    """Writing half of the port. `idem` is our key for this write: an adapter finds what an earlier
    try with the same key left behind, before it writes again."""

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        """The CRM's id of the lead; the same id however often the same `idem` is sent."""
        ...

    async def log_call(self, record: CallRecord, idem: str) -> str:
        """The CRM's id of the call record; the same id however often the same `idem` is sent."""
        ...
