"""Ports that nobody listens on, for programs that are to listen on them a moment later.

What the kernel itself gives to outgoing connections (`ip_local_port_range`) is left alone: it would
give away such a port in the moment before it is used. Two of us choosing at the same time keep a
lock on each port chosen.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from pathlib import Path

from calls.errors import Misconfigured, Unavailable

#: Below what Linux gives to outgoing connections by default, above what services are known by; the
#: private Asterisk's audio uses other ports.
_FIRST, _LAST = 20_500, 32_500
_TRIES = 200
#: Locks of the newest choices; whoever was given an older one listens on it by now.
_LOCKS: deque[int] = deque(maxlen=64)
_CHOICE = random.SystemRandom()


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
    folder = Path(tempfile.gettempdir()) / "switchboard-ports"
    folder.mkdir(mode=0o777, exist_ok=True)
    try:
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False  # another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    if len(_LOCKS) == _LOCKS.maxlen:
        os.close(_LOCKS.popleft())
    _LOCKS.append(lock)
    return True


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
