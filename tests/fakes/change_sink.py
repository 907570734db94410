"""Keeps what a CRM told by a webhook."""

from __future__ import annotations

from collections.abc import Mapping

from calls.errors import Unavailable


class KeepingSink:
    """Implements `calls.ports.CrmChangeSink`; `away` makes it refuse."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, bytes]] = []
        self.headers: list[Mapping[str, str]] = []
        self.away = False
        #: Names of CRMs whose signatures are theirs to check; `refuses` is what they raise.
        self.themselves: set[str] = set()
        self.refuses: Exception | None = None

    async def changed(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        if self.away:
            raise Unavailable("later")
        if self.refuses is not None:
            raise self.refuses
        self.changes.append((name, body))
        self.headers.append(headers)

    def checks_itself(self, name: str) -> bool:
        return name in self.themselves
