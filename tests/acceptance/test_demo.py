"""`switchboard demo`, run as a newcomer runs it: to its own end, and to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from switchboard.demo import free_ports
from tests import logging_everything

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
COUNTS = (
    "calls_offered",
    "calls_served",
    "menus_completed",
    "queued",
    "pops_offered",
    "pops_acknowledged",
    "call_records",
    "leads",
    "fallback",
    "lost",
)


@contextmanager
def demo(folder: Path, *words: str, first: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """In a group of its own, as a terminal starts it. Modules of `first` come before others."""
    command = [sys.executable, "-m", "switchboard", "demo", "--folder", str(folder), *words]
    port = str(free_ports.tcp())
    process = subprocess.Popen(
        [*command, "--web-port", port],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(first), str(ROOT)))},
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


def left_behind(folder: Path) -> list[str]:
    """Programs that still run with the demo's files."""
    found = []
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = words.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def test_it_ends_by_itself_with_its_counts_on_the_last_line(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    logging_everything.in_first(first)
    tmp_path /= "demo"
    words = "--seconds", "12", "--rate", "2", "--json"
    with demo(tmp_path, *words, first=first) as process:
        out, err = process.communicate(timeout=110)
    assert process.returncode == 0, err
    counts = json.loads(out.splitlines()[-1])
    assert set(COUNTS) <= set(counts)
    assert counts["calls_offered"] == counts["calls_served"] == counts["call_records"] == 24
    assert counts["pops_offered"] == counts["pops_acknowledged"] > 0
    assert (counts["fallback"], counts["lost"]) == (0, 0)
    assert counts["leads"] >= 1
    assert left_behind(tmp_path) == []
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert "serving calls" in log
    assert {"info", "debug"} <= {json.loads(line)["level"] for line in log.splitlines()}
    assert {each for each in who_called(tmp_path) if each in log} == set()


def who_called(folder: Path) -> set[str]:
    """Numbers, without country and area too, and names, as network and CRM write them."""
    question = "SELECT from_raw, number, from_name, contact_name FROM calls"
    with closing(sqlite3.connect(folder / "switchboard.db")) as database:
        told = {text for row in database.execute(question) for text in row if text}
    names = {word for text in told for word in text.split() if len(word) > 2}
    found = told | names | {number[-7:] for number in told if number.lstrip("+").isdigit()}
    assert any(each.startswith("+1202555") for each in found)
    assert any(each.istitle() for each in found)
    return found


def test_ctrl_c_ends_it_in_good_order(tmp_path: Path) -> None:
    with demo(tmp_path, "--rate", "1") as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "calls come until Ctrl-C" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    for address in ("/demo/call", "/supervisor", "dora"):
        assert address in said
    assert "what became of the calls" in out
    assert "Traceback" not in out + err
    assert left_behind(tmp_path) == []
