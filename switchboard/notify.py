"""Telling the service manager how we are: sd_notify(3), whose socket is in NOTIFY_SOCKET.

systemd reads it, and so does our own watchdog, which offers the server a socket of the same kind.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"
#: How late the loop was, in milliseconds; systemd ignores names that begin so (sd_notify(3), X_).
LOOP_LAG = "X_LOOP_LAG_MS"

_SOCKET, _LIMIT, _WHOSE = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class ServiceManager:
    """`tell` never blocks and never fails; without an address nobody is told. `limit_s` is how long
    a silence the service manager bears, None where it does not care. To be closed."""

    def __init__(self, address: str | None = None, *, limit_s: float | None = None) -> None:
        self.limit_s = limit_s
        self._address = f"\0{address[1:]}" if address and address[0] == "@" else address
        # Made now: once there are no files left, silence would look like a frozen process.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def close(self) -> None:
        self._socket.close()

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> ServiceManager:
        """Takes the variables out, so that no program of ours speaks in our name."""
        address = environ.pop(_SOCKET, None)
        limit, whose = environ.pop(_LIMIT, ""), environ.pop(_WHOSE, "")
        ours = whose in ("", str(os.getpid()))
        usec = int(limit) if ours and limit.isascii() and limit.isdigit() else 0
        return cls(address or None, limit_s=usec / 1e6 or None)

    def tell(self, *assignments: str) -> None:
        """One message of `NAME=value` lines. Lost where the reader is gone or does not read."""
        if not self._address:
            return
        with suppress(OSError):
            self._socket.sendto("\n".join(assignments).encode(), self._address)


def read(message: bytes) -> Mapping[str, str]:
    """What a server told, by name; what is no assignment is left out."""
    lines = message.decode("utf-8", "replace").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, is_one, value in pairs if is_one}


def offered(address: str, *, limit_s: float) -> dict[str, str]:
    """The environment in which a server tells `address`."""
    return {_SOCKET: address, _LIMIT: str(round(limit_s * 1e6))}
