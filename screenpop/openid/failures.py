"""Why nobody was let in; the page says it in the reader's language."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from calls.errors import SwitchboardError

FailureCode = Literal["stale", "refused", "away", "untrusted", "unverified", "nobody"]


class Failed(BaseModel):
    code: FailureCode
    #: Whom the provider named, where nobody here is called so.
    who: str


class NotLetIn(SwitchboardError):
    """`who` is whom the provider named, where nobody here is called so. The text is for the log."""

    def __init__(self, code: FailureCode, text: str, who: str = "") -> None:
        super().__init__(text)
        self.code: FailureCode = code
        self.who = who

    def told(self) -> Failed:
        """What is kept of it: an exception holds on to its traceback, and so to whole requests."""
        return Failed(code=self.code, who=self.who[:100])
