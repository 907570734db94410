"""Ports that nobody listens on at the moment."""

from __future__ import annotations

import socket

from calls.errors import Misconfigured


def udp(host: str) -> int:
    return _free(host, socket.SOCK_DGRAM)


def tcp(host: str = "127.0.0.1") -> int:
    return _free(host, socket.SOCK_STREAM)


def _free(host: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


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
