"""The table of goals under load: what is met, missed, unfinished and unknown."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.gates import __main__ as gates
from benchmarks.gates import kept, live, numbers, runs, table
from benchmarks.gates.line import Limit, Line
from benchmarks.gates.runs import GATES, Gate, Wanted
from benchmarks.promises import Sources
from benchmarks.row import Result

pytestmark = pytest.mark.unit

LOST = {"failed": 0, "pops_missing": 0}
ARRIVALS: Result = {
    "date": "2026-03-02", "load": [1.0, 0.5, 0.4], "broken_off": False, "took_s": 1900,
    "rate": 20.0, "minutes": 30.0, "planned_minutes": 30.0, "calls": 36_000, "lost": LOST,
    "first_command_ms_p99": 9.0, "added_ms_p95": 140.0, "added_ms_p99": 900.0,
    "pop_ms_p95": 20.0, "pop_ms_p99": 40.0, "lag_ms_p99": 6.0, "lag_ms_worst": 60.0,
    "crm_lag_s_p95": 0.4, "ours_cpu_ms": 24.0, "speech_cpu_ms": 5.0, "asterisk_cpu_ms": 23.0,
    "mib": 250, "mib_per_hour": 0.5, "files": [40, 50], "tasks": [80.0, 82.0],
    "machine_busy": 0.7,
}  # fmt: skip
FLOOD = {
    "stuck": False, "untold": 0, "connections_lost": 0, "shed": 0, "calls": 8_000,
    "events": 240_001, "behind_s": 0.0, "lag_ms_p99": 2.0, "lag_ms_worst": 9.0, "seconds": 120.0,
}  # fmt: skip


def lines(results: dict[str, Result]) -> dict[str, Line]:
    found = table.lines(Sources.read(), results)
    by_what = {line.what: line for line in found}
    assert len(by_what) == len(found)
    return by_what


def of(found: dict[str, Line], words: str) -> Line:
    [line] = [line for what, line in found.items() if re.search(words, what)]
    return line


def test_each_goal_is_met_or_missed_by_its_own_figure() -> None:
    found = lines({"arrivals-sqlite": ARRIVALS})
    assert of(found, "min, SQLite").verdict == "met"
    assert of(found, "SQLite: our first word").row().split(" | ")[1:5] == [
        "≤ 20 ms", "≤ 10 ms", "9 ms", "met, the stretch too",
    ]  # fmt: skip
    wait = of(found, "SQLite: what we add")
    assert (wait.measured, wait.verdict) == ("140, 900 ms", "MISSED")
    lag = of(found, "SQLite: loop lag")
    assert (lag.verdict, lag.stretched) == ("met", False)
    assert of(found, "SQLite: processor").verdict == "–"
    assert of(found, "min, PostgreSQL").verdict == "not measured"
    assert "what we add to a caller's wait" in table.summary(
        Sources.read(), {"arrivals-sqlite": ARRIVALS}
    )


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "met"),
        ({"minutes": 12.5}, "unfinished"),
        ({"lost": LOST | {"pops_missing": 2}}, "MISSED"),
        ({"minutes": 12.5, "lost": LOST | {"failed": 1}}, "MISSED"),
    ],
)
def test_a_shorter_run_meets_nothing_and_a_loss_is_one(change: Result, verdict: str) -> None:
    found = lines({"arrivals-sqlite": ARRIVALS | change})
    line = of(found, "min, SQLite")
    assert line.verdict == verdict
    assert of(found, "SQLite: our first word").verdict == (
        "unfinished" if "minutes" in change else "met"
    )
    assert ("12.5 of 30 min" in line.when) == ("minutes" in change)


def test_a_run_of_another_load_stands_beside_the_goals() -> None:
    found = lines({"arrivals-sqlite": ARRIVALS, "arrivals-sqlite@50": ARRIVALS | {"rate": 50.0}})
    assert of(found, "the stretch: 50 calls").command.endswith("arrivals-sqlite --rate 50")
    assert of(found, "20 calls a second for 30 min, SQLite").verdict == "met"


def test_calls_at_once_and_what_was_not_killed() -> None:
    back = {"serving_s": 2.2, "in_step_s": 6.0, "desktops_s": 4.0}
    seen = ARRIVALS | {"calls": 500, "at_once": 500, "back": back}
    del seen["minutes"]
    more = seen | {"calls": 2000, "at_once": 1990, "back": None}
    found = lines({"live-sqlite": seen, "live-sqlite@2000": more})
    assert of(found, "^500 .*SQLite: killed, serving").verdict == "met"
    assert of(found, "^500 .*SQLite: killed, every call").verdict == "MISSED"
    assert of(found, "^2,000 .*SQLite: killed, serving").verdict == "not measured"
    most = of(found, "^2,000 .*SQLite: lost")
    assert most.command.endswith("live-sqlite --calls 2000")
    assert most.verdict == "unfinished"


def test_a_flood_misses_by_what_it_did_not_tell() -> None:
    flood: Result = {"date": "2026-03-02", "load": [0.1, 0.1, 0.1], "broken_off": False}
    stuck = {"stuck": True, "seconds": 10.0}
    found = lines({"flood": flood | {"sustained": FLOOD, "burst": stuck}})
    assert of(found, "2,000 a second").verdict == "met"
    assert of(found, "10,000 a second").verdict == "MISSED"
    once = lines({"flood": flood | {"sustained": FLOOD}})
    assert of(once, "10,000 a second").verdict == "not measured"


@pytest.mark.parametrize(
    ("seconds", "told", "verdict"),
    [(119.9, 0, "unfinished"), (119.9, 1, "MISSED"), (150, 0, "met")],
)
def test_a_flood_lasts_as_long_as_the_goal_asks(seconds: float, told: int, verdict: str) -> None:
    short = FLOOD | {"seconds": seconds, "untold": told}
    seen = {"date": "2026-03-02", "broken_off": False, "sustained": short, "burst": short}
    assert of(lines({"flood": seen}), "2,000 a second").verdict == verdict
    # A burst is ten seconds.
    assert of(lines({"flood": seen}), "10,000 a second").verdict == ("MISSED" if told else "met")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [({}, "met"), ({"minutes": 60.0}, "unfinished"), ({"minutes": 9, "amiss": ["cut"]}, "MISSED")],
)
def test_a_soak_lasts_two_hours(change: Result, verdict: str) -> None:
    soaked = {
        "date": "2026-03-02", "broken_off": False, "minutes": 120.4, "calls": 36_000, "amiss": [],
        "mib_per_hour": 0.2, "files": 1, "tasks": 2,
    }  # fmt: skip
    found = lines({"soak": soaked | change})
    assert of(found, "each minute: amiss").verdict == verdict
    assert of(found, "each minute: memory").verdict == ("met" if not change else "unfinished")


@pytest.mark.parametrize(
    ("gate", "wanted", "key"),
    [
        ("arrivals-sqlite", Wanted(), "arrivals-sqlite"),
        ("arrivals-sqlite", Wanted(minutes=30, rate=20, agents=80), "arrivals-sqlite"),
        ("arrivals-sqlite", Wanted(minutes=60, agents=90), "arrivals-sqlite"),
        ("arrivals-sqlite", Wanted(minutes=1), "arrivals-sqlite#minutes=1"),
        ("arrivals-sqlite", Wanted(rate=5), "arrivals-sqlite#rate=5"),
        ("arrivals-sqlite", Wanted(rate=50, minutes=10), "arrivals-sqlite@50"),
        ("arrivals-sqlite", Wanted(rate=50, agents=8), "arrivals-sqlite#agents=8"),
        ("live-sqlite", Wanted(minutes=1, calls=2000), "live-sqlite@2000"),
        ("live-sqlite", Wanted(calls=20, rate=3), "live-sqlite#rate=3,calls=20"),
        ("flood", Wanted(minutes=0.5), "flood#minutes=0.5"),
        ("soak", Wanted(minutes=5, rate=5), "soak#minutes=5"),
        ("soak", Wanted(minutes=480), "soak"),
    ],
)
def test_a_run_with_less_than_the_goal_asks_replaces_none(
    gate: str, wanted: Wanted, key: str
) -> None:
    [chosen] = gates.chosen([gate])
    assert chosen.key(wanted) == key
    if "#" in key:
        less = ARRIVALS | {"calls": 1}
        assert lines({key: less}) == lines({})


@pytest.mark.parametrize(
    ("parts", "well"), [({}, False), ({"ami": {"ok": False}}, False), ({"ami": {"ok": True}}, True)]
)
def test_a_server_that_starts_is_not_back_yet(parts: Result, well: bool) -> None:
    assert live.is_well({"ready": False, "parts": parts}, "ami") is well


def test_nothing_measured_and_no_number_meet_no_goal() -> None:
    limit = Limit("ms", (20,), (10,))
    seen = limit.line("waits", [float("nan")], command="x", when="-")
    assert (seen.verdict, seen.stretched) == ("MISSED", False)
    assert limit.unmeasured("waits", "x").verdict == "not measured"


def test_a_gate_is_chosen_by_its_name_or_its_first_word() -> None:
    assert gates.chosen([]) == list(GATES)
    assert [g.name for g in gates.chosen(["arrivals"])] == [
        "arrivals-sqlite",
        "arrivals-postgresql",
    ]
    assert [g.name for g in gates.chosen(["flood", "live-sqlite"])] == ["flood", "live-sqlite"]
    with pytest.raises(LookupError, match="arivals"):
        gates.chosen(["arivals", "flood"])


def test_what_was_measured_is_kept_and_left_out_only_where_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    kept.keep("flood", {"date": kept.today(), "broken_off": False}, path)
    kept.keep("arrivals-sqlite", {"date": kept.today(), "broken_off": True}, path)
    kept.keep("soak", {"date": "2026-01-01", "broken_off": False}, path)
    found = kept.kept(path)
    assert [name for name in found if kept.is_whole(found[name])] == ["flood"]
    assert not kept.is_whole(found.get("live-sqlite"))


def test_control_c_ends_the_gate_and_keeps_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_told(_: Wanted, enough: runs.Enough) -> Result:
        os.kill(os.getpid(), signal.SIGINT)
        assert enough()
        return {"seen": 3}

    written: dict[str, Result] = {}
    monkeypatch.setattr(gates, "GATES", (Gate("one", 1, until_told), Gate("two", 1, until_told)))
    monkeypatch.setattr(gates, "_write", written.__setitem__)
    assert gates.main([]) == 1
    assert [(name, seen["seen"], seen["broken_off"]) for name, seen in written.items()] == [
        ("one", 3, True)
    ]


def test_half_are_known_and_each_stranger_calls_twice() -> None:
    called = Counter(call.number for call in numbers.script(0, 4000))
    known = {number: times for number, times in called.items() if numbers.is_known(number)}
    assert sum(known.values()) == 2000
    assert {times for number, times in called.items() if number not in known} == {2}
    shapes = Counter(
        (call.shape.audio, numbers.is_known(call.number)) for call in numbers.script(0, 4000)
    )
    assert shapes == {
        (True, True): 500,
        (True, False): 500,
        (False, True): 1500,
        (False, False): 1500,
    }
