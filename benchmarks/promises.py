"""What everybody is promised, with what was measured of it and which tests hold it.

`python -m benchmarks.readme` puts the table into README.md. Figures are read from where their
commands wrote them; a promise that only tests can hold says what they try.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.test_f53_broken_rulebooks import CALLS, corpus

ROOT = Path(__file__).parent.parent
OPERATIONS = ROOT / "docs" / "operations.md"
BENCHMARKS = ROOT / "benchmarks" / "results.json"
FUZZ = ROOT / "tests" / "fuzz" / "results.json"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class NotMeasured(LookupError):
    """A page or file lacks the figure; the message says which command writes it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What commands wrote: the page's sentences, and results by name."""

    operations: str
    benchmarks: dict[str, dict[str, Any]]
    fuzz: dict[str, dict[str, Any]]

    @classmethod
    def read(cls) -> Sources:
        return cls(
            operations=OPERATIONS.read_text(encoding="utf-8"),
            benchmarks=json.loads(BENCHMARKS.read_text(encoding="utf-8")),
            fuzz=json.loads(FUZZ.read_text(encoding="utf-8")),
        )

    def sentence(self, marker: str, command: str) -> str:
        found = re.search(rf"<!-- {marker}: [^\n]* -->\n([^\n]+)\n", self.operations)
        if found is None:
            raise NotMeasured(f"docs/operations.md has no {marker}; run {command}")
        return found[1]

    def benchmark(self, name: str) -> dict[str, Any]:
        if name not in self.benchmarks:
            raise NotMeasured(f"results.json has no {name}; run python -m benchmarks.{name}")
        return self.benchmarks[name]


@dataclass(frozen=True, slots=True)
class Promise:
    number: str
    says: str
    measured: Callable[[Sources], str]
    #: What measures it anew.
    command: str
    #: `file::test`, each in `make test`.
    tests: tuple[str, ...]


def worst_s(sources: Sources, before: str) -> float:
    """The largest of the seconds that were measured and stand behind `before`."""
    command = "python -m benchmarks.frozen_or_dead"
    told = sources.sentence("frozen-or-dead", command)
    found = re.search(rf"{before} ([^;]+?) s\b", told)
    if found is None:
        raise NotMeasured(f"docs/operations.md has no {before!r}; run {command}")
    # "(no standby yet)" and the like hold no figures.
    return max(float(number) for number in _NUMBER.findall(found[1]))


def killed(sources: Sources) -> tuple[str, str, str, str]:
    """How often, at how many points, and how many calls were lost and things doubled by it."""
    command = "python -m benchmarks.kill_matrix"
    told = sources.sentence("kill-matrix", command)
    found = re.search(
        r"killed ([\d,]+) times at (\d+) points.*?; ([\d,]+) lost, ([\d,]+) doubled", told
    )
    if found is None:
        raise NotMeasured(f"docs/operations.md has no counts; run {command}")
    return found[1], found[2], found[3], found[4]


def measured_on(sources: Sources, marker: str, command: str) -> str:
    """The date, YYYY-MM-DD."""
    found = re.search(r"Measured (\d{4}-\d\d-\d\d)", sources.sentence(marker, command))
    if found is None:
        raise NotMeasured(f"docs/operations.md has no date of {marker}; run {command}")
    return found[1]


def _never_lost(sources: Sources) -> str:
    frozen = worst_s(sources, "frozen, the last caller was in the queue after")
    dead = worst_s(sources, "dead, the last caller was in the queue after")
    calls = sources.benchmark("calls")
    return (
        f"last of 50 callers in the queue after {dead:g} s (dead), {frozen:g} s (frozen); "
        f"{calls['calls_failed']} of {calls['calls_offered']:,} calls failed at "
        f"{calls['rate']:g} a second"
    )


def _recorded(sources: Sources) -> str:
    times, points, lost, _ = killed(sources)
    again = worst_s(sources, "the new server served")
    return (
        f"killed {times} times, at {points} steps: {lost} calls lost; served again {again:g} s "
        "after the end of the server before (`python -m benchmarks.frozen_or_dead`)"
    )


def _written_once(sources: Sources) -> str:
    times, _, _, doubled = killed(sources)
    calls = sources.benchmark("calls")
    return (
        f"{doubled} leads, calls and tasks doubled by these {times} deaths; "
        f"{calls['records_doubled']} of {calls['calls_offered']:,} records under load"
    )


