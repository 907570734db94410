"""What several benchmarks need: processor time, quantiles, the server's own metrics."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time so far, without children (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def children_cpu_s(pid: int) -> float:
    """The same of its children: those that have ended (fields 16 and 17), and those that live."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / TICKS_PER_S
    living = 0.0
    for child in _children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            living += cpu_s(child)
    return ended + living


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def resident_kib(pid: int) -> int:
    """Memory of the process that is its own or shared (proc(5), status, VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def machine_busy_s() -> tuple[float, float]:
    """Seconds of processor used by everybody on this machine, and those it had (proc(5), stat)."""
    numbers = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return (sum(numbers) - idle) / TICKS_PER_S, sum(numbers) / TICKS_PER_S


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Metrics:
    """One scrape of /metrics: values by sample name, buckets by histogram."""

    def __init__(self, text: str) -> None:
        self.values: dict[str, float] = {}
        self._buckets: dict[str, list[tuple[float, float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    bucket = (float(sample.labels["le"]), sample.value)
                    self._buckets.setdefault(sample.name.removesuffix("_bucket"), []).append(bucket)
                elif not sample.labels:
                    self.values[sample.name] = sample.value

    @classmethod
    async def scrape(cls, base_url: str) -> Metrics:
        async with aiohttp.ClientSession() as http, http.get(f"{base_url}/metrics") as answer:
            return cls(await answer.text())

    def quantile(self, histogram: str, share: float, *, since: Metrics | None = None) -> float:
        """In the histogram's unit, within a bucket in proportion; NaN where nothing was seen
        since the other scrape."""
        return within_buckets(self._since(histogram, since), share)

    def _since(self, histogram: str, since: Metrics | None) -> list[tuple[float, float]]:
        before = dict(since._buckets.get(histogram, [])) if since else {}
        return [(le, n - before.get(le, 0.0)) for le, n in self._buckets.get(histogram, [])]


def within_buckets(buckets: Iterable[tuple[float, float]], share: float) -> float:
    """`buckets`: (upper bound, how many up to it), as Prometheus counts them."""
    ordered = sorted(buckets)
    if not ordered or not ordered[-1][1]:
        return math.nan
    wanted = share * ordered[-1][1]
    below, counted = 0.0, 0.0
    for bound, count in ordered:
        if count >= wanted:
            if math.isinf(bound) or count == counted:
                return below
            return below + (bound - below) * (wanted - counted) / (count - counted)
        below, counted = bound, count
    return below
