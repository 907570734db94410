"""Ports that nobody listens on, for programs that are to listen on them a moment later.

What the kernel itself gives to outgoing connections (`ip_local_port_range`) is left alone: it would
give away such a port in the moment before it is used. Whoever chooses one keeps a lock on it: what
listens there may stop for a while, and start again.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

from calls.errors import Misconfigured, Unavailable

#: Below what Linux gives to outgoing connections by default, above what services are known by; the
#: private Asterisk's audio uses other ports.
_FIRST, _LAST = 20_500, 32_500
_TRIES = 200
_CHOICE = random.SystemRandom()
#: The newest choices of this process, each a locked byte of the file: the byte's place is the port.
_LOCKED: dict[int, None] = {}
_REMEMBERED = 2_000


def udp(host: str) -> int:
    return _free(host, socket.SOCK_DGRAM)


def tcp(host: str = "127.0.0.1") -> int:
    return _free(host, socket.SOCK_STREAM)


def next_to(port: int, host: str = "127.0.0.1") -> int:
    """The one after it, so that it can be remembered; any other where that is taken."""
    after = port + 1
    if after <= 65535 and _is_free(host, after, socket.SOCK_STREAM):
        return after
    return tcp(host)


def _free(host: str, kind: socket.SocketKind) -> int:
    for _ in range(_TRIES):
        port = _CHOICE.randint(_FIRST, _LAST)
        if _is_free(host, port, kind) and _locked(port):
            return port
    raise Unavailable(f"no free port was found between {_FIRST} and {_LAST} on {host}")


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _locked(port: int) -> bool:
    if port in _LOCKED:
        return False
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _LOCKED[port] = None
    if len(_LOCKED) > _REMEMBERED:
        oldest = next(iter(_LOCKED))
        del _LOCKED[oldest]
        fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, oldest)
    return True


@cache
def _locks() -> int:
    """One file for all of this user's processes, opened once and never closed: a process that
    closes a file loses its locks there (fcntl(2))."""
    path = Path(tempfile.gettempdir()) / f"switchboard-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def require_free(port: int, *, what: str, remedy: str, host: str = "127.0.0.1") -> None:
    """Raises Misconfigured with what to do where somebody listens already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured(
                f"port {port} for {what} cannot be used ({error.strerror}): {remedy}"
            ) from error
