"""The server does without the packages of training; `evaluate` says which it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

TRAINING_ONLY = ("polars", "pyarrow", "sklearn", "pandas", "river", "dask")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_server_does_not_load_them() -> None:
    code = (
        f"import sys; blocked = {TRAINING_ONLY!r}\n"
        "sys.modules.update({name: None for name in blocked})\n"
        "import switchboard.cli, switchboard.serve, switchboard.wiring, scoring.batch\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_evaluate_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "sys.argv = ['switchboard', 'evaluate', '--purchases', 'orders.csv']\n"
        "from switchboard.__main__ import main; main()\n"
    )
    done = run(code)
    assert done.returncode == 1
    assert "pip install 'switchboard-pbx[train]'" in done.stderr
    assert "Traceback" not in done.stderr
