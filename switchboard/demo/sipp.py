"""One sipp process: what it is started with, and what it says afterwards."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from switchboard.demo import child, free_ports, programs, tones


class NoSipp(RuntimeError):
    """sipp is not installed; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class SippCounts:
    """sipp's own statistics so far (its -trace_stat file, columns ending in (C): cumulative)."""

    offered: int = 0
    successful: int = 0
    failed: int = 0


class SippProcess:
    """sipp playing `scenario` from `host`:`port`, in a folder of its own below `folder`."""

    def __init__(self, *, scenario: str, host: str, port: int, folder: Path) -> None:
        program = shutil.which("sipp")
        if program is None:
            raise NoSipp(programs.remedy(programs.SIPP))
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="sipp-", dir=folder))
        (self.folder / "scenario.xml").write_text(scenario, "utf-8")
        (self.folder / "audio.ulaw").write_bytes(_AUDIO)
        # -aa: a key pressed by the caller reaches the agent's phone as INFO.
        self._argv = [program, "-sf", "scenario.xml", "-nostdin", "-aa"]
        self._argv += ["-i", host, "-p", str(port), "-mi", host]
        self._argv += ["-ci", host, "-cp", str(free_ports.udp(host))]
        self._argv += ["-trace_stat", "-stf", "stat.csv", "-fd", "1"]
        self._argv += ["-trace_err", "-error_file", "errors.log"]
        self._argv += ["-trace_logs", "-log_file", "events.log"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        # Its screens need a terminal's name, not a terminal.
        env = {**os.environ, "TERM": "xterm"}
        self._process = child.start(
            [*self._argv, *more], folder=self.folder, output=self.folder / "screen", env=env
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self, deadline_s: float) -> None:
        """Until it has made its calls, or for `deadline_s`; then it is ended. Blocks."""
        assert self._process is not None
        try:
            self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.stop()

    def stop(self) -> None:
        if self._process is not None:
            child.stop(self._process, grace_s=1.0)

    def counts(self) -> SippCounts:
        path = self.folder / "stat.csv"
        if not path.exists():
            return SippCounts()
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter=";"))
        if not rows:
            return SippCounts()
        last = rows[-1]
        return SippCounts(
            offered=int(last["TotalCallCreated"]),
            successful=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
        )

    def events(self) -> list[list[str]]:
        """The scenario's own log, split at blanks: word, milliseconds, the caller's number."""
        path = self.folder / "events.log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def errors(self) -> str:
        """What went wrong in its own words, less the time-outs that our scenarios live by."""
        path = self.folder / "errors.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        entries = re.split(r"(?=\d{4}-\d\d-\d\d\t)", text)[1:]
        return "\n".join(entry for entry in entries if "jumping to label" not in entry)


#: One second of a soft hum: enough for Asterisk to see that media flow.
_AUDIO = tones.to_ulaw(tones.chord((180, 240), 1))
