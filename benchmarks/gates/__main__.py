"""The goals that a release has under load, measured: all of them, or those named.

examples:
  python -m benchmarks gates
  python -m benchmarks gates --only arrivals-sqlite --minutes 1 --show
  python -m benchmarks gates --only arrivals-postgresql --rate 50 --minutes 10
  python -m benchmarks gates --only live-sqlite --calls 2000
  python -m benchmarks gates --continue

Writes benchmarks/gates/results.json, and with it the table of docs/operations.md and a sentence of
README.md; a run with less than the goal asks for stands in the file alone. Ctrl-C ends the gate
that is being measured and keeps what was seen of it; twice: all.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from benchmarks import readme
from benchmarks.gates import kept, runs
from benchmarks.gates.runs import GATES, Gate, Wanted
from benchmarks.row import Result


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks gates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(gate.name for gate in GATES)
    made.add_argument(
        "--only", action="append", metavar="NAME", default=[],
        help=f"of {names}; the first word of several names all of them",
    )  # fmt: skip
    made.add_argument("--minutes", type=_positive, help="of calls, events or soaking")
    made.add_argument("--rate", type=_positive, help="calls a second")
    made.add_argument("--calls", type=int, help="at once, with as many agents")
    made.add_argument("--agents", type=int, help="of arrivals")
    made.add_argument("--show", action="store_true", help="write nothing")
    made.add_argument(
        "--continue", action="store_true", dest="goes_on",
        help="leave out what was measured today and not broken off",
    )  # fmt: skip
    return made


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def chosen(only: Sequence[str]) -> list[Gate]:
    """Raises LookupError with the names that fit nothing."""
    known = {name for gate in GATES for name in (gate.name, gate.name.partition("-")[0])}
    if unknown := sorted(set(only) - known):
        raise LookupError(", ".join(unknown))
    return [
        gate for gate in GATES if not only or {gate.name, gate.name.partition("-")[0]} & {*only}
    ]


@contextmanager
def _broken_off() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C; the second one ends everything."""
    enough = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        if enough.is_set():
            raise KeyboardInterrupt
        enough.set()
        print("      broken off: what was measured is kept, wait for it", file=sys.stderr)

    before = signal.signal(signal.SIGINT, told)
    try:
        yield enough
    finally:
        signal.signal(signal.SIGINT, before)


def main(words: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(words)
    try:
        gates = chosen(options.only)
    except LookupError as error:
        made.error(f"no such gate: {error}")
    wanted = Wanted(options.minutes, options.rate, options.calls, options.agents)
    if options.goes_on:
        gates = [g for g in gates if not kept.is_whole(kept.kept().get(g.key(wanted)))]
    for number, gate in enumerate(gates, 1):
        began = time.monotonic()
        print(f"[{number}/{len(gates)}] {gate.name} ...", file=sys.stderr, flush=True)
        with _broken_off() as enough:
            result = runs.measured(gate, wanted, enough.is_set)
        runs.told(gate.key(wanted), result)
        print(f"      {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if not options.show:
            _write(gate.key(wanted), result)
        if result["broken_off"]:
            return 1
    return 0


def _write(key: str, result: Result) -> None:
    kept.keep(key, result)
    readme.update()


if __name__ == "__main__":
    sys.exit(main())
