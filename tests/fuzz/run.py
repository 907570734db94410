"""One target, many inputs, one line of what came of it.

    python -m tests.fuzz.run TARGET --inputs 1000000 [--seed N] [--json FILE]

Exit 1 where a promise was broken: the input is printed and kept below `var/fuzz/TARGET`. Time is
the thread's own: another program on the machine is no fault of a parser's.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz import mutation
from tests.fuzz.targets import NAMES, Target, target_named

#: An input that costs more is a finding.
SLOW_S = 0.050
#: As is memory that does not come back.
MOST_GROWTH_MB = 20.0
_WARM = 20_000
_KEPT = Path("var/fuzz")


@dataclass
class Result:
    """`slowest_ms`: the best of three goes at the slowest input."""

    target: str
    inputs: int
    per_second: int
    slowest_ms: float
    growth_mb: float
    broken: str | None = None

    @property
    def is_good(self) -> bool:
        return (
            self.broken is None
            and self.slowest_ms <= SLOW_S * 1000
            and self.growth_mb <= MOST_GROWTH_MB
        )


def run(name: str, inputs: int, seed: int = 1) -> Result:
    target = target_named(name)
    clock = time.thread_time
    begun = clock()
    slowest, worst = 0.0, b""
    resident = 0.0
    done = 0
    for data in mutation.inputs(target, seed):
        if done == inputs:
            break
        if done == min(_WARM, inputs // 2):
            resident = _resident_mb()
        before = clock()
        try:
            target.check(data)
        except Exception:  # noqa: BLE001 -- whatever it is, it is what is looked for
            keep(name, data)
            broken = f"{data!r}\n{traceback.format_exc()}"
            return Result(name, done, 0, 0.0, 0.0, broken)
        took = clock() - before
        done += 1
        if took > slowest:
            # A pause for the garbage of all inputs before is not this one's.
            took = min(took, _again(target, data))
        if took > slowest:
            slowest, worst = took, data
    seconds = clock() - begun
    if slowest > SLOW_S:
        keep(name, worst)
    growth = max(0.0, _resident_mb() - resident)
    return Result(name, done, int(done / seconds), round(slowest * 1000, 2), round(growth, 1))


def _again(target: Target, data: bytes) -> float:
    took = []
    for _turn in range(2):
        before = time.thread_time()
        target.check(data)
        took.append(time.thread_time() - before)
    return min(took)


def _resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def keep(name: str, data: bytes) -> None:
    folder = _KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keep what came of it in this file")
    wanted = parser.parse_args()
    good = True
    for name in NAMES if wanted.target == "all" else (wanted.target,):
        result = run(name, wanted.inputs, wanted.seed)
        good = good and result.is_good
        print(
            f"{name:13} {result.inputs:>10,} inputs  {result.per_second:>8,}/s"
            f"  slowest {result.slowest_ms:.2f} ms  memory +{result.growth_mb:.1f} MB"
            f"  {'good' if result.is_good else 'BAD'}",
            flush=True,
        )
        if result.broken is not None:
            print(result.broken, file=sys.stderr)
        if wanted.json is not None and result.is_good:
            _note(wanted.json, result)
    return 0 if good else 1


def _note(file: Path, result: Result) -> None:
    known = json.loads(file.read_text()) if file.exists() else {}
    known[result.target] = {
        k: v for k, v in asdict(result).items() if k not in ("target", "broken")
    }
    file.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
