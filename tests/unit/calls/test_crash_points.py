"""Where a process can be told to die: named, armed, refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from calls import crash_points
from calls.errors import Misconfigured
from config.settings import Settings
from switchboard import serve

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
_LOOP = (
    "from calls.crash_points import reached\n"
    "for n in range(1, 4):\n"
    "    print(n, flush=True)\n"
    "    reached('outbox.before_send'); reached('journal.after_commit')\n"
)


@pytest.mark.parametrize(
    ("said", "lived", "ended"),
    [
        (None, "123", 0),
        ("crm.after_commit", "123", 0),
        ("outbox.before_send", "1", -signal.SIGKILL),
        ("outbox.before_send:2", "12", -signal.SIGKILL),
        ("journal.after_commit:4", "123", 0),
    ],
)
def test_it_dies_at_the_named_time_or_not_at_all(said: str | None, lived: str, ended: int) -> None:
    environment = dict(os.environ) | ({} if said is None else {crash_points.VARIABLE: said})
    done = subprocess.run(
        [sys.executable, "-c", _LOOP],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == (list(lived), ended)


@pytest.mark.parametrize("said", ["nowhere", "outbox.before_send:", "outbox.before_send:0", ":3"])
def test_what_names_no_point_is_refused_at_the_start(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(crash_points.VARIABLE, said)
    with pytest.raises(Misconfigured, match=crash_points.VARIABLE):
        serve.run(Settings())


PLACES = ("ami_bridge", "crm_adapter", "ivr", "screenpop", "storage")
KINDS = "agi|identify|dialog|ami|pop|journal|recorder|outbox|crm|migration"


def test_every_point_is_placed_once_and_has_its_name() -> None:
    literal = re.compile(rf'"((?:{KINDS})\.[a-z]+(?:_[a-z]+)*)"')
    placed = [
        point
        for folder in PLACES
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "reached(" in line or "_write(" in line
        for point in literal.findall(line)
    ]
    points = crash_points.CALL_POINTS + crash_points.POINTS + crash_points.MIGRATION_POINTS
    assert sorted(placed) == sorted(points)
