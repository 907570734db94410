"""A PostgreSQL and a Redis of our own, on loopback, for demos and tests: gone with whoever leaves
them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Self

from calls.errors import Misconfigured
from switchboard.demo import free_ports

START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0


class ServerMissing(Misconfigured):
    """A program is not installed; the message says which package has it."""


#: Nothing is meant to survive.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class OwnPostgres:
    """A cluster of its own, for `with`. It may be stopped, killed and started again, and writes to
    disk as a real one does unless `options` say otherwise."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        tied: bool = False,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """It lives below `folder`, by default where temporary files do. `tied`: it ends with the
        thread that starts it, however that ends, and hears nothing of a terminal's Ctrl-C."""
        self._options = options
        self._tied = tied
        self._home = Path(tempfile.mkdtemp(prefix="switchboard-postgres-", dir=folder))
        self._port = free_ports.tcp()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`postgresql://switchboard@127.0.0.1:PORT`, without a database name."""
        return f"postgresql://switchboard@127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        try:
            initdb = postgres_program("initdb")
            self._prefix = _ordinary_user(self._home)
            _run([*self._prefix, initdb, "-D", str(self._home / "data"), "-U", "switchboard",
                  "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"], self._home)  # fmt: skip
            self.start()
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        # SIGQUIT, "immediate": nobody needs what a last checkpoint would write to the disk.
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Returns once it lets us in. After `kill` the orphans may still have the old memory."""
        limit = time.monotonic() + START_LIMIT_S
        while True:
            self._process = process = self._launch()
            try:
                wait_until(lambda: _answers_postgres(self._port), process, self._home)
            except RuntimeError:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                if "is still in use" not in self._said() or time.monotonic() > limit:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Sessions are broken off, and all is brought to the disk (SIGINT, "fast"). Does nothing
        where it is down."""
        process, self._process = self._process, None
        if process is not None:
            _end(process, how)

    def kill(self) -> None:
        """SIGKILL to the postmaster, as if the power had gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": str(self._home),
            "max_connections": "60",
            "shared_buffers": "16MB",
            **self._options,
        }
        settings = [word for pair in options.items() for word in ("-c", "=".join(pair))]
        postgres = postgres_program("postgres")
        command = [*self._prefix, postgres, "-D", str(self._home / "data"), *settings]
        if self._tied:
            command = _tied(command, self._prefix)
        with (self._home / "log").open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self._home,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0 if self._tied else None,
            )

    def _said(self) -> str:
        return (self._home / "log").read_text(errors="replace")


@contextmanager
def private_postgres() -> Iterator[str]:
    """Yields `postgresql://switchboard@127.0.0.1:PORT`, without a database name."""
    with OwnPostgres(options=FORGETFUL) as server:
        yield server.url


class OwnRedis:
    """A Redis of its own, for `with`, that writes nothing to disk. It may be killed and started
    again, and is empty then. `tied`: see `OwnPostgres`."""

    def __init__(self, *, tied: bool = False) -> None:
        self._tied = tied
        self._home = Path(tempfile.mkdtemp(prefix="switchboard-redis-"))
        self.port = free_ports.tcp()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self.thaw()
            _end(self._process, signal.SIGTERM)
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise ServerMissing("redis-server is missing: install the package redis-server")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no", "--dir", str(self._home)]  # fmt: skip
        if self._tied:
            command = _tied(command, [])
        with (self._home / "log").open("wb") as log:
            self._process = process = subprocess.Popen(
                command,
                cwd=self._home,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0 if self._tied else None,
            )
        try:
            wait_until(lambda: _answers_redis(self.port), process, self._home)
        except BaseException:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """It takes connections and what is sent, and answers nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def private_redis() -> Iterator[str]:
    """Yields `redis://127.0.0.1:PORT/0` of a server that writes nothing to disk."""
    with OwnRedis() as server:
        yield server.url


def postgres_program(name: str) -> str:
    """Raises ServerMissing."""
    # Debian keeps the server's programs by version and off the PATH.
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: float(path.parts[-3]),
    )
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise ServerMissing(f"{name} is missing: install the package postgresql")
    return found


def _ordinary_user(home: Path) -> list[str]:
    """Words to put before a command; initdb and postgres refuse to run as root."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerMissing("setpriv is missing: install the package util-linux, or do not be root")
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(home, user.pw_uid, user.pw_gid)
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _tied(command: list[str], prefix: list[str]) -> list[str]:
    """The kernel forgets such a wish where a program changes its user (prctl(2)): so it comes
    last."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command
    return [*prefix, setpriv, "--pdeathsig", "KILL", "--", *command[len(prefix) :]]


def _run(command: list[str], home: Path) -> None:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr[-800:]}")


@contextmanager
def serving(
    command: list[str],
    home: Path,
    stop_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """What it says goes to `home/log`."""
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield process
    finally:
        _end(process, stop_signal)


def _end(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(answers: Callable[[], bool], process: subprocess.Popen[bytes], home: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while not answers():
        if process.poll() is not None or time.monotonic() > limit:
            said = (home / "log").read_text(errors="replace")[-800:]
            raise RuntimeError(f"{process.args!r} did not start: {said}")
        time.sleep(0.02)


def _answers_redis(port: int) -> bool:
    return _exchange(port, b"PING\r\n") == b"+"


def _answers_postgres(port: int) -> bool:
    # Unlike a bare connection it says no while the server is still starting up.
    ready = postgres_program("pg_isready")
    done = subprocess.run(
        [ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"], check=False, timeout=10
    )
    return done.returncode == 0


def _exchange(port: int, question: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as peer:
            peer.sendall(question)
            return peer.recv(1)
    except OSError:
        return b""
