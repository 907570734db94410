"""sd_notify(3) as systemd reads it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from switchboard import notify
from switchboard.notify import ServiceManager

pytestmark = pytest.mark.unit


Taken = Callable[[dict[str, str]], ServiceManager]


@pytest.fixture
def taken() -> Iterator[Taken]:
    with ExitStack() as stack:

        def made(environ: dict[str, str]) -> ServiceManager:
            return stack.enter_context(closing(ServiceManager.taken_from(environ)))

        yield made


@pytest.fixture
def inbox() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as inbox:
        yield inbox


def test_it_tells_the_socket_that_the_environment_names(
    inbox: socket.socket, taken: Taken, tmp_path: Path
) -> None:
    address = str(tmp_path / "notify")
    inbox.bind(address)
    environ = notify.offered(address, limit_s=4.0) | {"PATH": "/bin"}
    manager = taken(environ)
    # No program that we start may speak in our name.
    assert environ == {"PATH": "/bin"}
    assert manager.limit_s == 4.0
    manager.tell(notify.READY, "STATUS=serving")
    message = inbox.recv(100)
    assert message == b"READY=1\nSTATUS=serving"
    assert notify.read(message) == {"READY": "1", "STATUS": "serving"}


def test_an_abstract_socket_is_one_too(inbox: socket.socket, taken: Taken) -> None:
    name = f"switchboard-test-{os.getpid()}"
    inbox.bind(f"\0{name}")
    taken({"NOTIFY_SOCKET": f"@{name}"}).tell(notify.ALIVE)
    assert inbox.recv(100) == b"WATCHDOG=1"


def test_nobody_who_listens_is_no_trouble(
    inbox: socket.socket, taken: Taken, tmp_path: Path
) -> None:
    taken({}).tell(notify.READY)
    taken({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell(notify.READY)
    address = str(tmp_path / "full")
    inbox.bind(address)
    manager = taken({"NOTIFY_SOCKET": address})
    for _ in range(5_000):  # far more than a socket keeps (net.unix.max_dgram_qlen)
        manager.tell(notify.ALIVE)
    assert inbox.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("told", "limit_s"),
    [
        ({"WATCHDOG_USEC": "5000000"}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_limit_counts_where_it_is_meant_for_us(
    told: dict[str, str], limit_s: float | None, taken: Taken
) -> None:
    assert taken(told).limit_s == limit_s
    assert told == {}


def test_what_is_no_assignment_is_left_out() -> None:
    assert notify.read(b"hello\nREADY=1\n\xff=\xff\n") == {"READY": "1", "�": "�"}
