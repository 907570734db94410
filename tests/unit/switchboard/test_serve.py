"""What the process asks of the system before it serves."""

from __future__ import annotations

import resource

import pytest

from config.settings import AgiSettings, Settings
from switchboard import serve

pytestmark = pytest.mark.unit


class Limits:
    """The system's limit of open files, not this process's own."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "after", "sessions", "connections"),
    [
        (1_024, 500_000, 6_548, 2_000, 2_048),
        (1_024, resource.RLIM_INFINITY, 6_548, 2_000, 2_048),
        (20_000, 20_000, 20_000, 2_000, 2_048),
        (1_024, 5_000, 5_000, 2_000, 1_250),
        (1_024, 4_000, 4_000, 1_936, 1_000),
        (256, 256, 256, 64, 64),
        (100, 100, 100, 1, 64),
    ],
)
def test_it_serves_as_many_as_its_files_allow(
    soft: int,
    hard: int,
    after: int,
    sessions: int,
    connections: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limits.setrlimit)
    settings = serve.allow_many_sockets(Settings(agi=AgiSettings(max_sessions=2_000)))
    assert limits.now == (after, hard)
    assert settings.agi.max_sessions == sessions
    assert settings.web.max_connections == connections
    assert ("raise the limit" in caplog.text) is (hard not in (-1, 500_000, 20_000))
