"""The programs that the demo starts, and how to get those that are missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from calls.errors import Misconfigured
from switchboard.demo import asterisk_program


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    debian: str
    #: Where other systems find it, or its sources.
    home: str


SIPP = Program("sipp", "sip-tester", "https://github.com/SIPp/sipp")
_STARTED = (
    SIPP,
    Program("flite", "flite", "https://github.com/festvox/flite"),
    Program("espeak-ng", "espeak-ng", "https://github.com/espeak-ng/espeak-ng"),
    # It finds Asterisk, or fetches it.
    Program("sh", "dash", "any POSIX shell"),
)
_ASTERISK = "asterisk (20 or later)"


def require_all() -> None:
    """Raises Misconfigured with everything that is missing and how to get it."""
    missing = [program for program in _STARTED if shutil.which(program.name) is None]
    no_asterisk = not (asterisk_program.is_at_hand() or asterisk_program.can_be_fetched())
    if missing or no_asterisk:
        raise Misconfigured("\n".join(_remedy(missing, no_asterisk=no_asterisk)))


def remedy(program: Program) -> str:
    return "\n".join(_remedy([program], no_asterisk=False))


def _remedy(missing: list[Program], *, no_asterisk: bool) -> Iterator[str]:
    names = [program.name for program in missing] + [_ASTERISK] * no_asterisk
    said = f"missing: {', '.join(names)}."
    if missing:
        said += f" On Debian: apt-get install {' '.join(each.debian for each in missing)}"
    yield said
    for program in missing:
        yield f"  {program.name} elsewhere: your system's package, or {program.home}"
    if no_asterisk:
        yield (
            "  asterisk: your system's package, or https://www.asterisk.org/downloads; where "
            "apt-get is there, the demo fetches a private copy itself"
        )
