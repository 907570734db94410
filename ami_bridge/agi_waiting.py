"""Connections whose request is not whole yet and who of them gives way to a flood."""

from __future__ import annotations

from collections.abc import Iterator

from ami_bridge.agi_connection import AgiConnection


class WaitingPeers:
    def __init__(self) -> None:
        #: By address, oldest first.
        self._of: dict[str, dict[AgiConnection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[AgiConnection]:
        return (connection for theirs in self._of.values() for connection in theirs)

    def add(self, connection: AgiConnection) -> None:
        self._of.setdefault(connection.peer, {})[connection] = None
        self._count += 1

    def discard(self, connection: AgiConnection) -> None:
        theirs = self._of.get(connection.peer, {})
        if connection not in theirs:
            return
        del theirs[connection]
        self._count -= 1
        if not theirs:
            del self._of[connection.peer]

    def first_to_go(self) -> AgiConnection:
        """The oldest of the address that has most of them. Not to be asked of nobody."""
        most = max(self._of, key=lambda peer: len(self._of[peer]))
        return next(iter(self._of[most]))
