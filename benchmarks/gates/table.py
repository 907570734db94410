"""Every goal of a release under load, with what was measured of it: the table of docs/operations.md
and the sentence of README.md. Figures of other benchmarks come from where these keep them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks import outbox, promises
from benchmarks.gates import loaded
from benchmarks.gates.goals import BURST_S, FLOOD_MINUTES, SOAK_MINUTES
from benchmarks.gates.line import Limit, Line, Verdict, verdict, when
from benchmarks.gates.loaded import COMMAND
from benchmarks.promises import Sources
from benchmarks.row import Result
from tests.faults import catalogue

_HEAD = "| what | goal | stretch | measured | | by | when |\n|---|---|---|---|---|---|---|"
#: The names of the goal's and the stretch's, their events a second, and how long they last.
_FLOODS = (
    ("sustained", "sustained_stretch", "2,000", "4,000", FLOOD_MINUTES * 60),
    ("burst", "burst_stretch", "10,000", "15,000", BURST_S),
)
_FAULTS, _FAULTS_STRETCH = 50, 57
_INPUTS, _INPUTS_STRETCH, _PARSERS = 10**6, 10**7, 12
_CRASHES = 960


def lines(sources: Sources, kept: Mapping[str, Result]) -> list[Line]:
    return [
        *loaded.lines(kept),
        *_pixels(sources),
        *_floods(kept.get("flood")),
        *_crm_down(sources),
        *_drained(sources),
        *_failover(sources),
        *_soaked(kept.get("soak")),
        *_counted(sources),
    ]


def page(sources: Sources, kept: Mapping[str, Result]) -> str:
    every = lines(sources, kept)
    return "\n".join([_HEAD, *(line.row() for line in every)])


def summary(sources: Sources, kept: Mapping[str, Result]) -> str:
    every = lines(sources, kept)

    def count(one: Verdict) -> int:
        return sum(line.verdict == one for line in every)

    goals = len(every) - count("–")
    told = f"Of {goals} goals under load {count('met')} are met, {count('MISSED')} missed"
    if more := count("unfinished"):
        told += f", {more} not measured for as long as they ask"
    if unknown := count("not measured"):
        told += f", {unknown} not measured yet"
    missed = "; ".join(f"{one.what}: {one.measured}" for one in every if one.verdict == "MISSED")
    told += f". Missed: {missed}." if missed else "."
    return (
        f"{told} [All of them](docs/operations.md#sizing), each with the command that measures it."
    )


def _pixels(sources: Sources) -> Iterator[Line]:
    command, seen = "python -m benchmarks.desktop", sources.benchmarks.get("desktop")
    limit = Limit("ms", (300,), (100,))
    for agents in ("500", "2000"):
        what = f"from the ringing to a real browser's paint, {int(agents):,} agents connected, p95"
        if seen is None:
            yield limit.unmeasured(what, command)
            continue
        value = seen["stages"][agents]["to_pixels_ms_p95"]
        yield limit.line(what, [value], command=command, when=when(seen))


def _floods(seen: Result | None) -> Iterator[Line]:
    command = f"{COMMAND} flood"
    for name, harder, rate, more, asked_s in _FLOODS:
        what = f"AMI events, {rate} a second, {name}: ends of calls not told"
        if seen is None or name not in seen:
            yield Line(what, "0", f"0 at {more}", "–", "not measured", command, "–")
            continue
        flood, stretch = seen[name], seen.get(harder)
        yield Line(
            what=what,
            goal="0",
            stretch=f"0 at {more}",
            measured=_flooded(flood),
            verdict=verdict(met=_is_told(flood), holds=flood["seconds"] >= asked_s),
            command=command,
            when=when(seen, f"{flood['seconds']:g} s"),
            stretched=stretch is not None and _is_told(stretch),
        )


def _is_told(flood: Result) -> bool:
    return not flood["stuck"] and flood["untold"] == flood["connections_lost"] == 0


def _flooded(flood: Result) -> str:
    if flood["stuck"]:
        return "some were never told"
    return (
        f"{flood['untold']} of {flood['calls']:,}; {flood['events']:,} events, {flood['shed']:,} "
        f"of those that matter least shed, {flood['behind_s']:g} s behind at the end, loop late by "
        f"{flood['lag_ms_p99']:g} ms (p99), {flood['lag_ms_worst']:g} ms (worst)"
    )


def _crm_down(sources: Sources) -> Iterator[Line]:
    command, seen = "python -m benchmarks crm_away", sources.benchmarks.get("crm_away")
    asked, known = Limit("ms", (1600,)), Limit("ms", (5,))
    for kind, what in (("silent", "says nothing"), ("refused", "refuses")):
        first = f"the CRM {what}: a caller's wait for it, p99"
        later = f"the CRM {what}: the same once that is known, p99"
        if seen is None:
            yield asked.unmeasured(first, command)
            yield known.unmeasured(later, command)
            continue
        row = seen[kind]
        yield asked.line(first, [row["asked_p99_ms"]], command=command, when=when(seen))
        yield known.line(later, [row["not_asked_p99_ms"]], command=command, when=when(seen))


def _drained(sources: Sources) -> Iterator[Line]:
    command, seen = "python -m benchmarks outbox", sources.benchmarks.get("outbox")
    limit = Limit("s", (outbox.AIM_S,))
    for name in ("SQLite", "PostgreSQL"):
        what = f"10,000 writes delivered after an outage, {name}"
        if seen is None:
            yield limit.unmeasured(what, command)
            continue
        row = seen["databases"][name]
        yield limit.line(what, [row["seconds"]], command=command, when=when(seen))


def _failover(sources: Sources) -> Iterator[Line]:
    command = "python -m benchmarks.frozen_or_dead"
    dead = promises.worst_s(sources, "dead, the last caller was in the queue after")
    frozen = promises.worst_s(sources, "frozen, the last caller was in the queue after")
    at = promises.measured_on(sources, "frozen-or-dead", command)
    for what, limit, value in (
        ("dead", Limit("s", (2,), (0.1,)), dead),
        ("frozen", Limit("s", (8,), (5,)), frozen),
    ):
        yield limit.line(
            f"the server is {what}: its last caller is in a queue",
            [value],
            command=command,
            when=at,
        )


def _soaked(seen: Result | None) -> Iterator[Line]:
    command, slope = f"{COMMAND} soak", Limit("MiB an hour", (1,))
    what = "calls with a fault each minute"
    if seen is None:
        yield Line(f"{what}: amiss", "nothing", "–", "–", "not measured", command, "–")
        yield slope.unmeasured(f"{what}: memory grows by", command)
        return
    at, holds = when(seen, f"{seen['minutes']:g} min"), seen["minutes"] >= SOAK_MINUTES
    yield Line(
        f"{what}: amiss",
        "nothing",
        "–",
        f"{seen['calls']:,} calls; " + ("; ".join(seen["amiss"]) or "nothing"),
        verdict(met=not seen["amiss"], holds=holds),
        command,
        at,
    )
    yield slope.line(
        f"{what}: memory grows by",
        [seen["mib_per_hour"]],
        command=command,
        when=at,
        holds=holds,
        note=f"open files {seen['files']:+}, tasks {seen['tasks']:+}",
    )


def _counted(sources: Sources) -> Iterator[Line]:
    command = "python -m benchmarks.kill_matrix"
    times, points, lost, doubled = promises.killed(sources)
    crashes = int(times.replace(",", ""))
    harmed = int(lost.replace(",", "")) + int(doubled.replace(",", ""))
    yield Limit("", (0,)).line(
        f"killed at each step, {_CRASHES} times: lost or doubled",
        [harmed],
        command=command,
        when=promises.measured_on(sources, "kill-matrix", command),
        note=f"{crashes} deaths at {points} points",
        holds=crashes >= _CRASHES,
    )
    faults = len(catalogue.rows_of(sources.operations))
    yield _at_least(
        "faults of the catalogue with a test", faults, _FAULTS, _FAULTS_STRETCH,
        "python -m tests.faults.catalogue",
    )  # fmt: skip
    fewest = min((target["inputs"] for target in sources.fuzz.values()), default=0)
    yield _at_least(
        f"bad inputs to each of {len(sources.fuzz)} parsers", fewest, _INPUTS, _INPUTS_STRETCH,
        "make fuzz", holds=len(sources.fuzz) >= _PARSERS,
    )  # fmt: skip


def _at_least(
    what: str, value: int, goal: int, harder: int, command: str, *, holds: bool = True
) -> Line:
    met = holds and value >= goal
    return Line(
        what, f"at least {goal:,}", f"{harder:,}", f"{value:,}", "met" if met else "MISSED",
        command, "–", stretched=value >= harder,
    )  # fmt: skip
