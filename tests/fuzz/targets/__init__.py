"""The targets, by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

#: Raises whatever it likes where the parser broke a promise.
Check = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """`seeds` are honest inputs, `words` what its language is made of; `longest` is in bytes."""

    check: Check
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    longest: int = 70_000


NAMES = (
    "ami_framer",
    "ami_message",
    "ami_encoder",
    "agi_header",
    "agi_reply",
    "agi_command",
    "phone_number",
    "rule_loader",
    "template",
    "desk_frame",
    "crm_answer",
    "webhook",
)


def target_named(name: str) -> Target:
    """Imports nothing of the others."""
    if name not in NAMES:
        raise SystemExit(f"there is no target {name}; one of {', '.join(NAMES)}")
    made: Target = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    return made
