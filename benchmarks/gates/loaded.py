"""The goals that calls on a real Asterisk are measured against: lines of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.gates.databases import DATABASES, WORDS
from benchmarks.gates.goals import CALLS, MINUTES, RATE
from benchmarks.gates.line import Limit, Line, when
from benchmarks.row import Result

COMMAND = "python -m benchmarks gates --only"

_NONE = Limit("", (0,))
#: What one run of arrivals tells: the words, the figures' names, and the goal.
_FIGURES = (
    ("our first word to a call, p99", ("first_command_ms_p99",), Limit("ms", (20,), (10,))),
    (
        "what we add to a caller's wait, p95 and p99",
        ("added_ms_p95", "added_ms_p99"),
        Limit("ms", (300, 600), (150, 300)),
    ),
    (
        "from the ringing to the desktop's frame, p95 and p99",
        ("pop_ms_p95", "pop_ms_p99"),
        Limit("ms", (300, 800), (100, 300)),
    ),
    (
        "loop lag, p99 of the worst minute and worst",
        ("lag_ms_p99", "lag_ms_worst"),
        Limit("ms", (20, 100), (5, 50)),
    ),
    ("until the CRM has what it is to be told, p95", ("crm_lag_s_p95",), Limit("s", (2,))),
    (
        "processor time of one call: ours, speaking programs, Asterisk",
        ("ours_cpu_ms", "speech_cpu_ms", "asterisk_cpu_ms"),
        Limit("ms"),
    ),
)


def lines(kept: Mapping[str, Result]) -> Iterator[Line]:
    for kind in DATABASES:
        yield from _arrivals(kept, f"arrivals-{kind}", WORDS[kind])
    for kind in DATABASES:
        yield from _live(kept, f"live-{kind}", WORDS[kind])


def _arrivals(kept: Mapping[str, Result], name: str, database: str) -> Iterator[Line]:
    command = f"{COMMAND} {name}"
    seen = kept.get(name)
    what = f"{RATE:g} calls a second for {MINUTES:g} min, {database}: lost or doubled of anything"
    if seen is None:
        yield _NONE.unmeasured(what, command)
        for words, _, limit in _FIGURES:
            yield limit.unmeasured(f"{database}: {words}", command)
    else:
        at, holds = when(seen, _minutes(seen)), seen["minutes"] >= MINUTES
        yield _counted(what, seen, command, holds=holds)
        for words, names, limit in _FIGURES:
            values = [seen[one] for one in names]
            yield limit.line(f"{database}: {words}", values, command=command, when=at, holds=holds)
        yield _growth(f"{database}: the server's memory, as those calls came", seen, command, at)
    for key, more in kept.items():
        if key.startswith(f"{name}@"):
            yield _stretch(key.partition("@")[2], more, name, database)


def _counted(what: str, seen: Result, command: str, *, holds: bool) -> Line:
    lost = {name: count for name, count in seen["lost"].items() if count}
    words = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in lost.items())
    note = f"{seen['calls']:,} calls" + (f": {words}" if words else "")
    at = when(seen, _minutes(seen) if "minutes" in seen else "")
    return _NONE.line(what, [sum(lost.values())], command=command, when=at, note=note, holds=holds)


def _growth(what: str, seen: Result, command: str, at: str) -> Line:
    slope = seen["mib_per_hour"]
    grown = "too short to tell" if slope is None else f"{slope:+g} MiB an hour"
    files, tasks = ("→".join(f"{n:g}" for n in seen[name]) for name in ("files", "tasks"))
    measured = f"{grown}, {seen['mib']} MiB at last; open files {files}, tasks {tasks}"
    return Line(what, "–", "–", measured, "–", command, at)


def _stretch(rate: str, seen: Result, name: str, database: str) -> Line:
    line = _counted(
        f"the stretch: {rate} calls a second, {database}: lost or doubled",
        seen,
        f"{COMMAND} {name} --rate {rate}",
        holds=True,
    )
    told = (
        f"; first word p99 {seen['first_command_ms_p99']:g} ms, added p99 "
        f"{seen['added_ms_p99']:g} ms, processors {seen['machine_busy']:.0%} busy"
    )
    return Line(line.what, "–", "0", f"{line.measured}{told}", "–", line.command, line.when)


def _minutes(seen: Result) -> str:
    if seen["minutes"] < seen["planned_minutes"]:
        return f"{seen['minutes']:g} of {seen['planned_minutes']:g} min"
    return f"{seen['minutes']:g} min"


_POPS = Limit("ms", (300, 800), (100, 300))
_SERVING, _IN_STEP = Limit("s", (3,), (1,)), Limit("s", (5,), (2,))


def _live(kept: Mapping[str, Result], name: str, database: str) -> Iterator[Line]:
    runs = {key: seen for key, seen in kept.items() if key.partition("@")[0] == name}
    if name not in runs:
        what = f"{CALLS} calls at once, {database}"
        command = f"{COMMAND} {name}"
        yield _NONE.unmeasured(f"{what}: lost or doubled of anything", command)
        yield _POPS.unmeasured(f"{what}: to the desktop's frame, p95 and p99", command)
        yield _SERVING.unmeasured(f"{what}: killed, serving again", command)
        yield _IN_STEP.unmeasured(f"{what}: killed, every call known again", command)
    for key, seen in runs.items():
        _, is_more, count = key.partition("@")
        command = f"{COMMAND} {name}" + (f" --calls {count}" if is_more else "")
        what = f"{seen['calls']:,} calls at once, as many agents connected, {database}"
        at = when(seen)
        yield _counted(
            f"{what}: lost or doubled of anything",
            seen,
            command,
            holds=seen["at_once"] == seen["calls"],
        )
        pops = [seen["pop_ms_p95"], seen["pop_ms_p99"]]
        yield _POPS.line(
            f"{what}: to the desktop's frame, p95 and p99", pops, command=command, when=at
        )
        back = seen["back"]
        if back is None:
            yield _SERVING.unmeasured(f"{what}: killed, serving again", command)
            continue
        yield _SERVING.line(
            f"{what}: killed, serving again", [back["serving_s"]], command=command, when=at
        )
        yield _IN_STEP.line(
            f"{what}: killed, every call known again",
            [back["in_step_s"]],
            command=command,
            when=at,
            note=f"every desktop is back after {back['desktops_s']:g} s",
        )
