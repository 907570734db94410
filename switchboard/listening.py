"""What is said where an address of ours cannot be listened on."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from calls.errors import Misconfigured


@contextmanager
def listening(what: str, *, section: str, host: str, port: int) -> Iterator[None]:
    """The body opens `host`:`port`, which are settings of `section`. Raises Misconfigured with what
    to do where the address cannot be had."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            f"{what} cannot listen on {host}:{port}: {_remedy(error, section, port)}"
        ) from error


def _remedy(error: OSError, section: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"there is no such address; set {section}.host to one of this machine"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "address already in use; stop what listens there (a Switchboard that runs already? "
                f"`ss -ltnp sport = :{port}` names it), or set {section}.port to a free one"
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"this machine has no such address; set {section}.host to one that it has, "
                "127.0.0.1 for itself alone or 0.0.0.0 for all"
            )
        case errno.EACCES | errno.EPERM:
            return f"only root may; set {section}.port to 1024 or more"
        case number:
            reason = os.strerror(number) if number else str(error)
            return f"{reason}; check {section}.host and {section}.port"
