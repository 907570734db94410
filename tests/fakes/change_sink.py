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

    async def changed(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        if self.away:
            raise Unavailable("later")
        self.changes.append((name, body))
        self.headers.append(headers)
