"""A program with Piper's command line and a hum for a voice. Voice files are too large to test
with, so this stands in where the program is not installed.

As of piper 1.8.0's `python -m piper`: `--model FILE --output_dir FOLDER`, one text per line on
standard input, and `INFO:__main__:Wrote PATH` on standard error for each. Texts of the test's own
make it misbehave.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.fakes.humming import hum


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("-d", "--output-dir", "--output_dir", required=True)
    options = parser.parse_args()
    if not Path(options.model).exists():
        raise ValueError(f"Unable to find voice: {options.model} (use piper.download_voices)")
    print("DEBUG:__main__:Loading voice", file=sys.stderr, flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        if line.startswith("Crash"):
            os.kill(os.getpid(), 9)
        if line.startswith("Hang"):
            time.sleep(1000)
        path = Path(options.output_dir) / f"{time.monotonic_ns()}.wav"
        if line.startswith("Chatter"):
            while True:
                print("INFO:__main__:" + "x" * 4000, file=sys.stderr, flush=True)
        if line.startswith("Elsewhere"):
            path = Path("/etc/passwd.wav")
        else:
            path.write_bytes(b"noise" if line.startswith("Garbage") else hum(len(line) / 20))
        print(
            f"WARNING:piper.phoneme_ids:Missing phoneme\nINFO:__main__:Wrote {path}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
