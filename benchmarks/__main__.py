"""All figures, or those named: `python -m benchmarks [--quick] [NAME ...]`. Goals under load
are measured apart: `python -m benchmarks gates --help`.

Without --quick they go into benchmarks/results.json, and from there with the figures of earlier
runs into RESULTS.md and README.md; with it each benchmark only shows that it works.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks import (
    agi_protocol,
    ami_events,
    caller_time,
    calls,
    crm_away,
    crm_dip,
    crm_lookup,
    crm_rows,
    decision,
    demo_start,
    desktop,
    outbox,
    pops,
    publish,
    readme,
    speech,
)
from benchmarks.gates import __main__ as gates
from benchmarks.row import Result, Row, with_aim
from switchboard.demo.asterisk_program import AsteriskProgram


@dataclass(frozen=True, slots=True)
class Benchmark:
    name: str
    run: Callable[[bool], Result]
    rows: Callable[[Result], list[Row]]

    @property
    def command(self) -> str:
        return f"python -m benchmarks.{self.name}"


def _events(quick: bool) -> Result:
    number, rounds = (60, 3) if quick else (600, 5)
    return asyncio.run(ami_events.measure(calls=number, rounds=rounds))


def _agi_rows(seen: Result) -> list[Row]:
    cost = {name: row["cpu_ms_per_session"] for name, row in seen["servers"].items()}
    ours, aim = cost["switchboard"], seen["target_cpu_ms"]
    others = f"asyncio streams {cost['asyncio streams']:.3f}, pyst2 {cost['pyst2 threads']:.2f}"
    return [
        Row(
            "CPU ms of one FastAGI session",
            f"{ours:.3f}",
            others,
            with_aim(f"≤ {aim}", ours <= aim),
        )
    ]


def _event_rows(seen: Result) -> list[Row]:
    ours, theirs = seen["switchboard_events_per_s"], seen["panoramisk_events_per_s"]
    aim = with_aim("≥ 1.5 ×", seen["ratio"] >= 1.5)
    return [
        Row(
            "AMI events a second, calls followed",
            f"{ours:,}",
            f"panoramisk, not following: {theirs:,}",
            aim,
        )
    ]


def _call_rows(seen: Result) -> list[Row]:
    load = f"{seen['rate']:g} calls/s for {seen['seconds']:g} s on a real Asterisk"
    lost = sum(seen[name] for name in ("calls_failed", "calls_by_fallback", "records_missing"))
    lost += seen["records_doubled"] + seen["pops_missing"]
    return [
        Row(
            f"{load}: failed, by fallback, records missing, doubled, pops missing",
            f"{seen['calls_failed']}, {seen['calls_by_fallback']}, {seen['records_missing']}, "
            f"{seen['records_doubled']}, {seen['pops_missing']}",
            f"{seen['calls_offered']} calls, {seen['phones_rung']} phones rung",
            with_aim("none", lost == 0),
        ),
        Row(
            "CPU ms of one such call",
            f"{seen['ours_cpu_ms_per_call']}",
            f"Asterisk's own: {seen['asterisk_cpu_ms_per_call']}; the programs that speak the "
            f"callers' names: {seen['speech_programs_cpu_ms_per_call']}",
            with_aim("≤ Asterisk's", seen["ratio"] <= 1.0),
        ),
        Row(
            "ms to the first sound, p50 and p99",
            f"{seen['first_prompt_ms_p50']:g}, {seen['first_prompt_ms_p99']:g}",
            f"less Asterisk's ANSWER: {seen['first_prompt_less_answer_ms_p50']:g}, "
            f"{seen['first_prompt_less_answer_ms_p99']:g}",
            "–",
        ),
        Row("worst loop lag of that minute, ms", f"{seen['loop_lag_worst_ms']:g}", "–", "–"),
    ]


def _pop_rows(seen: Result) -> list[Row]:
    return [
        Row(
            f"ms from AgentCalled to pixels, p50 and p95, {seen['desktops']} desktops more",
            f"{seen['to_pixels_ms_p50']:g}, {seen['to_pixels_ms_p95']:g}",
            f"plain websocket echo to pixels: {seen['echo_ms_p50']:g}, {seen['echo_ms_p95']:g}",
            with_aim("p95 ≤ 100", seen["to_pixels_ms_p95"] <= 100),
        )
    ]


def _desktop_rows(seen: Result) -> list[Row]:
    stages, few = seen["stages"], next(iter(seen["stages"].values()))
    rows = [
        Row(
            f"ms from AgentCalled to pixels, p50 and p95; agents connected: {int(count):,}",
            f"{stage['to_pixels_ms_p50']:g}, {stage['to_pixels_ms_p95']:g}",
            f"fewest agents: {few['to_pixels_ms_p50']:g}, {few['to_pixels_ms_p95']:g}",
            with_aim("p95 ≤ 100", stage["to_pixels_ms_p95"] <= 100) if int(count) <= 500 else "–",
        )
        for count, stage in stages.items()
    ]
    most = max(stages, key=int)
    return [
        *rows,
        Row(
            "CPU ms of one pop: shown, stored, acknowledged, closed",
            f"{seen['pop_cpu_ms']:g}",
            f"plain aiohttp websocket echo: {seen['echo_cpu_ms']:g}",
            "–",
        ),
        Row(
            f"KiB of the server's memory for one agent, of {int(most):,}",
            f"{stages[most]['kib_per_agent'] or 0:g}",
            "–",
            "–",
        ),
        Row(
            "the page without a phone: KiB sent, ms until it is ready, median and worst",
            f"{seen['page_sent_kib']:g}, {seen['page_ready_ms_p50']:g}, "
            f"{seen['page_ready_ms_worst']:g}",
            f"KiB unpacked: {seen['page_kib']:g}",
            "–",
        ),
    ]


def _speech_rows(seen: Result) -> list[Row]:
    rows = []
    for engine, kinds in seen["engines"].items():
        warm, cold = kinds["warm"], kinds["cold"]
        faster = warm["ms_per_sentence"] <= cold["ms_per_sentence"]
        rows.append(
            Row(
                f"{engine}: ms of one sentence, seconds spoken in a second",
                f"{warm['ms_per_sentence']:.1f}, {warm['spoken_s_per_s']:.0f}",
                f"a program for each: {cold['ms_per_sentence']:.1f}, {cold['spoken_s_per_s']:.0f}",
                with_aim("≤ a program for each", faster),
            )
        )
    return [*rows, Row("µs to find a prompt that is ready", f"{seen['ready_us']:g}", "–", "–")]


def _decision_rows(seen: Result) -> list[Row]:
    rules, aim = seen["rules"], seen["aim_ms"]
    most = max(rules, key=int)
    fewer = "; ".join(
        f"{count} rules: {row['p50_ms']:g}, {row['p99_ms']:g}"
        for count, row in rules.items()
        if count != most
    )
    return [
        Row(
            f"CPU ms of one decision, p50 and p99, {int(most):,} rules and {seen['offers']} offers",
            f"{rules[most]['p50_ms']:g}, {rules[most]['p99_ms']:g}",
            f"undisturbed p99: {rules[most]['undisturbed_p99_ms']:g}; {fewer}",
            with_aim(f"p99 ≤ {aim:g}", rules[most]["p99_ms"] <= aim),
        )
    ]


def _publish_rows(seen: Result) -> list[Row]:
    return [
        Row(
            "s to publish the shipped rulebook with one new sentence, median and worst",
            f"{seen['warm_s']:g}, {seen['worst_warm_s']:g}",
            f"nothing spoken before: {seen['cold_s']:g}",
            with_aim(f"≤ {seen['aim_s']:g}", seen["worst_warm_s"] <= seen["aim_s"]),
        )
    ]


def _caller_time_rows(seen: Result) -> list[Row]:
    static, ours, optimum = (seen[f"{who}_s"] for who in ("static", "ours", "optimum"))
    known = "known before"
    aim = f"≤ {seen['aim']:g} × static"
    return [
        Row(
            f"s from the greeting to the right option, {seen['calls']:,} {seen['source']}",
            f"{ours['all']:g} ({seen['ratio']:g} × static)",
            f"best static menu {static['all']:g}, choice known beforehand {optimum['all']:g} "
            f"({seen['ratio_optimum']:g} × static)",
            with_aim(aim, seen["ratio"] <= seen["aim"]),
        ),
        Row(
            "the same, callers who are known and called before",
            f"{ours[known]:g} ({seen['ratio_known']:g} × static)",
            f"best static menu {static[known]:g}, choice known beforehand {optimum[known]:g} "
            f"({seen['ratio_optimum_known']:g} × static)",
            with_aim(aim, seen["ratio_known"] <= seen["aim"]),
        ),
    ]


def _demo_rows(seen: Result) -> list[Row]:
    return [
        Row(
            "s from a second start of the demo until calls come, median and worst",
            f"{seen['again_s']:g}, {seen['worst_again_s']:g}",
            f"first start in that folder: {seen['first_s']:g}",
            with_aim(f"≤ {seen['aim_s']:g}", seen["worst_again_s"] <= seen["aim_s"]),
        )
    ]


BENCHMARKS = (
    Benchmark("agi_protocol", lambda quick: agi_protocol.run(quick=quick), _agi_rows),
    Benchmark("ami_events", _events, _event_rows),
    Benchmark("calls", lambda quick: calls.run(quick=quick), _call_rows),
    Benchmark("pops", lambda quick: pops.run(quick=quick), _pop_rows),
    Benchmark("desktop", lambda quick: desktop.run(quick=quick), _desktop_rows),
    Benchmark("speech", lambda quick: speech.run(quick=quick), _speech_rows),
    Benchmark("decision", lambda quick: decision.run(quick=quick), _decision_rows),
    Benchmark("publish", lambda quick: publish.run(quick=quick), _publish_rows),
    Benchmark("crm_lookup", lambda quick: crm_lookup.run(quick=quick), crm_rows.lookup_rows),
    Benchmark("crm_dip", lambda quick: crm_dip.run(quick=quick), crm_rows.dip_rows),
    Benchmark("outbox", lambda quick: outbox.run(quick=quick), crm_rows.outbox_rows),
    Benchmark("crm_away", lambda quick: crm_away.run(quick=quick), crm_rows.away_rows),
    Benchmark("caller_time", lambda quick: caller_time.run(quick=quick), _caller_time_rows),
    Benchmark("demo_start", lambda quick: demo_start.run(quick=quick), _demo_rows),
)


_NAMES = tuple(benchmark.name for benchmark in BENCHMARKS)
KEPT = readme.RESULTS.with_name("results.json")


def run_all(wanted: Sequence[Benchmark], *, quick: bool) -> dict[str, Result]:
    results = {}
    for number, benchmark in enumerate(wanted, 1):
        began = time.monotonic()
        print(f"[{number}/{len(wanted)}] {benchmark.name} ...", file=sys.stderr, flush=True)
        result = benchmark.run(quick)
        if "skipped" in result:
            print(f"      SKIPPED, nothing was measured: {result['skipped']}", file=sys.stderr)
            continue
        for row in benchmark.rows(result):
            print(f"      {row.what}: {row.figure}  ({row.beside}; {row.aim})", file=sys.stderr)
        print(f"      {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        load = [round(one, 1) for one in os.getloadavg()]
        results[benchmark.name] = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "load": load} | result
    return results


def document(results: Mapping[str, Result]) -> str:
    dates = sorted({result["date"] for result in results.values()})
    noise = "; ".join(
        f"{name}: load {result['load'][1]:g}"
        + (f", processors {result['machine_busy']:.0%} busy" if "machine_busy" in result else "")
        for name, result in results.items()
    )
    lines = [
        "# Results",
        "",
        f"Measured {' and '.join(dates)} on {os.cpu_count()} shared cores, with callers, phones, "
        "desktops and Asterisk on the same machine.",
        "",
        f"Noise: the machine is shared; its load as each began was ({noise}): compare the columns "
        "of one row and the counts; times are background. Processor time is that of the server "
        "process, from /proc/PID/stat; programs it runs to speak are counted apart.",
        "",
        f"{_versions()}.",
        "",
        "| what | figure | beside it, same run | aim | command |",
        "|---|---|---|---|---|",
    ]
    for benchmark in BENCHMARKS:
        for row in benchmark.rows(results[benchmark.name]) if benchmark.name in results else ():
            lines.append(
                f"| {row.what} | {row.figure} | {row.beside} | {row.aim} | `{benchmark.command}` |"
            )
    return "\n".join([*lines, ""])


def _versions() -> str:
    def first_line(*argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return next(iter(done.stdout.strip().splitlines()), "unknown")

    asterisk, sipp = first_line(*AsteriskProgram.fetch().command, "-V"), first_line("sipp", "-v")
    names = ("uvloop", "aiohttp", "sqlalchemy", "aiosqlite", "panoramisk", "pyst2")
    parts = [asterisk, sipp.rstrip(". "), f"Python {platform.python_version()}"]
    return ", ".join((*parts, *(f"{name} {version(name)}" for name in names)))


def main() -> None:
    if sys.argv[1:2] == ["gates"]:
        sys.exit(gates.main(sys.argv[2:]))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; writes nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_NAMES)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(_NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    wanted = [one for one in BENCHMARKS if one.name in (options.names or _NAMES)]
    results = run_all(wanted, quick=options.quick)
    if not options.quick:
        write(results)


def write(fresh: Mapping[str, Result]) -> None:
    known: dict[str, Result] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    known.update(fresh)
    results = {name: known[name] for name in _NAMES if name in known}
    KEPT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    readme.RESULTS.write_text(document(results), encoding="utf-8")
    readme.update()


if __name__ == "__main__":
    main()
