"""`switchboard demo --cluster`: one of its processes is killed under calls, and none is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from switchboard.demo.cluster import SYSTEMS
from tests.acceptance.test_demo import ROOT, left_behind

pytestmark = [pytest.mark.acceptance, pytest.mark.alone, pytest.mark.long]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to PostgreSQL's own user, who may not be us."""
    with tempfile.TemporaryDirectory(prefix="swb-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def cluster(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """In a group of its own, as a terminal starts it, and nothing of it outside `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "switchboard", "demo", "--cluster", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_process_is_killed_and_no_call_is_lost(folder: Path) -> None:
    words = ["--seconds", "12", "--rate", "1.5", "--kill-after", "5", "--json"]
    with cluster(folder, *words) as process:
        out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    counts = json.loads(out.splitlines()[-1])
    assert counts["offered"] == counts["served"] == counts["records"] == 18
    assert counts["lost"] == 0
    assert counts["by_asterisk"] == {"hq": 9, "branch": 9}
    assert counts["killed_after_s"] >= 5
    # The other one talks with whoever calls later: only who was in a dialog then falls back.
    assert counts["arrived_after"] >= 5
    assert counts["fallbacks"] <= 18 - counts["arrived_after"]
    # Agents are rung by either.
    assert all(counts["pops_by_asterisk"][system] > 0 for system in SYSTEMS)
    assert sum(counts["pops_by_asterisk"].values()) == counts["pops"]
    assert left_behind(folder) == []


def test_ctrl_c_ends_everything(folder: Path) -> None:
    with cluster(folder, "--json") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "calls come until Ctrl-C" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1), err
    assert json.loads(out.splitlines()[-1])["killed_after_s"] is None
    assert left_behind(folder) == []
