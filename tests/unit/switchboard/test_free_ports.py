"""Ports for programs that listen a moment later."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from switchboard.demo import free_ports

pytestmark = pytest.mark.unit

_OTHER = "from switchboard.demo import free_ports; print(*(free_ports.tcp() for _ in range(40)))"


def test_the_kernel_gives_none_of_them_to_outgoing_connections() -> None:
    told = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    first, last = (int(word) for word in told)
    chosen = [free_ports.tcp() for _ in range(50)]
    assert not [port for port in chosen if first <= port <= last]


def test_no_port_is_chosen_twice_at_once_not_even_by_two_processes() -> None:
    ours = {free_ports.tcp() for _ in range(20)}
    other = subprocess.run(
        [sys.executable, "-c", _OTHER], check=True, capture_output=True, text=True, timeout=30
    )
    theirs = {int(word) for word in other.stdout.split()}
    assert len(ours) == 20
    assert len(theirs) == 40
    assert not ours & theirs


def test_what_was_chosen_long_ago_is_still_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {free_ports.tcp() for _ in range(300)}
    assert len(ours) == 300
    first = min(ours)
    monkeypatch.setattr(free_ports, "_FIRST", first)
    monkeypatch.setattr(free_ports, "_LAST", first)
    with pytest.raises(free_ports.Unavailable):
        free_ports.tcp()
    only = f"free_ports._FIRST = free_ports._LAST = {first}; "
    other = subprocess.run(
        [sys.executable, "-c", _OTHER.replace("print", only + "print")],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "no free port" in other.stderr


def test_the_oldest_of_very_many_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_ports, "_LOCKED", {})
    monkeypatch.setattr(free_ports, "_REMEMBERED", 3)
    first = free_ports.tcp()
    for _ in range(3):
        free_ports.tcp()
    monkeypatch.setattr(free_ports, "_FIRST", first)
    monkeypatch.setattr(free_ports, "_LAST", first)
    assert free_ports.tcp() == first


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(free_ports, "_FIRST", port)
        monkeypatch.setattr(free_ports, "_LAST", port)
        with pytest.raises(free_ports.Unavailable, match="no free port"):
            free_ports.tcp()
