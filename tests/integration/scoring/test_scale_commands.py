"""`switchboard features`, `score --rows` and what `--engine` says, as commands."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from switchboard import engines
from tests.fakes.purchase_folders import write_folder
from tests.integration.scoring.scale_words import runs, told
from tests.unit.scoring.cluster.test_part_scores import add_model

pytestmark = pytest.mark.integration


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    write_folder(tmp_path / "exports")
    return tmp_path / "exports"


def test_from_exports_to_scores(tmp_path: Path, exports: Path) -> None:
    words = ("features", exports, "--out", tmp_path / "c", "--cut", "2026-01-01", "--parts", "4")
    first = runs(*words)
    assert first.exit_code == 0, first.output
    assert told(first) == "200 contacts from 6,000 purchases; 4 of 4 parts computed"
    assert told(runs(*words)).endswith("; 0 of 4 parts computed")

    version = add_model(tmp_path / "models")
    settings = tmp_path / "switchboard.yaml"
    settings.write_text(f"scoring: {{models_dir: '{tmp_path / 'models'}'}}\n")
    rows, scores = tmp_path / "c" / "rows", tmp_path / "scores"
    scored = runs("score", "--rows", rows, "--model", version, "--out", scores)
    assert scored.exit_code == 0, scored.output
    assert told(scored) == "200 contacts scored"
    found = pl.read_parquet(scores / "*.parquet")
    assert found["customer"].n_unique() == 200
    assert found["score"].is_between(0, 1).all()

    by_kind = ("score", "--rows", rows, "--model", "churn", "--out", scores, "--config", settings)
    assert "no churn model is in use" in told(runs(*by_kind))
    assert runs("models", "promote", "churn", version.name, "--force", "--because", "a test",
                "--config", settings).exit_code == 0  # fmt: skip
    assert told(runs(*by_kind)) == "200 contacts scored"


def test_wrong_use_is_exit_2_and_what_is_wrong_is_exit_1(tmp_path: Path, exports: Path) -> None:
    assert runs("score", "--engine", "dask://local").exit_code == 2
    assert runs("score", "--rows", tmp_path).exit_code == 2
    bad = runs("features", exports, "--out", tmp_path / "c", "--engine", "spark://x:1")
    assert bad.exit_code == 1
    assert "'spark://x:1' is no engine" in told(bad)
    missing = runs("features", exports, "--out", tmp_path / "c", "--columns", "amount=Total")
    assert missing.exit_code == 1
    assert "no column 'Total'" in told(missing)


@pytest.mark.parametrize("command", ["features", "train"])
def test_a_cluster_that_is_not_there_is_said(
    tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("scoring.cluster.connection.CONNECT_S", 0.5)
    settings = tmp_path / "switchboard.yaml"
    settings.write_text(f"storage: {{url: 'sqlite:///{tmp_path / 'a.db'}'}}\n")
    words = {
        "features": (exports, "--out", tmp_path / "c"),
        "train": ("--config", settings),
    }[command]
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        engine = f"dask://127.0.0.1:{unused.getsockname()[1]}"
        found = runs(command, *words, "--engine", engine)
    assert found.exit_code == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:" in told(found)


def test_without_the_extra_it_is_named(
    tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "distributed" else 1)
    found = runs("features", exports, "--out", tmp_path / "c", "--engine", "dask://local")
    assert found.exit_code == 1
    assert "needs distributed" in told(found)
    assert "pip install 'switchboard-pbx[train,cluster]'" in told(found)


def test_the_server_and_the_command_line_start_without_the_extras() -> None:
    absent = ("dask", "distributed", "pandas", "pyarrow", "polars", "river")
    program = (
        "import sys\n"
        f"for name in {absent!r}: sys.modules[name] = None\n"
        "import switchboard.cli, switchboard.serve, switchboard.wiring, switchboard.offline\n"
        "from typer.testing import CliRunner\n"
        "done = CliRunner().invoke(switchboard.cli.app, ['score', '--help'])\n"
        "assert done.exit_code == 0, done.output\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
