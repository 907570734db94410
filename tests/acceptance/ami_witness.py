"""Somebody else's eyes on the manager: pyst2's own AMI client, in its own threads."""

from __future__ import annotations

from typing import Any

import asterisk.manager

from switchboard.demo.private_pbx import PrivatePbx


class _Manager(asterisk.manager.Manager):  # type: ignore[misc]
    def __del__(self) -> None:
        """pyst2 closes here once more, whenever the collector comes by; the test has closed it."""


class Witness:
    """Sees the events of these names from now until `close`. Tests that use it ignore pyst2's
    deprecation warnings: `filterwarnings("ignore::DeprecationWarning:asterisk.manager")`."""

    def __init__(self, pbx: PrivatePbx, *names: str) -> None:
        self._seen: list[dict[str, str]] = []
        self._manager = _Manager()
        self._manager.connect("127.0.0.1", pbx.ami_port)
        self._manager.login(pbx.ami_username, pbx.ami_secret)
        for name in names:
            self._manager.register_event(name, self._on_event)

    def _on_event(self, event: Any, _manager: object) -> None:
        self._seen.append(dict(event.headers))

    def close(self) -> list[dict[str, str]]:
        """What it saw, in order."""
        # Not by its own logoff(): that races with its reader, which sees Asterisk close.
        self._manager._sock.write(b"Action: Logoff\r\n\r\n")
        self._manager.message_thread.join(timeout=10)
        self._manager.close()
        return self._seen
