"""Ports that nobody listens on at the moment."""

from __future__ import annotations

import socket


def udp(host: str) -> int:
    return _free(host, socket.SOCK_DGRAM)


def tcp(host: str = "127.0.0.1") -> int:
    return _free(host, socket.SOCK_STREAM)


def _free(host: str, kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
