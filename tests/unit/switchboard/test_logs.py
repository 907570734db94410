"""What a log line may hold of a caller."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from scoring.registry.card import version_of
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


@pytest.mark.parametrize("sha256", ["1a2b3c4d5e", "1234567890", "e000000000", "12345e7890"])
def test_the_version_of_a_model_is_told_whole(sha256: str) -> None:
    version = version_of(datetime(2026, 11, 28, 2, 30, tzinfo=UTC), sha256)
    for text in (
        f"scoring: churn model {version} is in use",
        f"{version}.",
        f"/var/models/churn/{version}/model.ubj",
        f"{version} (in place of {version})",
    ):
        assert logs.masked(text) == text
    assert logs.masked(f"{version} {NUMBER}, {version}") == f"{version} …50, {version}"


@pytest.mark.parametrize(
    "number",
    [
        NUMBER,
        "12025550150",
        "(202) 555-0150",
        "202-555-0150",
        "20261128",
        "20261128-023000",
        "+20261128-023000-12345678",
        "20261128-023000-123456789",
        "20261128-023000-1234567",
        "20261128-023000-12345678-9",
        "20261328-023000-12345678",
        "20261128-023061-12345678",
        "2026 1128 023000 12345678",
        "49 20261128-0230",
    ],
)
def test_what_may_be_a_number_is_masked_all_the_same(number: str) -> None:
    for text in (number, f"call {number} failed", f"({number})"):
        assert number[-6:] not in logs.masked(text)
        assert "…" in logs.masked(text)


#: C0, CSI in one byte (C1), a window's title, line ends of all kinds, text that runs backwards.
HOSTILE = (
    "a\x1b[2J\x9b2J\x1b]0;x\x07\r\n\x85\u2028\x00\x08\u202eb\u2066c\u200f\ud800 2026 [info] forged"
)


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_hostile_reaches_a_log_in_any_field(
    root: logging.Logger,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    logs.set_up()
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("here").exception("from %s: %r", HOSTILE, HOSTILE)
    structlog.get_logger(HOSTILE).warning(HOSTILE, caller=HOSTILE, more=[HOSTILE], number=1)

    told = capsys.readouterr().err
    lines = told.rstrip("\n").split("\n")
    if not terminal:
        assert [json.loads(line)["level"] for line in lines] == ["error", "warning"]
        assert told.isascii()
    # The renderer's own colours are none of the callers'.
    plain = re.sub(r"\x1b\[\d*(;\d+)*m", "", told)
    assert plain.replace("\n", "").isprintable()
    begun = [line for line in plain.split("\n") if line and not line.startswith("  | ")]
    assert len(begun) == 2
    assert plain.count("forged") >= 5
