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
    ("soft", "hard", "after", "warned"),
    [
        (1_024, 500_000, 6_000, False),
        (1_024, resource.RLIM_INFINITY, 6_000, False),
        (20_000, 20_000, 20_000, False),
        (1_024, 4_000, 4_000, True),
    ],
)
def test_it_takes_the_sockets_it_needs_or_says_so(
    soft: int,
    hard: int,
    after: int,
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limits.setrlimit)
    serve.allow_many_sockets(Settings(agi=AgiSettings(max_sessions=2_000)))
    assert limits.now == (after, hard)
    assert ("raise the limit" in caplog.text) is warned