def _popped(sources: Sources) -> str:
    stage = sources.benchmark("desktop")["stages"]["500"]
    calls = sources.benchmark("calls")
    return (
        f"{stage['to_pixels_ms_p95']:g} ms in 95 of 100, 500 agents connected; "
        f"{calls['pops_missing']} of {calls['phones_rung']:,} missing under load"
    )


def _never_replaced(_: Sources) -> str:
    return (
        f"tried with {len(corpus())} broken rulebooks beside {CALLS} calls: the test's own numbers"
    )


def _unharmed(sources: Sources) -> str:
    inputs = sum(target["inputs"] for target in sources.fuzz.values())
    slowest = max(target["slowest_ms"] for target in sources.fuzz.values())
    return f"{inputs:,} inputs at {len(sources.fuzz)} parsers, the slowest took {slowest:g} ms"


PROMISES = (
    Promise(
        "P1",
        "No call is lost because of us: with Switchboard dead, frozen, slow or wrong the caller "
        "reaches the default queue, within 2 s (dead) or 8 s (frozen, by the watchdog)",
        _never_lost,
        "python -m benchmarks.frozen_or_dead",
        (
            "tests/faults/test_f22_killed_server.py::test_killed_under_load_and_started_again",
            "tests/faults/test_f23_frozen_server.py::"
            "test_the_watchdog_rescues_every_caller_and_new_ones_are_served",
            "tests/faults/test_f27_handler_raises.py::"
            "test_the_rule_engine_raises_and_the_caller_is_in_the_default_queue",
        ),
    ),
    Promise(
        "P2",
        "What was journaled is kept: a call's row is on the disk before its caller hears anything, "
        "and it is closed and told to the CRM whatever dies meanwhile; served again within 3 s",
        _recorded,
        "python -m benchmarks.kill_matrix",
        (
            "tests/integration/crm_adapter/test_kill_matrix.py::"
            "test_killed_anywhere_the_crm_has_everything_once",
            "tests/faults/test_f01_asterisk_killed.py::"
            "test_every_call_is_closed_as_lost_and_none_is_left",
        ),
    ),
    Promise(
        "P3",
        "Everything is written to the CRM at least once and found there once: no second lead for a "
        "number",
        _written_once,
        "python -m benchmarks.kill_matrix",
        (
            "tests/contracts/test_crm_faults.py::"
            "test_a_write_repeated_until_it_succeeds_leaves_one_record",
            "tests/integration/crm_adapter/test_call_records.py::"
            "test_fifty_calls_of_one_stranger_make_one_lead",
        ),
    ),
    Promise(
        "P4",
        "Whoever is rung sees who calls within 300 ms in 95 of 100 times, once, and after a lost "
        "connection misses nothing",
        _popped,
        "python -m benchmarks.desktop",
        (
            "tests/acceptance/desktop/test_many_agents.py::"
            "test_a_page_is_in_time_beside_499_other_agents",
            "tests/faults/test_f50_lost_desktop.py::test_no_pop_is_missed_and_none_comes_twice",
            "tests/faults/test_f51_two_tabs.py::"
            "test_one_acknowledgement_and_one_wrap_up_of_three_desktops",
        ),
    ),
    Promise(
        "P5",
        "An invalid rulebook never replaces a valid one",
        _never_replaced,
        "pytest tests/faults/test_f53_broken_rulebooks.py",
        (
            "tests/faults/test_f53_broken_rulebooks.py::"
            "test_none_of_sixty_is_taken_while_calls_are_served",
        ),
    ),
    Promise(
        "P6",
        "No bytes from SIP, AMI, AGI, HTTP, a websocket, a CRM, YAML or a model end the process or "
        "another call",
        _unharmed,
        "make fuzz",
        (
            "tests/fuzz/test_targets.py::test_what_it_promises_holds_for_a_moment",
            "tests/acceptance/test_hostile_callers.py::"
            "test_each_is_served_and_ends_as_exactly_one_record",
            "tests/unit/scoring/registry/test_checked_loading.py::"
            "test_100_times_one_byte_changed_under_a_hash_that_fits_hurts_nobody",
        ),
    ),
)


def table(sources: Sources) -> str:
    rows = [
        f"| {one.number} | {one.says} | {one.measured(sources)} | `{one.command}`; "
        + ", ".join(f"`{test}`" for test in one.tests)
        + " |"
        for one in PROMISES
    ]
    return "\n".join(("| | promise | measured | by; and held by |", "|---|---|---|---|", *rows))
