"""Seconds from `switchboard publish` to a new version, as a supervisor waits for them.

The whole command: start of the program, checks, examples, dry run, speaking what is not spoken yet,
the move of the pointer. Cold: nothing was ever spoken. Warm: one sentence of the example is new.

    python -m benchmarks.publish [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from config.rulebook_loader import SHIPPED

AIM_S = 5.0
_SETTINGS = """
storage: {url: "sqlite:///switchboard.db"}
rulebook: {state_dir: state}
speech: {cache_dir: prompts}
"""


def measure(*, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="swb-publish-") as name:
        folder = Path(name)
        (folder / "switchboard.yaml").write_text(_SETTINGS)
        shutil.copytree(SHIPPED, folder / "rulebook")
        cold_s = _publish(folder)
        warm_s = []
        for number in range(rounds):
            menus = folder / "rulebook" / "menus.yaml"
            text = menus.read_text(encoding="utf-8")
            menus.write_text(
                text.replace("Invoices and payments", f"Invoices and payments {number}", 1),
                encoding="utf-8",
            )
            warm_s.append(_publish(folder))
    return {
        "cold_s": round(cold_s, 2),
        "warm_s": round(statistics.median(warm_s), 2),
        "worst_warm_s": round(max(warm_s), 2),
        "rounds": rounds,
        "aim_s": AIM_S,
    }


def _publish(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "switchboard", "publish", "rulebook", "--author", "benchmark"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return time.perf_counter() - began


def run(*, quick: bool) -> dict[str, Any]:
    return measure(rounds=1 if quick else 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = run(quick=options.quick)
    if options.json:
        print(json.dumps(seen))
    else:
        print(f"warm {seen['warm_s']} s (worst {seen['worst_warm_s']}), cold {seen['cold_s']} s")


if __name__ == "__main__":
    main()
