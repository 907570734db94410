"""The progress bar: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ROWS = 3_000
#: What rich draws bars of.
BAR = "━"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    rows = "".join(f"C{n},,Ann {n}\n" for n in range(ROWS))
    (tmp_path / "people.csv").write_text(f"id,phone,first_name\n{rows}", encoding="utf-8")
    (tmp_path / "switchboard.yaml").write_text(
        f"storage: {{url: 'sqlite:///{tmp_path}/switchboard.db'}}\n", encoding="utf-8"
    )
    return tmp_path


def start(home: Path, *words: str, stderr: int) -> subprocess.Popen[bytes]:
    """stdout goes into a pipe: what a command prints may be wanted by a program."""
    known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "CI")}
    return subprocess.Popen(
        [sys.executable, "-m", "switchboard", *words],
        cwd=home,
        env=known | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def on_a_terminal(home: Path, *words: str) -> tuple[str, str]:
    """stdout, and what was drawn on the terminal that stderr is."""
    ours, theirs = pty.openpty()
    try:
        with start(home, *words, stderr=theirs) as process:
            os.close(theirs)
            drawn = _until_closed(ours)
            out, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
    assert process.returncode == 0, drawn
    return out.decode(), drawn


def _until_closed(terminal: int) -> str:
    read = bytearray()
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # EIO: nobody has the other end open any more
            break
        if not piece:
            break
        read += piece
    return read.decode(errors="replace")


def in_a_pipe(home: Path, *words: str) -> tuple[str, str]:
    with start(home, *words, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.decode(), err.decode()


@pytest.mark.parametrize(
    ("words", "title"),
    [
        pytest.param(("import", "people.csv"), "importing", id="import"),
        pytest.param(("score",), "scoring contacts", id="score", marks=pytest.mark.long),
    ],
)
def test_on_a_terminal_and_not_in_a_pipe(home: Path, words: tuple[str, ...], title: str) -> None:
    if words == ("score",):
        in_a_pipe(home, "import", "people.csv")
    out, drawn = on_a_terminal(home, *words)
    assert title in drawn
    assert BAR in drawn
    assert (title in out, BAR in out) == (False, False)
    assert str(ROWS) in out

    piped, err = in_a_pipe(home, *words)
    assert piped == out
    assert title not in err
    assert BAR not in err
    assert "\x1b" not in err
