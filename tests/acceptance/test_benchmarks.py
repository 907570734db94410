"""Every benchmark works; their figures are for `make bench`, not for here."""

from __future__ import annotations

import math

import pytest

from benchmarks import __main__ as bench
from benchmarks import desktop
from benchmarks.measuring import Metrics, quantile, within_buckets

pytestmark = pytest.mark.acceptance


#: What rings its page is tried with `pops`, the rest below: a centre of its own takes too long.
LONG = "desktop"
#: Whose calls must not wait for other tests' work: they are counted.
COUNTED = ("calls", "demo_start")
#: A third of a minute and more each; the others show that a benchmark runs and has rows.
TAKES_LONG = ("crm_dip", "demo_start", "pops")


def _marks(name: str) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.alone] if name in COUNTED else []
    return [*marks, pytest.mark.long] if name in TAKES_LONG else marks


@pytest.mark.parametrize(
    "benchmark",
    [
        pytest.param(one, id=one.name, marks=_marks(one.name))
        for one in bench.BENCHMARKS
        if one.name != LONG
    ],
)
def test_it_runs_and_has_rows(benchmark: bench.Benchmark) -> None:
    results = bench.run_all([benchmark], quick=True)
    result = results[benchmark.name]
    rows = benchmark.rows(result)
    assert rows
    assert all(row.figure and "nan" not in row.figure for row in rows)
    if benchmark.name == "calls":
        assert (result["calls_failed"], result["records_missing"], result["pops_missing"]) == (
            0,
            0,
            0,
        ), result
    page = bench.document(results)
    assert page.count(f"`{benchmark.command}`") == len(rows)


async def test_the_desk_alone_and_its_rows() -> None:
    cost = await desktop.processor_time(60)
    assert 0 < cost["pop_cpu_ms"] < 1_000
    stage = {"to_pixels_ms_p50": 20.0, "to_pixels_ms_p95": 120.0, "kib_per_agent": 21.5}
    page = {"page_sent_kib": 323, "page_kib": 323, "page_ready_ms_p50": 1, "page_ready_ms_worst": 2}
    stages = {"1": stage | {"kib_per_agent": None}, "500": stage, "2000": stage}
    [rows] = [one.rows for one in bench.BENCHMARKS if one.name == LONG]
    told = rows({"stages": stages, **cost, **page})
    assert [row.aim for row in told] == ["p95 ≤ 100: **missed**"] * 2 + ["–"] * 4


def test_quantiles() -> None:
    assert quantile([5, 1, 4, 2, 3], 0.5) == 3
    assert quantile([5, 1, 4, 2, 3], 0.99) == 5
    assert math.isnan(quantile([], 0.5))
    # 50 up to 1 s, 50 more up to 2 s: the 75th of 100 is in the middle of the second bucket.
    assert within_buckets([(1.0, 50), (2.0, 100), (math.inf, 100)], 0.75) == 1.5
    # Beyond the last bound nothing is known but that.
    assert within_buckets([(1.0, 50), (math.inf, 100)], 0.99) == 1.0
    assert math.isnan(within_buckets([(1.0, 0), (math.inf, 0)], 0.5))


def test_a_histogram_between_two_scrapes() -> None:
    def scrape(first: int, second: int) -> Metrics:
        return Metrics(
            "# TYPE wait_seconds histogram\n"
            f'wait_seconds_bucket{{le="1.0"}} {first}\n'
            f'wait_seconds_bucket{{le="2.0"}} {second}\n'
            f'wait_seconds_bucket{{le="+Inf"}} {second}\n'
            f"wait_seconds_sum 1\nwait_seconds_count {second}\n"
        )

    before, after = scrape(10, 10), scrape(10, 20)
    assert after.values["wait_seconds_count"] == 20
    assert after.quantile("wait_seconds", 0.5) == 1.0
    assert after.quantile("wait_seconds", 0.5, since=before) == 1.5
