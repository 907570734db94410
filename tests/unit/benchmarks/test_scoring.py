"""Nobody takes a benchmark that measured nothing, or something else, for one that is good."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scoring import __main__ as bench
from benchmarks.scoring import data_sets, latency, served_path, turns
from scoring.registry.card import ModelKind

pytestmark = pytest.mark.unit


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts that were run; none of them measures, and nothing is written."""
    found: list[str] = []

    def part(name: str) -> object:
        return lambda data: found.append(name) or []

    monkeypatch.setattr(bench, "PARTS", {name: part(name) for name in bench.PARTS})
    monkeypatch.setattr(bench.results, "keep", lambda *given, **more: None)
    monkeypatch.setattr(bench.results, "write_table", lambda parts: None)
    monkeypatch.delenv("SWITCHBOARD_DATA", raising=False)
    return found


def test_without_its_data_it_fails_and_says_where_they_are_from(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "online_retail.parquet").touch()
    assert bench.main(["--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert asked == []
    assert str(tmp_path) in said
    for words in ("CDNOW_master.txt.gz", "brucehardie.com", "--only", "latency", "served-path"):
        assert words in said
    assert "online_retail.parquet" not in said, "that one is there"


def test_parts_that_need_no_data_run_without(asked: list[str], tmp_path: Path) -> None:
    nowhere = ["--data", str(tmp_path / "none")]
    assert bench.main([*nowhere, "--only", "latency", "--only", "served-path"]) == 0
    assert asked == ["latency", "served-path"]
    assert bench.main([*nowhere, "--only", "latency", "--only", "bank"]) == 2
    (tmp_path / "CDNOW_sample.txt.gz").touch()
    assert bench.main(["--data", str(tmp_path), "--only", "cdnow-sample"]) == 0
    assert asked == ["latency", "served-path", "cdnow-sample"]


def test_every_file_has_a_source_and_every_need_a_part() -> None:
    assert data_sets.NEEDED.keys() <= bench.PARTS.keys()
    assert {name for files in data_sets.NEEDED.values() for name in files} == {*data_sets.FILES}


def test_all_models_answer_in_the_turns_that_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    made_rows = latency.made_rows
    monkeypatch.setattr(latency, "TREES", 3)
    monkeypatch.setattr(
        latency,
        "made_rows",
        lambda many, columns, *, seed: made_rows(min(many, 500), columns, seed=seed),
    )
    scoring = latency._Scoring()
    for memory in scoring.memories(3):
        assert {*scoring.served(memory).models} == {*map(str, ModelKind)}


def test_the_served_path_is_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    made_rows = latency.made_rows
    monkeypatch.setattr(latency, "TREES", 3)
    monkeypatch.setattr(
        latency,
        "made_rows",
        lambda many, columns, *, seed: made_rows(min(many, 500), columns, seed=seed),
    )
    centre = served_path._Centre()
    monkeypatch.setattr(centre.scorer, "_deadline_s", 60.0)
    for who, kinds in (("stranger", {"offers", "intents"}), ("known", {*map(str, ModelKind)})):
        found = centre.scorer.propensities_of(*centre.asked(who, 0))
        assert (set(found.models), len(found.products)) == (kinds, latency.OFFERS)
        assert len(found.intents) == latency.INTENTS
        for part in centre.parts(who).values():
            assert part(0) is not None


def test_each_way_has_its_figures_and_late_answers_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("stranger", "known", "with reasons", "counting, for who is known")
    found = turns.by_turns({name: lambda turn: turn for name in names}, turns=5, warm=1)
    told = {"first_in_line": False, **found, "late": dict.fromkeys(names[:3], 7)}
    monkeypatch.setattr(served_path, "of_process", lambda module, part: told)
    rows = served_path.served_path(Path())
    assert len(rows) == 2 * (3 * 3 + 1)
    assert sum("7 of 3,200" in row.verdict for row in rows) == 2 * 3 * 3
    assert [len(each) for each in found["wall"].values()] == [5] * 4
