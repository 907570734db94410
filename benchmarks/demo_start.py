"""How long the demo takes until calls come: the first time in a folder, and every time after.

From the start of `switchboard demo` to its line that says calls come, as its user waits for it.
Asterisk has been fetched before: that is the network's time.

    python -m benchmarks.demo_start [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from switchboard.demo import free_ports

ROOT = Path(__file__).parent.parent
AIM_S = 10.0
_CALLS_COME = "calls come until Ctrl-C"


def measure(*, rounds: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="swb-bench-") as name:
        first = _start(Path(name))
        again = [_start(Path(name)) for _ in range(rounds)]
    return {
        "benchmark": "demo_start",
        "first_s": round(first, 1),
        "again_s": round(statistics.median(again), 1),
        "worst_again_s": round(max(again), 1),
        "aim_s": AIM_S,
    }


def _start(folder: Path) -> float:
    """Seconds until calls came; the demo has ended in good order then."""
    words = ["--folder", str(folder), "--web-port", str(free_ports.tcp())]
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "switchboard", "demo", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if _CALLS_COME in line:
                break
        took_s = time.monotonic() - began
        demo.send_signal(signal.SIGINT)
        more, _ = demo.communicate(timeout=60)
    if not said or _CALLS_COME not in said[-1]:
        raise RuntimeError("the demo did not start:\n" + "".join(said) + more)
    return took_s


def run(*, quick: bool) -> dict[str, Any]:
    return measure(rounds=1 if quick else 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = run(quick=options.quick)
    if options.json:
        print(json.dumps(seen))
    else:
        print(f"first {seen['first_s']} s, again {seen['again_s']} s (at most {AIM_S:g} wanted)")


if __name__ == "__main__":
    main()
