"""One target by Atheris: libFuzzer looks at what each input reaches and keeps what reaches more.

    python -m tests.fuzz.guided TARGET [--seconds 60]

Needs the extra `fuzz` (requirements-fuzz.lock). What reached something new is kept below
`var/fuzz/corpus/TARGET` and is where the next run begins. Ends with libFuzzer's own words.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

from tests.fuzz.targets import NAMES, target_named

_OURS = (
    "ami_bridge",
    "calls",
    "config",
    "crm_adapter",
    "ivr",
    "screenpop",
    "phonenumbers",
    "jmespath",
)
_KEPT = Path("var/fuzz")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    wanted = parser.parse_args()
    with atheris.instrument_imports(include=list(_OURS), enable_loader_override=False):
        target = target_named(wanted.target)
    corpus = _KEPT / "corpus" / wanted.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = _KEPT / f"{wanted.target}.words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words if len(word) < 60))
    found = _KEPT / wanted.target
    found.mkdir(exist_ok=True)
    options = [
        f"-max_total_time={wanted.seconds}",
        "-max_len=4096",
        "-timeout=5",
        f"-dict={words}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
