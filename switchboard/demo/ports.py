"""Ports of this machine: free ones, and a plain sentence for a taken one."""

from __future__ import annotations

import socket

from calls.errors import Misconfigured


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


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
