"""What a log line may hold of a caller."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from switchboard import logs

pytestmark = pytest.mark.unit

NUMBER = "+12025550150"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_traceback_holds_no_number_and_no_variables(
    root: logging.Logger,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    logs.set_up()

    def serve(name: str) -> None:
        raise ValueError(f"no contact with {NUMBER}")

    try:
        serve("-".join(("Maria", "Garcia")))
    except ValueError:
        logging.getLogger("here").exception("call pbx/1.1 failed")
    told = capsys.readouterr().err
    assert "no contact with" in told
    assert "call pbx/1.1 failed" in told
    assert "25550150" not in told
    assert "Maria-Garcia" not in told
